"""Checks programs by running them against their tests, in a sandbox and only when allowed."""

import json
import os
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from idiolect.errors import ConfigError
from idiolect.records import Example
from idiolect.verification.base import Finding
from idiolect.verification.processes import Outcome
from idiolect.verification.programs import Suite, program_variants, read_suite
from idiolect.verification.sandbox import Limits, Sandbox, find_sandbox

__all__ = ["Code"]


class Code:
    """Runs the program of a response against the example's tests (HumanEval, MBPP).

    A program that fails a test, does not end in time or ends before its tests is incorrect. A
    response without a program is unparsable. A sandbox that does not start is an error, and
    so is a test that is broken itself.

    Args:
        confirm_run_unsafe_code: has to be True. Without it nothing generated ever runs.
        sandbox: where to run; the first that works on this machine by default.
        limits: what each program may use.
        workers: programs at a time; by default one more than there are cores, because the start of
            a sandbox waits as much as it computes.

    Raises:
        ConfigError: running was not confirmed, or there is no sandbox.
    """

    name = "code"

    def __init__(
        self,
        *,
        confirm_run_unsafe_code: bool = False,
        sandbox: Sandbox | None = None,
        limits: Limits | None = None,
        workers: int | None = None,
    ) -> None:
        if not confirm_run_unsafe_code:
            raise ConfigError(
                "code verifier: it runs programs that a model wrote, and running them was not "
                "confirmed; add --confirm-run-unsafe-code (confirm_run_unsafe_code=True in "
                "Python) to run them in a sandbox"
            )
        self._sandbox = sandbox if sandbox is not None else find_sandbox()
        self._limits = limits if limits is not None else Limits()
        self._workers = workers if workers is not None else (os.cpu_count() or 1) + 1

    def check(self, pairs: Sequence[tuple[Example, str]]) -> list[Finding]:
        """Check each response. Same length, same order."""
        with ThreadPoolExecutor(max_workers=self._workers) as pool:
            return list(pool.map(self._check, pairs))

    def _check(self, pair: tuple[Example, str]) -> Finding:
        example, response = pair
        if example.tests is None or not example.tests.tests:
            return Finding(status="unchecked", detail="the example has no tests")
        try:
            suite = read_suite(example.tests)
        except (SyntaxError, ValueError, RecursionError) as error:
            return Finding(status="error", detail=f"the example's tests cannot be read: {error}")
        variants = program_variants(response, example.tests)
        if not variants:
            return Finding(status="unparsable", rule="none", detail="the response holds no code")
        tokens = [secrets.token_hex(16) for _ in suite.tests]
        outcome = self._run(suite, variants, tokens)
        if isinstance(outcome, str):
            return Finding(status="error", detail=outcome)
        return _finding(outcome, tokens, variants, self._limits)

    def _run(
        self, suite: Suite, variants: Sequence[tuple[str, str]], tokens: Sequence[str]
    ) -> Outcome | str:
        job = {
            "variants": [source for source, _ in variants],
            "names": suite.names,
            **self._limits.as_job(),
        }
        tests = {
            "names": suite.names,
            "modules": suite.modules,
            "imports": suite.imports,
            "prompt": suite.prompt,
            "setup": suite.setup,
            "tests": suite.tests,
            "tokens": tokens,
        }
        try:
            return self._sandbox.run([job, tests], self._limits)
        except OSError as error:
            return f"the sandbox {self._sandbox.name} could not be started: {error}"


def _events(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the tester's lines; the last may be cut off."""
    events: list[dict[str, Any]] = []
    for line in outcome.stdout.decode("utf-8", "replace").split("\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(cast("dict[str, Any]", event))
    return events


def _finding(
    outcome: Outcome,
    tokens: Sequence[str],
    variants: Sequence[tuple[str, str]],
    limits: Limits,
) -> Finding:
    events = _events(outcome)
    kinds: dict[str, dict[str, Any]] = {str(event.get("event")): event for event in events}
    if "started" not in kinds:
        problem = outcome.stderr.decode("utf-8", "replace").strip()[-300:]
        why = "it did not start in time" if outcome.timed_out else problem or "it did not start"
        return Finding(status="error", detail=f"sandbox: {why}")
    if "broken-tests" in kinds:
        return Finding(status="error", detail=str(kinds["broken-tests"].get("problem")))
    if "not-loaded" in kinds:
        event = kinds["not-loaded"]
        status = "unparsable" if event.get("syntax") else "incorrect"
        return Finding(status=status, rule=variants[0][1], detail=str(event.get("problem")))
    tests = [event for event in events if event.get("event") == "test"]
    if any(event.get("outcome") == "broken" for event in tests):
        return Finding(status="error", detail=str(tests[-1].get("detail")))
    # A line that says "passed" may be the program's own; the token of the test is not.
    shown = {str(event.get("token")) for event in tests}
    passed = sum(token in shown for token in tokens)
    loaded = kinds.get("loaded", {})
    index = loaded.get("variant")
    if not isinstance(index, int) or not 0 <= index < len(variants):
        index = 0
    source, rule = variants[index]
    rule += "/trimmed" if loaded.get("trimmed") else ""
    complete = "done" in kinds and outcome.exit_code == 0
    if complete and passed == len(tokens):
        return Finding(status="correct", extracted=source, rule=rule)
    return Finding(
        status="incorrect",
        extracted=source,
        rule=rule,
        detail=_detail(outcome, tests, passed, len(tokens), limits),
    )


def _number(event: dict[str, Any]) -> str:
    index = event.get("index")
    return str(index + 1) if isinstance(index, int) else "?"


def _detail(
    outcome: Outcome, tests: Sequence[dict[str, Any]], passed: int, count: int, limits: Limits
) -> str:
    """Say how many tests passed and what became of each that did not."""
    parts = [f"{passed} of {count} tests passed"]
    parts += [
        f"test {_number(event)} {event.get('outcome')}: {event.get('detail')}"
        for event in tests
        if event.get("outcome") != "passed"
    ][:5]
    if outcome.timed_out:
        parts.append(f"test {len(tests) + 1} did not end within {limits.wall_s:g} s")
    elif outcome.flooded:
        parts.append("killed: too much output")
    elif outcome.exit_code != 0 or len(tests) < count:
        parts.append("the tests were ended from inside the program")
    return "; ".join(parts)
