"""Draws of examples that other examples do not move."""

from collections.abc import Iterable

from idiolect.records import content_id

__all__ = ["drawn"]


def drawn(ids: Iterable[str], count: int | None, *key: object) -> list[str]:
    """Return some of the ids, drawn by a key; None takes all.

    What an id is drawn by depends on the id and the key alone, so more data move no others.
    """
    return sorted(ids, key=lambda each: content_id(*key, each))[:count]
