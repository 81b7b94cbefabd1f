"""Progress of long work, as a value. The command line draws it; the library only reports."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Progress", "ProgressSink", "ignore_progress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a step stands."""

    step: str
    done: int
    total: int
    failed: int = 0
    tokens: int = 0
    """Tokens worked through since the step began in this process."""

    seconds: float = 0.0
    """Wall time since the step began in this process."""

    spent_usd: float = 0.0
    """What the run has paid to servers, as far as it is known."""

    resumed: int = 0
    """How many of `done` were there before this process began."""

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens a second in this process; None before anything was done."""
        return self.tokens / self.seconds if self.tokens and self.seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Time left at the pace of this process; None before anything was done."""
        fresh = self.done - self.resumed
        return self.seconds / fresh * (self.total - self.done) if fresh > 0 else None


ProgressSink = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Report to nobody."""
