"""Length-prefixed JSON messages over file descriptors."""

import json
import os
from typing import Any, cast

__all__ = ["MAX_FRAME", "Closed", "read_frame", "read_message", "write_frame", "write_message"]

MAX_FRAME = 4 * 1024 * 1024
"""Bytes. A program that returns more than this fails its test."""

# Bound here, so that a program that patches these modules does not change this code.
_read, _write, _dumps, _loads = os.read, os.write, json.dumps, json.loads


class Closed(Exception):
    """The other side is gone, or sent what is no message."""


def read_frame(fd: int) -> bytes:
    """Read one frame.

    Raises:
        Closed: the other side ended, or announced more than `MAX_FRAME` bytes.
    """
    length = int.from_bytes(_exactly(fd, 4), "big")
    if length > MAX_FRAME:
        raise Closed(f"a message of {length} bytes; at most {MAX_FRAME} are read")
    return _exactly(fd, length)


def _exactly(fd: int, count: int) -> bytes:
    chunks: list[bytes] = []
    while count:
        chunk = _read(fd, min(count, 65536))
        if not chunk:
            raise Closed("the program ended")
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def write_frame(fd: int, payload: bytes) -> None:
    """Write one frame.

    Raises:
        Closed: the other side ended.
    """
    data = memoryview(len(payload).to_bytes(4, "big") + payload)
    try:
        while data:
            data = data[_write(fd, data) :]
    except BrokenPipeError as error:
        raise Closed("the program ended") from error


def read_message(fd: int) -> dict[str, Any]:
    """Read one JSON object; raises `Closed` for anything else."""
    try:
        message = _loads(read_frame(fd))
    except (ValueError, RecursionError) as error:
        raise Closed(f"no message: {error}") from error
    if not isinstance(message, dict):
        raise Closed("no message")
    return cast("dict[str, Any]", message)


def write_message(fd: int, message: dict[str, Any]) -> None:
    """Write one JSON object.

    Raises:
        Closed: the other side ended, or the message is too large.
    """
    payload = _dumps(message, separators=(",", ":")).encode("ascii")
    if len(payload) > MAX_FRAME:
        raise Closed(f"a message of {len(payload)} bytes; at most {MAX_FRAME} are sent")
    write_frame(fd, payload)
