"""Names beside the points of a figure, each where it can be read and told whose it is."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["label_points"]

_LINE = 11
"""Height of a line of a label, in points."""

_RIGHT, _LEFT = (6, "left"), (-6, "right")
_SPOTS = [
    (side, height)
    for heights in ((4, -_LINE), (4 + _LINE, -2 * _LINE))
    for side in (_RIGHT, _LEFT)
    for height in heights
]
"""Where a label may stand beside its point: near it first, on the right first, above first."""


def label_points(
    axes: Any, points: Mapping[str, tuple[float, float]], *, color: str, fontsize: float
) -> None:
    """Write the name of each point beside it.

    Of a few spots a name takes the one with the least trouble, of equal ones the first: outside of
    the axes, on another name or point, or with another point between itself and its own.

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
    taken: list[Any] = []
    for (name, point), mark in zip(points.items(), marks, strict=True):
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
        others = [*taken, *(other for other in marks if not other.overlaps(mark))]
        troubles = [_trouble(axes.bbox, _put(label, spot), mark, others) for spot in _SPOTS]
        taken.append(_put(label, _SPOTS[troubles.index(min(troubles))]))


def _put(label: Any, spot: tuple[tuple[int, str], int]) -> Any:
    """Move a label to a spot; return the box that it fills there."""
    (offset, side), height = spot
    label.set(position=(offset, height), horizontalalignment=side)
    return label.get_window_extent()


def _trouble(inside: Any, box: Any, mark: Any, others: Sequence[Any]) -> int:
    """Return how bad a place for a name is, 0 being none; all arguments are boxes."""
    from matplotlib.transforms import Bbox

    is_outside = not (inside.containsx(box.x0) and inside.containsx(box.x1))
    # A point between a name and the height of its own point looks like the owner of the name.
    middle = (mark.x0 + mark.x1) / 2
    edge = box.x0 if box.x0 > middle else box.x1
    between = Bbox.from_extents(min(middle, edge), box.y0, max(middle, edge), box.y1)
    return 4 * is_outside + 2 * box.count_overlaps(others) + between.count_overlaps(others)
