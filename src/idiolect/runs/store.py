"""One run in one directory: rows in SQLite, landed as soon as they exist.

Every `add` is one transaction. A process may be killed at any moment; the same command then
continues with the rows that are there. A run remembers what it was made from and refuses to
go on with anything else, naming the difference.
"""

import json
import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from filelock import FileLock, Timeout

from idiolect.errors import RunError, StorageError
from idiolect.runs.rows import TABLES, Record, from_row, table_of, to_row

__all__ = ["Run", "RunReader", "claim_directory", "storage_errors"]

T = TypeVar("T", bound=Record)

_OWN = (
    "adapters",
    "run.sqlite*",
    "manifest.json",
    "config.resolved.yaml",
    "train.jsonl",
    "train.yaml",
    "train.jinja",
    "retarget.jsonl",
    "*.part",
)


class Run:
    """A run directory that this process holds.

    Args:
        path: The directory; it is made when it does not exist.
        identity: What the rows depend on, as dotted names with plain values. A resumed run
            must have been made from the same.
        fresh: Delete what an earlier run of this name wrote first; other files stay.

    Raises:
        RunError: another process holds the run, the directory belongs to something else, or
            the identity differs.
        StorageError: the disk refuses.
    """

    def __init__(
        self,
        path: str | Path,
        identity: Mapping[str, Any],
        *,
        fresh: bool = False,
    ) -> None:
        self.path = Path(path)
        self._file = self.path / "run.sqlite"
        claim_directory(self.path)
        self._lock = FileLock(self.path / "run.lock")
        self._acquire()
        try:
            if fresh:
                self._clear()
            with storage_errors(self._file):
                # Autocommit mode: transactions are begun and ended by `_transaction` alone.
                self._db = sqlite3.connect(self._file, isolation_level=None)
        except BaseException:
            self._release()
            raise
        try:
            self._make_tables()
            self._check_identity(identity)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let others have the run."""
        self._db.close()
        self._release()

    # Rows

    def add(self, *records: Record) -> None:
        """Land records in one transaction. A record with the key of an older one replaces it."""
        with self._transaction():
            for record in records:
                table = table_of(type(record))
                marks = ", ".join("?" * (len(table.columns) + 1))
                self._db.execute(
                    f'INSERT OR REPLACE INTO "{table.name}" VALUES ({marks})',
                    (*to_row(record), time.time()),
                )

    def all(self, kind: type[T]) -> list[T]:
        """Return all records of one kind, in the order in which they were written."""
        with storage_errors(self._file):
            return _select(self._db, kind)

    def delete(self, kind: type[Record], **where: Any) -> int:
        """Delete records whose fields have the given values; return how many."""
        table = table_of(kind)
        clause = " AND ".join(f'"{name}" = ?' for name in where) or "1"
        with self._transaction():
            cursor = self._db.execute(
                f'DELETE FROM "{table.name}" WHERE {clause}', tuple(where.values())
            )
        return cursor.rowcount

    # What the run remembers beside its rows

    def note(self, key: str, value: Any) -> None:
        """Remember a plain value under a key."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                (key, json.dumps(value, sort_keys=True)),
            )

    def recall(self, key: str, default: Any = None) -> Any:
        """Return a value that was noted, or the default."""
        with storage_errors(self._file):
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return default if row is None else json.loads(row[0])

    def log(self, level: str, message: str) -> None:
        """Append an event, unless the same was logged before."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO events (at, level, message) SELECT ?, ?, ? WHERE NOT EXISTS "
                "(SELECT 1 FROM events WHERE level = ? AND message = ?)",
                (time.time(), level, message, level, message),
            )

    # The directory

    def _acquire(self) -> None:
        holder = self.path / "run.holder.json"
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"{self.path}: another process holds this run ({_describe(holder)}); "
                "wait for it or use another --output-dir"
            ) from None
        except OSError as error:
            raise _refused(self.path, error) from None
        note = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        try:
            holder.write_text(json.dumps(note))
        except OSError as error:
            self._release()
            raise _refused(self.path, error) from None

    def _release(self) -> None:
        (self.path / "run.holder.json").unlink(missing_ok=True)
        self._lock.release()

    def _clear(self) -> None:
        # What the user put beside the run is not ours to delete.
        for entry in (e for pattern in _OWN for e in self.path.glob(pattern)):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _make_tables(self) -> None:
        with storage_errors(self._file):
            self._db.execute("PRAGMA journal_mode = WAL")
            # A killed process loses nothing at NORMAL; a power cut may lose the last rows,
            # which are then made again.
            self._db.execute("PRAGMA synchronous = NORMAL")
            for table in TABLES:
                self._db.execute(table.schema)
            self._db.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value JSON)")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS events (at REAL, level TEXT, message TEXT)"
            )

    def _check_identity(self, identity: Mapping[str, Any]) -> None:
        plain = json.loads(json.dumps(identity))
        before = self.recall("identity")
        if before is None:
            self.note("identity", plain)
            return
        changed = [
            f"`{key}` ({before.get(key)!r} -> {plain.get(key)!r})"
            for key in sorted(before.keys() | plain.keys())
            if before.get(key) != plain.get(key)
        ]
        if changed:
            raise RunError(
                f"{self.path}: resumed run differs in {', '.join(changed)}; "
                "use --fresh to start over, or another --output-dir"
            )

    @contextmanager
    def _transaction(self) -> Generator[None]:
        with storage_errors(self._file):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")


def claim_directory(path: Path) -> None:
    """Make a directory that a run may use, so that its inputs can be put there before it begins.

    Raises:
        RunError: there is something else.
        StorageError: the disk refuses.
    """
    if path.exists() and not path.is_dir():
        raise RunError(f"{path}: is a file, expected a run directory; use another name")
    foreign = path.exists() and any(path.iterdir())
    if foreign and not (path / "run.lock").exists():
        raise RunError(f"{path}: exists and is no run of idiolect; use another --output-dir")
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / "run.lock").touch()
    except OSError as error:
        raise StorageError(f"{path}: cannot be made ({error.strerror})") from None


@contextmanager
def storage_errors(file: Path) -> Generator[None]:
    """Say in one sentence what SQLite refused, and what to do about it."""
    try:
        yield
    except sqlite3.OperationalError as error:
        is_busy = "locked" in str(error)
        raise StorageError(
            f"{file}: {error}; what was written before is kept. "
            f"{'Close what else uses the file' if is_busy else 'Free some space'} "
            "and start the same command again"
        ) from None
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise
        raise StorageError(
            f"{file}: {error}; restore the file, or use --fresh to start over"
        ) from None


def _refused(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path}: cannot be written ({error.strerror}); what was written before is kept. "
        "Free some space or check the permissions, then start the same command again"
    )


def _describe(holder: Path) -> str:
    """Say who holds a run, as far as its note can be read."""
    try:
        note = json.loads(holder.read_text())
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(note["since"]))
        return f"process {note['pid']} on {note['host']}, since {since}"
    except (OSError, ValueError, KeyError):
        return "its holder left no note"


class RunReader:
    """The rows of a run that is only looked at, also while another process holds it.

    Raises:
        RunError: there is no run at the path.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = self.path / "run.sqlite"
        if not self._file.is_file():
            raise RunError(
                f"{path}: there is no run here; name a directory that a command has made"
            )
        with storage_errors(self._file):
            self._db = sqlite3.connect(f"{self._file.resolve().as_uri()}?mode=ro", uri=True)

    def __enter__(self) -> "RunReader":
        return self

    def __exit__(self, *error: object) -> None:
        self._db.close()

    def all(self, kind: type[T]) -> list[T]:
        """Return all records of one kind, in the order in which they were written."""
        with storage_errors(self._file):
            made = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master")}
            # A process that was killed right at its start has made no tables yet.
            return _select(self._db, kind) if table_of(kind).name in made else []

    def of_candidates(self, kind: type[T], candidate_ids: Collection[str]) -> list[T]:
        """Return the records of one kind that belong to some candidates, as they were written."""
        with storage_errors(self._file):
            made = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master")}
            return _select(self._db, kind, candidate_ids) if table_of(kind).name in made else []

    def keys(self, kind: type[Record]) -> set[str]:
        """Return the first key of all records of one kind, without reading the records."""
        table = table_of(kind)
        with storage_errors(self._file):
            made = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master")}
            if table.name not in made:
                return set()
            return {
                key for (key,) in self._db.execute(f'SELECT "{table.key[0]}" FROM "{table.name}"')
            }


def _select(
    db: sqlite3.Connection, kind: type[T], candidate_ids: Collection[str] | None = None
) -> list[T]:
    table = table_of(kind)
    columns = ", ".join(f'"{name}"' for name in table.columns)
    where, values = "", ()
    if candidate_ids is not None:
        where = "WHERE candidate_id IN (SELECT value FROM json_each(?))"
        values = (json.dumps(list(candidate_ids)),)
    rows = db.execute(f'SELECT {columns} FROM "{table.name}" {where} ORDER BY rowid', values)
    return [cast(T, from_row(kind, row)) for row in rows]
