"""`manifest.json`: what a run was made with, for people and for other programs."""

import json
import os
import platform
import sys
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from idiolect.errors import StorageError

__all__ = ["hardware", "versions", "write_atomically", "write_manifest"]

_PACKAGES = (
    *("idiolect", "torch", "transformers", "tokenizers", "trl", "peft", "accelerate"),
    *("lm_eval", "numpy", "scipy"),
)


def write_manifest(path: Path, entries: dict[str, Any], *, seconds: float) -> None:
    """Write or renew the manifest of a run; wall time adds up over resumed processes."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        before = {}
    manifest = {
        "began": before.get("began", _local_time(time.time() - seconds)),
        "wall_seconds": round(before.get("wall_seconds", 0.0) + seconds, 1),
        "command": ["idiolect", *sys.argv[1:]],
        "versions": versions(),
        "hardware": hardware(),
        **entries,
    }
    write_atomically(path, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def _local_time(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(when))


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide numbers."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Return what this process computes on."""
    found: dict[str, Any] = {
        "system": platform.platform(),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
    }
    try:
        import torch
    except ImportError:  # the weights are on a server
        return found
    found["threads"] = torch.get_num_threads()
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new one, never half of it.

    Raises:
        StorageError: the disk refuses; the old file is still there.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise StorageError(
            f"{path}: cannot be written ({error.strerror}); free some space or name another file"
        ) from None


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
