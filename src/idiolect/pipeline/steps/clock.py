"""Counts a step's work and reports it."""

import time

from idiolect.models.money import Money
from idiolect.runs.progress import Progress, ProgressSink

__all__ = ["Clock"]


class Clock:
    """Counts a step's work and reports it."""

    def __init__(
        self,
        report: ProgressSink,
        step: str,
        total: int,
        resumed: int,
        money: Money | None = None,
    ) -> None:
        self._report, self._step, self._total, self._money = report, step, total, money
        self._done = self._resumed = resumed
        self._failed = self._tokens = 0
        self._began = time.monotonic()
        self._tell()

    def tick(self, count: int = 1, *, failed: int | bool = 0, tokens: int = 0) -> None:
        """Count finished pieces of work."""
        self._done += count
        self._failed += int(failed)
        self._tokens += tokens
        self._tell()

    def _tell(self) -> None:
        self._report(
            Progress(
                step=self._step,
                done=self._done,
                total=self._total,
                failed=self._failed,
                tokens=self._tokens,
                seconds=time.monotonic() - self._began,
                spent_usd=self._money.spent_usd if self._money else 0.0,
                resumed=self._resumed,
            )
        )
