"""Seeded choices that are the same on every machine and for every version of Python.

Python promises that `Random.random()` keeps its sequence for a seed. It makes no such promise
for `shuffle` or `sample`, so everything here is derived from `random()` alone.
"""

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")


class Dice:
    """A source of choices, seeded by the JSON-like parts of its key."""

    __slots__ = ("_random",)

    def __init__(self, *key: str | int) -> None:
        # A text seed goes through SHA-512, not through `hash`, which differs per process.
        self._random = random.Random("/".join(map(str, key)))

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self._random.random() < probability

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items, each equally likely."""
        return items[int(self._random.random() * len(items))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """Return one of the keys, each as likely as its weight."""
        left = self._random.random() * sum(weights.values())
        for key, weight in weights.items():
            left -= weight
            if left < 0:
                return key
        # Rounding can leave a crumb behind the last weight.
        return next(key for key in reversed(list(weights)) if weights[key] > 0)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a random order."""
        deck = list(items)
        for last in range(len(deck) - 1, 0, -1):
            other = int(self._random.random() * (last + 1))
            deck[last], deck[other] = deck[other], deck[last]
        return deck
