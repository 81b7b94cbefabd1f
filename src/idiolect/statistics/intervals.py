"""Intervals: pure functions over arrays, SciPy underneath."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_interval", "rate_interval"]

_CONFIDENCE = 0.95
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
