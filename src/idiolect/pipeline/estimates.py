"""How often a strategy asks, from everything going well to everything going badly."""

from collections.abc import Sequence
from dataclasses import dataclass

from idiolect.config import Config
from idiolect.strategies.tasks import Role

__all__ = ["Range", "requests_per_example", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """From everything going well to everything going badly."""

    low: float
    expected: float
    high: float

    def times(self, factor: float) -> "Range":
        """Return the range, multiplied."""
        return Range(
            low=self.low * factor, expected=self.expected * factor, high=self.high * factor
        )


def total(ranges: Sequence[Range]) -> Range:
    """Return the sum of ranges, as if all went well or badly together."""
    return Range(
        low=sum(r.low for r in ranges),
        expected=sum(r.expected for r in ranges),
        high=sum(r.high for r in ranges),
    )


def requests_per_example(name: str, role: Role, config: Config) -> tuple[Range, str]:
    """Return how often one example asks, and what that rests on."""
    half = "half of the own answers are right"
    if name == "minimal-change":
        return Range(low=0, expected=0.5, high=config.minimal_change.attempts), half
    if name == "continue":
        return Range(low=0, expected=0.75, high=config.continuation.rounds), half
    if name == "ladder":
        rungs = config.ladder.rungs
        most = (
            config.minimal_change.attempts * ("minimal-change" in rungs)
            + config.continuation.rounds * ("continue" in rungs)
        )  # fmt: skip
        others = [r for r in rungs if r not in ("own", "minimal-change", "continue", "samples")]
        if role == "target":
            most += config.ladder.samples * ("samples" in rungs) + len(others)
            return Range(low=0, expected=2.0, high=most), half
        return Range(low=0, expected=0.5, high=most + len(others)), half
    if name == "teacher-paraphrase":
        return Range(low=1, expected=2, high=2), "the answers of `teacher` are not cached yet"
    return Range(low=1, expected=1, high=1), "one request each"
