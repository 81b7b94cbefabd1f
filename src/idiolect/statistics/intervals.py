"""Intervals: pure functions over arrays, SciPy underneath."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["clustered_rate_interval", "mean_interval", "rate_interval"]

_CONFIDENCE = 0.95
_Z = 1.959964  # of 95 %, two-sided
_RESAMPLES = 2000


def mean_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile-bootstrap interval of the mean; seeded, so repeatable.

    Rows are resampled, so the interval speaks about other rows of the same kind. One value
    alone has no interval: both ends are infinite.
    """
    from scipy import stats

    if len(values) < 2:
        return -np.inf, np.inf
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    result = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=_CONFIDENCE,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def rate_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a rate.

    Raises:
        ValueError: there were no trials; a rate of nothing has no interval.
    """
    from scipy import stats

    if trials < 1:
        raise ValueError("a rate of no trials; show the counts instead")
    interval = stats.binomtest(successes, trials).proportion_ci(_CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def clustered_rate_interval(means: NDArray[np.float64], answers: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate of answers that come several to an example.

    Wilson's formula, with the effective number of answers p (1 - p) / variance in place of their
    number, where p is the rate and the variance that of its mean between examples. It lies between
    the examples, if all answers to one are alike, and the answers, if they have nothing to do with
    each other. Where all are right, or none is, nobody can tell, and it is the examples.
    Source of the effective number: Korn and Graubard, Survey Methodology 24, 1998, 193-201, who
    put it into another interval.

    Args:
        means: The share of right answers of each example.
        answers: To all examples together.

    Raises:
        ValueError: there are no examples; a rate of nothing has no interval.
    """
    examples = len(means)
    if not examples:
        raise ValueError("a rate of no examples; show the counts instead")
    rate = float(means.mean())
    variance = float(means.var(ddof=1)) / examples if examples > 1 else 0.0
    spread = rate * (1 - rate)
    if not spread or examples == 1:
        number = float(examples)
    else:
        number = min(max(spread / variance, examples), answers) if variance else float(answers)
    centre = (rate + _Z**2 / (2 * number)) / (1 + _Z**2 / number)
    half = _Z / (1 + _Z**2 / number) * np.sqrt(spread / number + _Z**2 / (4 * number**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
