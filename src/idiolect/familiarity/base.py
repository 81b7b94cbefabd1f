"""What a familiarity measure is: a pure function of one response's raw sums."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from idiolect.records import ContextKind, Measurement

__all__ = ["Measure", "Measured", "Summary", "arithmetic_mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The measurements of one candidate, by what the target saw before it."""

    prompt: Measurement
    none: Measurement | None = None
    """Scored without the prompt; None where that was not asked for."""

    local: Measurement | None = None
    """Each step scored behind the prompt and the few steps right before it."""

    self_aligned: tuple[Measurement, ...] = ()
    """Scored behind own answers to other prompts, one of each draw; all draws or none."""

    def has(self, context: ContextKind) -> bool:
        """Return whether the candidate was scored in a context."""
        return {
            "prompt": True,
            "none": self.none is not None,
            "local": self.local is not None,
            "self-aligned": bool(self.self_aligned),
        }[context]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number for each response."""

    name: str
    unit: str
    """Shown beside the name; empty for a ratio or a perplexity."""

    familiar: Literal["lower", "higher", "neither"]
    """The direction in which a response is more familiar."""

    needs: frozenset[ContextKind]
    value: Callable[[Measured], float]
    needs_ranks: bool = False
    """Defined only where the way of scoring tells token ranks."""

    aggregate: Callable[[Sequence[Measured]], float] | None = None
    """Of the rows of one strategy; None takes the arithmetic mean of the values."""

    def is_defined(self, measured: Measured) -> bool:
        """Return whether a candidate was scored in all the ways that the measure needs."""
        has_contexts = all(measured.has(context) for context in self.needs)
        return has_contexts and (measured.prompt.rank_sum is not None or not self.needs_ranks)

    def over(self, rows: Sequence[Measured]) -> float:
        """Return the measure of one strategy's rows, of which there is at least one."""
        return self.aggregate(rows) if self.aggregate else arithmetic_mean(self.value, rows)


def arithmetic_mean(value: Callable[[Measured], float], rows: Sequence[Measured]) -> float:
    """Return the mean of a value over rows."""
    return float(np.mean([value(row) for row in rows]))


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
