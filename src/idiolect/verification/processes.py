"""Runs one command with limits on time and output, and leaves nothing of it behind."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

__all__ = ["Outcome", "run_limited"]

_STDERR_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command did."""

    stdout: bytes
    stderr: bytes
    """At most 16 KiB."""

    exit_code: int | None
    """None when the command was killed by us."""

    timed_out: bool
    flooded: bool
    """It wrote more than was allowed and was killed for that."""

    seconds: float


def run_limited(
    arguments: Sequence[str],
    stdin: bytes,
    *,
    wall_s: float,
    output_bytes: int,
    env: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a command in a process group of its own and kill the group at the end.

    Raises:
        OSError: the command could not be started.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        start_new_session=True,
    )
    try:
        stdout, stderr, timed_out, flooded = _exchange(
            process, stdin, started + wall_s, output_bytes
        )
        killed = timed_out or flooded
        if not killed:
            try:
                process.wait(max(0.0, started + wall_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                timed_out = killed = True
    finally:
        _kill_group(process)
    return Outcome(
        stdout=stdout,
        stderr=stderr,
        exit_code=None if killed else process.returncode,
        timed_out=timed_out,
        flooded=flooded,
        seconds=time.monotonic() - started,
    )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None and not stream.closed:
            os.close(_detach(stream))


def _detach(stream: IO[bytes]) -> int:
    """Give up the stream without flushing: nobody reads what is left."""
    fd = os.dup(stream.fileno())
    with contextlib.suppress(BrokenPipeError):
        stream.close()
    return fd


def _exchange(
    process: subprocess.Popen[bytes], stdin: bytes, deadline: float, output_bytes: int
) -> tuple[bytes, bytes, bool, bool]:
    """Feed and read until both outputs close: stdout, stderr, timed out, flooded."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    kept: dict[int, bytearray] = {process.stdout.fileno(): bytearray()}
    out, err = process.stdout.fileno(), process.stderr.fileno()
    kept[err] = bytearray()
    rest = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        for stream, event in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stdout, selectors.EVENT_READ),
            (process.stderr, selectors.EVENT_READ),
        ):
            os.set_blocking(stream.fileno(), False)
            selector.register(stream.fileno(), event)
        reading = {out, err}
        while reading:
            left = deadline - time.monotonic()
            if left <= 0:
                return bytes(kept[out]), bytes(kept[err]), True, False
            for key, _ in selector.select(left):
                if key.fd not in kept:
                    rest = _feed(key.fd, rest)
                    if not rest:
                        selector.unregister(key.fd)
                        process.stdin.close()
                    continue
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fd)
                    reading.discard(key.fd)
                elif key.fd == out or len(kept[err]) < _STDERR_BYTES:
                    kept[key.fd] += chunk
                if len(kept[out]) > output_bytes:
                    return bytes(kept[out][:output_bytes]), bytes(kept[err]), False, True
    return bytes(kept[out]), bytes(kept[err]), False, False


def _feed(fd: int, rest: memoryview) -> memoryview:
    """Write what fits; a reader that is gone needs nothing more."""
    try:
        return rest[os.write(fd, rest[:65536]) :]
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        return rest[:0]
