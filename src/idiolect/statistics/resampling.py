"""The paired bootstrap, clustered by example."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from idiolect.statistics.intervals import mean_interval

__all__ = ["paired_bootstrap", "sample_means"]


def sample_means(example_ids: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """Return the mean of each example's samples.

    Several answers to one example share what makes it hard. The example is the unit: its
    samples are averaged, and then examples are compared or resampled (Miller, arXiv 2411.00640,
    section 2.2, clustered standard errors).
    """
    found: dict[str, list[float]] = {}
    for example, value in zip(example_ids, values, strict=True):
        found.setdefault(example, []).append(value)
    return {example: float(np.mean(group)) for example, group in found.items()}


def paired_bootstrap(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the 95 % interval of the mean of first minus second, examples resampled in pairs.

    It speaks about other examples and the same two adapters. Source: Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993, chapter 13 (percentile interval).

    Args:
        first: One value an example; with several samples or seeds, their mean.
        second: The same examples.

    Raises:
        ValueError: the shapes differ.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"shapes {first.shape} and {second.shape}; expected one value an example")
    return mean_interval(first - second)
