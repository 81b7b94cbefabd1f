"""Holm's correction for many comparisons."""

from collections.abc import Sequence

__all__ = ["holm"]


def holm(values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number, in order.

    The chance that any true equality among them is called a difference stays below the level
    that the corrected values are compared with. Source: Holm, Scandinavian Journal of
    Statistics 6, 1979, 65-70.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(values)
    reached = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        reached = max(reached, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = reached
    return corrected
