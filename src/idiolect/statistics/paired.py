"""The paired difference of two datasets over shared test examples and several training seeds.

Both datasets' adapters answer the same examples, and each dataset is trained with several seeds.
Another study would have other examples and other seeds, so both are draws. Seeds x examples
answers are not independent: counting them as such would take the luck of a seed for an effect,
and so would resampling examples alone. So

    variance = s_gap**2 / examples + s_seed**2 / seeds + s_seed**2 / seeds

where s_gap is the deviation between examples of the gap of the two datasets' rates (averaged over
seeds), and s_seed the deviation of one dataset's rate between its seeds, pooled over datasets.
The second holds some of the examples' noise too, so the sum errs on the wide side. Degrees of
freedom are Satterthwaite's (Biometrics Bulletin 2, 1946, 110-114). Clustering by example:
Miller, arXiv 2411.00640, sections 2.2 and 4.

What was not taken: a bootstrap over examples and seeds (Owen, Annals of Applied Statistics 1,
2007, 386-411), because from three seeds it cannot make the wide tails that three seeds call for;
and pairing the seeds of two datasets (two-way analysis of variance), because a seed has no effect
that two datasets share, and two degrees of freedom for three seeds find little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Difference", "SeedSpread", "paired_difference", "seed_spread"]

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The mean difference of two arrays of values, and how well it is known."""

    mean: float
    low: float
    high: float
    """95 % interval, not corrected for the number of comparisons."""

    p: float
    """Two-sided, not corrected."""

    examples: int
    seeds: int
    discordant: float
    """Mean share of a seed's pairs that differ; what the size of a study depends on."""

    example_variance: float
    """Variance of the mean that more examples would make smaller; as of `examples`."""

    seed_variance: float
    """Variance of the mean that more seeds would make smaller; 0 for one seed, where it is not
    known and the difference speaks about these two adapters alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSpread:
    """How much the rate of one dataset varies between training seeds."""

    variance: float
    freedom: int
    """Degrees of freedom that it is estimated with; 0 where it is not known."""


def seed_spread(groups: Sequence[NDArray[np.float64]]) -> SeedSpread:
    """Return the variance of a dataset's rate between seeds, pooled over datasets.

    Args:
        groups: One array a dataset, seeds x examples.
    """
    rates = [group.mean(axis=1) for group in groups]
    freedom = sum(len(rate) - 1 for rate in rates)
    squares = sum(float(((rate - rate.mean()) ** 2).sum()) for rate in rates)
    return SeedSpread(variance=squares / freedom if freedom else 0.0, freedom=freedom)


def paired_difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    spread: SeedSpread | None = None,
    are_rates: bool = True,
) -> Difference:
    """Return first minus second, paired by example.

    Args:
        first: Rates from 0 to 1, one row a seed, one column an example. Several samples of one
            answer are averaged before (`sample_means`): they are no examples of their own.
        second: The same examples; the same number of seeds.
        spread: Between seeds, from all datasets of a study; None takes these two.
        are_rates: Off for values of any size, such as nats a token. Then nothing is added for
            the agreement of a few, and the interval may reach beyond one.

    Raises:
        ValueError: shapes differ, nothing is there, or a value is no rate but should be one.
    """
    from scipy import stats

    _check(first, second, are_rates)
    seeds, examples = first.shape
    gaps = first.mean(axis=0) - second.mean(axis=0)
    spread = spread or seed_spread([first, second])
    of_examples, of_seeds = _example_variance(gaps, are_rates), 2 * spread.variance / seeds
    variance = of_examples + of_seeds
    parts = of_examples**2 / max(examples - 1, 1)
    parts += of_seeds**2 / spread.freedom if spread.freedom else 0.0
    freedom = max(variance**2 / parts, 1.0)
    mean, error = float(gaps.mean()), float(np.sqrt(variance))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(mean) / error, freedom))
    furthest = 1.0 if are_rates else np.inf
    return Difference(
        mean=mean,
        low=max(-furthest, mean - half),
        high=min(furthest, mean + half),
        p=max(p, _least_p(gaps)),
        examples=examples,
        seeds=seeds,
        discordant=float((first != second).mean()),
        example_variance=of_examples,
        seed_variance=of_seeds,
    )


def _check(first: NDArray[np.float64], second: NDArray[np.float64], are_rates: bool) -> None:
    if first.shape != second.shape or first.ndim != 2 or not first.size:
        raise ValueError(
            f"shapes {first.shape} and {second.shape}; expected two equal ones, seeds x examples"
        )
    if not are_rates and np.ptp(first - second) == 0:
        raise ValueError("all differences are the same; expected values that vary by example")
    for values in (first, second) if are_rates else ():
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError("a value that is no rate; expected values from 0 to 1")


def _example_variance(gaps: NDArray[np.float64], are_rates: bool) -> float:
    """Return the variance of the mean gap that comes from the draw of examples.

    To rates, half a pair for and half a pair against is added, so that agreement in a handful
    of examples is not taken for certainty (Agresti and Min, Statistics in Medicine 24, 2005,
    729-740, for matched proportions).
    """
    squares = float(((gaps - gaps.mean()) ** 2).sum())
    if not are_rates:
        return squares / (len(gaps) - 1) / len(gaps)
    return (squares + 1) / (len(gaps) + 1) / len(gaps)


def _least_p(gaps: NDArray[np.float64]) -> float:
    """Return the least p that flipping the signs of the differing examples can give."""
    differing = int((gaps != 0).sum())
    return min(1.0, 2.0 ** (1 - differing))
