"""A pool of helper processes that can be killed: each job has its own time on our clock.

A job is one JSON line in and one JSON line out. A process that is late or dies is replaced,
and only the job that it had is lost.
"""

import contextlib
import json
import os
import queue
import selectors
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

__all__ = ["WorkerFailure", "WorkerPool"]

_START_S = 120.0
"""Seconds that a process may take to import its libraries; no job's time."""

_LINE_BYTES = 4 * 1024 * 1024


class WorkerFailure(Exception):
    """A job got no answer. The message begins with `timeout` or says how the process ended."""


class WorkerPool:
    """Runs a module as `python -m MODULE` in several processes and hands them jobs.

    The module writes one line when it is ready, and then answers line by line.
    """

    def __init__(self, module: str, *, size: int, timeout_s: float) -> None:
        self._module = module
        self._timeout_s = timeout_s
        self._size = size
        self._idle: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        for _ in range(size):
            self._idle.put(None)
        self._alive: set[_Worker] = set()
        weakref.finalize(self, _stop_all, self._alive)

    def map(self, jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any] | WorkerFailure]:
        """Return an answer or a failure for each job, in order."""
        with ThreadPoolExecutor(max_workers=self._size) as threads:
            return list(threads.map(self._run, jobs))

    def close(self) -> None:
        """Stop all processes. The next job starts new ones."""
        _stop_all(self._alive)

    def _run(self, job: dict[str, Any]) -> dict[str, Any] | WorkerFailure:
        worker = self._idle.get()
        try:
            if worker is None or not worker.is_running():
                worker = _Worker(self._module)
                self._alive.add(worker)
                worker.receive(_START_S)
            worker.send(job)
            return worker.receive(self._timeout_s)
        except WorkerFailure as failure:
            if worker is not None:
                worker.stop()
                self._alive.discard(worker)
                worker = None
            return failure
        finally:
            self._idle.put(worker)


def _stop_all(workers: "set[_Worker]") -> None:
    while workers:
        workers.pop().stop()


class _Worker:
    """One process."""

    def __init__(self, module: str) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerFailure(f"the process could not be started: {error}") from error
        self._rest = b""

    def is_running(self) -> bool:
        return self._process.poll() is None

    def send(self, job: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise WorkerFailure("the process ended before its job") from error

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """Return the next line.

        Raises:
            WorkerFailure: there was none in time, or the process ended.
        """
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise WorkerFailure(f"timeout: no result within {timeout_s:g} s")
                chunk = os.read(self._process.stdout.fileno(), 65536)
                if not chunk:
                    code = self._process.wait()
                    raise WorkerFailure(f"the process ended with code {code}")
                self._rest += chunk
                if len(self._rest) > _LINE_BYTES:
                    raise WorkerFailure("the process wrote too much")
        line, _, self._rest = self._rest.partition(b"\n")
        return cast("dict[str, Any]", json.loads(line))

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
