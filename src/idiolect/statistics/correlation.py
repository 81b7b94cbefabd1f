"""Rank correlation, with what its number of points allows to say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Correlation", "rank_correlation"]

LEAST = 5
"""Below this many points even a perfect order is no evidence: of four, one order in 24 is
perfect, and one in 24 perfectly reversed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Spearman's coefficient."""

    n: int
    value: float | None
    """None where there are under three points or one side is constant."""

    interval: tuple[float, float] | None
    """95 %; None where there are too few points."""

    @property
    def words(self) -> str:
        """Return it as a phrase."""
        if self.value is None:
            return f"undefined (n = {self.n})"
        if self.interval is None:
            return f"{self.value:+.2f} (too few points to tell, n = {self.n})"
        low, high = self.interval
        return f"{self.value:+.2f} (95 % {low:+.2f} to {high:+.2f}, n = {self.n})"


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> Correlation:
    """Return Spearman's rank correlation of paired values.

    The interval is Fisher's z with the standard error of Bonett and Wright (Psychometrika 65,
    2000, 23-28), sqrt((1 + r**2 / 2) / (n - 3)).

    Raises:
        ValueError: the lengths differ.
    """
    from scipy import stats

    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values; expected pairs")
    n = len(first)
    if n < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return Correlation(n=n, value=None, interval=None)
    result: Any = stats.spearmanr(first, second)
    value = float(result.statistic)
    if n < LEAST:
        return Correlation(n=n, value=value, interval=None)
    # A perfect order has an infinite z; the interval of the next smaller coefficient is shown.
    z = math.atanh(max(-0.999, min(0.999, value)))
    half = 1.959964 * math.sqrt((1 + value**2 / 2) / (n - 3))
    return Correlation(n=n, value=value, interval=(math.tanh(z - half), math.tanh(z + half)))
