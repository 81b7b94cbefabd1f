"""The side that judges: forks the program, reads the tests, runs them, reports each outcome.

Started as the main process of a sandbox. Standard input carries two frames: the job (program,
limits), and, read only after the fork, the tests. The program starts when both are read, so
that there is nothing left to steal. Standard output carries one JSON line for each outcome, so
that what was found before a time-out is known. A program may find a way to write there too (in
a container through /proc): each test has a token that is only shown when the test passed, and
the host believes nothing else.
"""

import ctypes
import json
import os
import resource
import sys
from typing import Any

from idiolect.verification.inside.frames import Closed, read_frame, read_message, write_message
from idiolect.verification.inside.program import serve
from idiolect.verification.inside.proxies import Peer, ProgramError

__all__ = ["main"]

_PR_SET_DUMPABLE = 4


def main() -> None:
    """Run one job and exit."""
    job: dict[str, Any] = json.loads(read_frame(0))
    report(event="started")
    _limit(job)
    # A process that is not dumpable cannot be traced, nor its memory read, by the program.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) was refused")
    to_program, from_tester = os.pipe()
    to_tester, from_program = os.pipe()
    if os.fork() == 0:
        serve(to_program, from_program, job)
    os.close(to_program)
    os.close(from_program)
    suite: dict[str, Any] = json.loads(read_frame(0))
    write_message(from_tester, {"start": True})
    _judge(Peer(to_tester, from_tester), to_tester, suite)
    sys.stdout.flush()
    os._exit(0)


def report(**event: Any) -> None:
    """Write one outcome for the host to read."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def _limit(job: dict[str, Any]) -> None:
    for limit, value in (
        (resource.RLIMIT_AS, job["memory_bytes"]),
        (resource.RLIMIT_CPU, job["cpu_s"]),
        (resource.RLIMIT_FSIZE, job["file_bytes"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(limit, (value, value))


def _judge(peer: Peer, fd: int, suite: dict[str, Any]) -> None:
    try:
        loaded = read_message(fd)
    except Closed:
        loaded = {"loaded": False, "problem": "the program ended before the tests"}
    if loaded.get("loaded") is not True:
        problem = str(loaded.get("problem"))[:300]
        report(event="not-loaded", syntax=loaded.get("syntax") is True, problem=problem)
        return
    variant = loaded.get("variant")
    report(event="loaded", variant=variant if isinstance(variant, int) else 0,
           trimmed=loaded.get("trimmed") is True)  # fmt: skip
    namespace: dict[str, Any] = {"__name__": "tests"}
    problem = _prepare(namespace, suite)
    if problem is not None:
        report(event="broken-tests", problem=problem)
        return
    for name in suite["names"]:
        try:
            namespace[name] = peer.name(name)
        except (KeyError, ProgramError, Closed):
            # A test that uses the name fails with a NameError, as it would in one process.
            namespace.pop(name, None)
    for index, test in enumerate(suite["tests"]):
        outcome, detail = _run(test, namespace)
        token = suite["tokens"][index] if outcome == "passed" else None
        report(event="test", index=index, outcome=outcome, detail=detail, token=token)
    report(event="done")


def _prepare(namespace: dict[str, Any], suite: dict[str, Any]) -> str | None:
    """Give the tests what the dataset provides: modules, setup, the prompt's own helpers."""
    for module in suite["modules"]:
        namespace[module] = __import__(module)
    for line in suite["imports"]:
        exec(line, namespace)
    for source in (suite["prompt"], suite["setup"]):
        try:
            exec(compile(source, "setup.py", "exec"), namespace)
        except SyntaxError:
            # The prompt of a completion task may end in the middle of a statement.
            if source is suite["setup"]:
                return "the setup of the tests is no valid Python"
        except Exception as error:
            # The dataset's own code may raise anything; it is reported as the dataset's fault.
            return f"the setup of the tests raised {type(error).__name__}: {error}"[:300]
    return None


def _run(test: str, namespace: dict[str, Any]) -> tuple[str, str]:
    """Run one test; the outcome is passed, failed, raised or broken."""
    try:
        code = compile(test, "test.py", "exec")
    except SyntaxError as error:
        return "broken", f"the test is no valid Python: {error}"[:300]
    try:
        exec(code, namespace)
    except AssertionError as error:
        return "failed", _where(error, test)
    except BaseException as error:  # tests are code: whatever they raise is their outcome
        return "raised", f"{type(error).__name__}: {error}"[:300]
    return "passed", ""


def _where(error: AssertionError, test: str) -> str:
    """Return the source line of the assertion that failed."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "test.py":
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = test.split("\n")
    return lines[line - 1].strip()[:300] if line and line <= len(lines) else "assertion failed"
