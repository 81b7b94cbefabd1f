"""What a familiarity measure is: a pure function of one response's raw sums."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from idiolect.records import Context, Measurement

__all__ = ["Measure", "Measured", "Summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The measurements of one candidate, by what the target saw before it."""

    prompt: Measurement
    none: Measurement | None = None
    """Scored without the prompt; None where that was not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number for each response."""

    name: str
    unit: str
    familiar: Literal["lower", "higher", "neither"]
    """The direction in which a response is more familiar."""

    needs: frozenset[Context]
    value: Callable[[Measured], float]
    needs_ranks: bool = False
    """Defined only where the way of scoring tells token ranks."""

    def is_defined(self, measured: Measured) -> bool:
        """Return whether a candidate was scored in all the ways that the measure needs."""
        has_contexts = measured.none is not None or "none" not in self.needs
        return has_contexts and (measured.prompt.rank_sum is not None or not self.needs_ranks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A measure over the rows of one strategy."""

    n: int
    mean: float
    """Geometric for perplexities."""

    interval: tuple[float, float] | None
    """95 %, by bootstrap over rows; None for one row alone."""

    median: float
    p95: float
    corpus: float
    """Over all tokens at once: exp(total NLL / total tokens)."""
