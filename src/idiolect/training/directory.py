"""The folder of an adapter: who holds it, what it was made from, and whether it is finished."""

import json
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from idiolect.errors import RunError, StorageError

__all__ = ["drop_checkpoints", "held", "newest_checkpoint", "prepare", "read_manifest"]

_LOCK = "train.lock"
_CHECKPOINTS = "checkpoints"
_OWN = ("manifest.json", "adapter_*", "README.md", "merged", "*.part")


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Hold the folder for this process.

    Raises:
        RunError: the folder holds something else, or another process holds it.
        StorageError: the disk refuses.
    """
    from filelock import FileLock, Timeout

    if folder.exists() and not (folder / _LOCK).exists() and any(folder.iterdir()):
        raise RunError(
            f"{folder}: exists and is no folder of `idiolect train`; use another --output-dir"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(
            f"{folder}: another process trains into this folder; wait for it or use another "
            "--output-dir"
        ) from None
    except OSError as error:
        raise StorageError(f"{folder}: cannot be made ({error.strerror})") from None
    try:
        yield
    finally:
        lock.release()


def prepare(folder: Path, identity: Mapping[str, Any], *, fresh: bool) -> None:
    """Check that the folder continues this training and no other; empty it where asked to.

    Raises:
        RunError: it was made from other inputs.
    """
    if fresh:
        # Before the manifest, which says what they are checkpoints of.
        drop_checkpoints(folder)
        for entry in [entry for pattern in _OWN for entry in folder.glob(pattern)]:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    before = read_manifest(folder).get("identity")
    now = json.loads(json.dumps(identity))
    if before is None or before == now:
        return
    changed = [
        f"`{key}` ({before.get(key)!r} -> {now.get(key)!r})"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    raise RunError(
        f"{folder}: resumed training differs in {', '.join(changed)}; "
        "use --fresh to start over, or another --output-dir"
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what is known of the training in a folder; nothing where there was none."""
    try:
        return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def drop_checkpoints(folder: Path) -> None:
    """Delete the checkpoints. A kill leaves all of them or none, never a part of one."""
    doomed = folder / f"{_CHECKPOINTS}.part"
    shutil.rmtree(doomed, ignore_errors=True)
    if (folder / _CHECKPOINTS).exists():
        (folder / _CHECKPOINTS).rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint that was written to its end."""
    whole = [path for path in checkpoints(folder) if _is_whole(path)]
    return whole[-1] if whole else None


def checkpoints(folder: Path) -> list[Path]:
    """Return the folders of the checkpoints, oldest first."""
    found = (folder / _CHECKPOINTS).glob("checkpoint-*")
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def _is_whole(checkpoint: Path) -> bool:
    # The trainer writes its state last, after weights, optimizer and random state.
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return True
