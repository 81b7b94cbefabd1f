"""Rows as a file: JSONL or Parquet, by the suffix of its name."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from idiolect.data.export.base import Row
from idiolect.errors import MissingExtra, StorageError
from idiolect.runs.manifest import write_atomically

__all__ = ["SUFFIXES", "write_rows"]

SUFFIXES = (".jsonl", ".parquet")


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows so that a reader sees the old or the new file, never half of it.

    Raises:
        MissingExtra: Parquet without pyarrow.
        StorageError: the disk refuses.
    """
    if path.suffix == ".parquet":
        _write_parquet(path, rows)
        return
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    write_atomically(path, "".join(lines))


def _write_parquet(path: Path, rows: Sequence[Row]) -> None:
    try:
        from pyarrow import Table, parquet
    except ImportError:
        raise MissingExtra("pyarrow", "hub", "a Parquet file") from None
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(Table.from_pylist(list(rows)), part)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise StorageError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or name "
            "another file"
        ) from None
