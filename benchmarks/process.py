"""A contestant in a process of its own, asked over its pipes, one line of JSON for each line."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

__all__ = ["Process", "open_answers", "started"]

_ROOT = Path(__file__).parents[1]


class Process:
    """The other end of a worker's pipes. The worker's first line says that it is ready."""

    def __init__(
        self, module: str, order: Any, log: Any, *, threads: int, environment: Mapping[str, str]
    ) -> None:
        settings = {
            "OMP_NUM_THREADS": str(threads),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "src")]),
        }
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(order)],
            cwd=_ROOT,
            env={**os.environ, **settings, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    def ask(self, **question: Any) -> dict[str, Any]:
        """Send a line and wait for the answer."""
        assert self._process.stdin is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Wait for a line.

        Raises:
            RuntimeError: the process ended; with the last line of its error stream.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            lines = self._log.read().decode(errors="replace").strip().splitlines()
            code = self._process.wait()
            raise RuntimeError(f"{lines[-1] if lines else 'ended'} (exit code {code})")
        return json.loads(line)

    def end(self) -> None:
        """Let the process end; make it, if need be."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()


@contextmanager
def started(
    module: str, order: Any, *, threads: int, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[Process, dict[str, Any]]]:
    """Run `python -m MODULE ORDER`; give the process and its first line.

    Raises:
        RuntimeError: it ended before it was ready.
    """
    with TemporaryFile() as log, ExitStack() as stack:
        process = Process(module, order, log, threads=threads, environment=environment or {})
        stack.callback(process.end)
        yield process, process.answer()


def open_answers() -> Any:
    """Return where a worker writes its answers; what else is printed goes to the error stream."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return lambda **values: print(json.dumps(values), file=answers, flush=True)
