"""Names beside the points of a figure, each where no other name and no point lies."""

from collections.abc import Mapping
from typing import Any

__all__ = ["label_points"]

_LINE = 11
"""Height of a line of a label, in points."""

_RIGHT, _LEFT = (6, "left"), (-6, "right")
_SPOTS = [
    (side, height)
    for heights in ((4, 4 - _LINE - 4), (4 + _LINE, 4 - 2 * _LINE - 4))
    for side in (_RIGHT, _LEFT)
    for height in heights
]
"""Where a label may stand beside its point: near it first, on the right first, above first."""


def label_points(
    axes: Any, points: Mapping[str, tuple[float, float]], *, color: str, fontsize: float
) -> None:
    """Write the name of each point beside it.

    A name takes the first of a few spots where it stays inside of the axes, clear of the names
    before it, and with no other point between itself and its own. Where there is none, it
    stands in the first spot.

    Args:
        axes: With all else drawn, so that the limits no longer change.
        points: Name -> x and y.
        color: Of the text.
        fontsize: In points.
    """
    from matplotlib.transforms import Bbox

    axes.figure.draw_without_rendering()
    places = axes.transData.transform(list(points.values()))
    marks = [Bbox.from_extents(x - 3, y - 3, x + 3, y + 3) for x, y in places]
    taken: list[Bbox] = []
    for (name, point), mark in zip(points.items(), marks, strict=True):
        others = [other for other in marks if not other.overlaps(mark)]
        label = axes.annotate(
            name,
            point,
            xytext=(0, 0),
            textcoords="offset points",
            va="bottom",
            color=color,
            fontsize=fontsize,
            parse_math=False,
        )
        for spot in (*_SPOTS, _SPOTS[0]):
            (offset, side), height = spot
            label.set(position=(offset, height), horizontalalignment=side)
            box = label.get_window_extent()
            inside = axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1)
            reach = Bbox.union([box, mark])
            if inside and box.count_overlaps(taken) == reach.count_overlaps(others) == 0:
                break
        taken.append(label.get_window_extent())
