"""Verdicts: *better*, *worse* or *cannot tell*, over all comparisons of a study at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idiolect.statistics.holm import holm
from idiolect.statistics.mcnemar import mcnemar
from idiolect.statistics.paired import Difference, SeedSpread, paired_difference, seed_spread
from idiolect.statistics.sizes import Hint, size_hint

__all__ = ["LEVEL", "Comparison", "compare_all", "compare_with_base"]

LEVEL = 0.05
"""Chance of any false verdict among all comparisons of one table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is known about one pair."""

    first: str
    second: str
    verdict: Literal["better", "worse", "cannot tell"]
    """Of the first against the second."""

    difference: Difference
    p_holm: float
    """Corrected for the number of comparisons."""

    p_mcnemar: float | None
    """Exact, not corrected; only for one seed and one answer an example."""

    hint: Hint | None
    """What would settle it; only where the verdict is *cannot tell*."""

    @property
    def words(self) -> str:
        """Return the verdict as a sentence."""
        gap = self.difference
        facts = (
            f"{100 * gap.mean:+.1f} points (95 % {100 * gap.low:+.1f} to {100 * gap.high:+.1f}, "
            f"n = {gap.examples}, {gap.seeds} {'seeds' if gap.seeds > 1 else 'seed'}, "
            f"Holm p = {self.p_holm:.3f})"
        )
        if self.verdict != "cannot tell":
            return f"{self.first} is {self.verdict} than {self.second}: {facts}."
        ending = f"; {self.hint.words}" if self.hint else ""
        return f"{self.first} or {self.second}: cannot tell, {facts}{ending}."


def compare_all(rates: Mapping[str, NDArray[np.float64]]) -> list[Comparison]:
    """Compare every pair of datasets, corrected together after Holm.

    Args:
        rates: Name -> seeds x examples, values from 0 to 1; the same seeds and examples for all.
    """
    pairs = list(combinations(rates, 2))
    spread = seed_spread(list(rates.values()))
    gaps = [
        paired_difference(rates[first], rates[second], spread=spread) for first, second in pairs
    ]
    exact = [_mcnemar(rates[first], rates[second]) for first, second in pairs]
    # Where the exact test applies, a verdict has to pass it too.
    corrected = holm([max(gap.p, p or 0.0) for gap, p in zip(gaps, exact, strict=True)])
    return [
        _comparison(pair, gap, p, p_exact, len(pairs))
        for pair, gap, p, p_exact in zip(pairs, gaps, corrected, exact, strict=True)
    ]


def compare_with_base(
    rates: Mapping[str, NDArray[np.float64]], base_name: str, base: NDArray[np.float64]
) -> list[Comparison]:
    """Compare every dataset with the base model, corrected together after Holm.

    Args:
        rates: Name -> seeds x examples, values from 0 to 1.
        base_name: What the base model is called.
        base: Runs of the base model x the same examples. No seed trained it, so half of the
            variance between seeds that two datasets would have remains.
    """
    spread = seed_spread(list(rates.values()))
    half = SeedSpread(variance=spread.variance / 2, freedom=spread.freedom)
    mean = base.mean(axis=0)
    bases = {name: np.broadcast_to(mean, each.shape) for name, each in rates.items()}
    gaps = {name: paired_difference(rates[name], bases[name], spread=half) for name in rates}
    exact = {name: _mcnemar(rates[name], bases[name]) for name in rates}
    corrected = holm([max(gaps[name].p, exact[name] or 0.0) for name in rates])
    return [
        _comparison((name, base_name), gaps[name], p, exact[name], len(rates))
        for name, p in zip(rates, corrected, strict=True)
    ]


def _comparison(
    pair: tuple[str, str], gap: Difference, p: float, p_exact: float | None, count: int
) -> Comparison:
    first, second = pair
    verdict: Literal["better", "worse", "cannot tell"] = "cannot tell"
    if p <= LEVEL:
        verdict = "better" if gap.mean > 0 else "worse"
    return Comparison(
        first=first,
        second=second,
        verdict=verdict,
        difference=gap,
        p_holm=p,
        p_mcnemar=p_exact,
        hint=size_hint(gap, comparisons=count) if verdict == "cannot tell" else None,
    )


def _mcnemar(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    values = np.concatenate([first, second])
    if len(first) != 1 or not np.isin(values, (0.0, 1.0)).all():
        return None
    return mcnemar(int((first > second).sum()), int((first < second).sum()))
