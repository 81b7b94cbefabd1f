"""What a run pays to servers, written down before a request is sent and after it is answered.

A process may be killed between the two. What was sent and never settled may have been billed;
the next process finds it here and counts it as spent.
"""

import sqlite3
import threading
import time
from pathlib import Path

from idiolect.records import Payment
from idiolect.runs.rows import from_row, table_of, to_row
from idiolect.runs.store import storage_errors

__all__ = ["PaymentBook"]

_BUSY_S = 30.0


class PaymentBook:
    """The payments of a run that this process holds. Safe to use from several threads.

    It has a connection of its own, because requests are sent from other threads than the one
    that lands the rows of the run.

    Args:
        run: The run directory.
    """

    def __init__(self, run: Path) -> None:
        self._file = run / "run.sqlite"
        self._lock = threading.Lock()
        self._table = table_of(Payment)
        with storage_errors(self._file):
            self._db = sqlite3.connect(
                self._file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA synchronous = NORMAL")

    def all(self) -> list[Payment]:
        """Return the payments in the order in which they were begun."""
        columns = ", ".join(f'"{name}"' for name in self._table.columns)
        with self._lock, storage_errors(self._file):
            rows = self._db.execute(f'SELECT {columns} FROM "{self._table.name}" ORDER BY id')
            return [from_row(Payment, row) for row in rows]

    def write(self, payment: Payment) -> None:
        """Write a payment, or replace what was written of it.

        Raises:
            StorageError: the disk refuses.
        """
        row = (*to_row(payment), time.time())
        marks = ", ".join("?" * len(row))
        with self._lock, storage_errors(self._file):
            self._db.execute(f'INSERT OR REPLACE INTO "{self._table.name}" VALUES ({marks})', row)

    def erase(self, payment: Payment) -> None:
        """Forget a payment that was refused, which costs nothing.

        Raises:
            StorageError: the disk refuses.
        """
        with self._lock, storage_errors(self._file):
            self._db.execute(f'DELETE FROM "{self._table.name}" WHERE id = ?', (payment.id,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
