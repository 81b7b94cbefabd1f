"""How far a rate moves when nothing but chance changes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idiolect.statistics.paired import seed_spread

__all__ = ["NoiseFloor", "noise_floor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """What repeating the same thing does to a rate."""

    runs: int
    deviation: float
    """Standard deviation of the rate between runs, pooled over groups."""

    range: float
    """Largest difference of two runs of one group."""

    flipped: float
    """Mean share of examples on which two runs of one group differ."""


def noise_floor(groups: list[NDArray[np.float64]]) -> NoiseFloor | None:
    """Return the noise of repeated runs; None where nothing was repeated.

    Args:
        groups: Runs x examples each, e.g. the base model's repeated runs, or one dataset's seeds.
            Groups are pooled: each has a rate of its own, all are taken to move alike.
    """
    used = [group for group in groups if len(group) > 1]
    if not used:
        return None
    flips = [
        float((group[i] != group[j]).mean())
        for group in used
        for i in range(len(group))
        for j in range(i)
    ]
    return NoiseFloor(
        runs=sum(len(group) for group in used),
        deviation=float(np.sqrt(seed_spread(used).variance)),
        range=max(float(np.ptp(group.mean(axis=1))) for group in used),
        flipped=float(np.mean(flips)),
    )
