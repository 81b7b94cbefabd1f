"""How sure it is which of several is best."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["probability_best"]

_RESAMPLES = 2000


def probability_best(
    values: Mapping[str, NDArray[np.float64]],
    *,
    best: Literal["lowest", "highest"],
    seed: int = 0,
) -> dict[str, float]:
    """Return in what share of bootstrap samples of the examples each mean is the best.

    Examples are resampled for all at once, so that what makes an example easy is shared. Those
    that tie share a sample. It is no posterior probability: it says how often the pilot, were it
    drawn anew from examples like its own, would point the same way.

    Args:
        values: Name -> one value an example, in the same order for all.
        best: The direction.
        seed: Decides the draws.

    Raises:
        ValueError: the names have different numbers of examples.
    """
    if not values:
        return {}
    lengths = {len(each) for each in values.values()}
    if len(lengths) != 1:
        raise ValueError(f"{sorted(lengths)} values; expected the same examples for all")
    table = np.stack(list(values.values()))
    if table.shape[1] == 0:
        return dict.fromkeys(values, 1 / len(values))
    table = table if best == "highest" else -table
    rows = np.random.default_rng(seed).integers(table.shape[1], size=(_RESAMPLES, table.shape[1]))
    means = table[:, rows].mean(axis=2)
    tied = np.isclose(means, means.max(axis=0), rtol=1e-12, atol=1e-12)
    shares = (tied / tied.sum(axis=0)).mean(axis=1)
    return {name: float(share) for name, share in zip(values, shares, strict=True)}
