"""Rows that started together, and their keys and values.

All rows of a cohort have made the same number of tokens, so their own keys fill the same
columns and need no mask. The keys of a prompt are held once for all of its samples. Memory is
taken in steps and written in place: nothing is copied when a token is added.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from idiolect.models.generation.queue import Group
from idiolect.models.generation.sampling import Draws
from idiolect.models.generation.tasks import Task

__all__ = ["Cohort", "LayerCache", "Row"]

_Item = TypeVar("_Item")
_FIRST_COLUMNS = 64


@dataclass(slots=True)
class Row:
    """One answer that is being made."""

    task: Task
    draws: Draws
    ids: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class LayerCache:
    """Keys and values of one layer."""

    prompt_k: Tensor
    """`[groups, k_heads, longest prompt, width]`, filled from the left."""

    prompt_v: Tensor
    own_k: Tensor
    """`[rows, k_heads, columns, width]`; the first `Cohort.length` columns are filled."""

    own_v: Tensor


class Cohort:
    """Rows that started together.

    Args:
        groups: Prompts with their tasks.
        device: Where keys and values lie.
    """

    def __init__(self, groups: Sequence[Group], device: torch.device) -> None:
        self.rows = [Row(task, Draws(task.seed)) for group in groups for task in group.tasks]
        self.prompts = [group.prompt_ids for group in groups]
        self.length = 0
        """Own tokens of each row whose keys are held."""

        self.layers: dict[int, LayerCache] = {}
        self._device = device
        self._columns = max(row.task.limit for row in self.rows)
        counts = [len(group.tasks) for group in groups]
        self._groups = [g for g, count in enumerate(counts) for _ in range(count)]
        self._index()

    def _index(self) -> None:
        """Lay out which group each row belongs to, and its place among the group's rows."""
        seen = [0] * len(self.prompts)
        places: list[int] = []
        for group in self._groups:
            places.append(seen[group])
            seen[group] += 1
        self.share = max(seen, default=0)
        """Most rows of a group."""

        self.group_of = torch.tensor(self._groups, device=self._device)
        self.place_of = torch.tensor(places, device=self._device)
        lengths = [len(prompt) for prompt in self.prompts]
        self.longest = max(lengths, default=0)
        self.prompt_lengths = torch.tensor(lengths, device=self._device)
        self.even = len(set(lengths)) <= 1
        """Whether all prompts have the same length."""

    @property
    def positions(self) -> list[int]:
        """Place of each row's next token in its sequence."""
        return [len(self.prompts[group]) + self.length for group in self._groups]

    @property
    def room(self) -> int:
        """Keys that the cohort may come to hold."""
        return sum(map(len, self.prompts)) + sum(row.task.limit for row in self.rows)

    @property
    def held_bytes(self) -> int:
        """Memory of all keys and values."""
        parts = (
            part
            for layer in self.layers.values()
            for part in (layer.prompt_k, layer.prompt_v, layer.own_k, layer.own_v)
        )
        return sum(part.numel() * part.element_size() for part in parts)

    def put_prompts(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Keep keys and values `[k_heads, tokens, width]` of the prompts, behind one another."""

        def laid_out(x: Tensor) -> tuple[Tensor, Tensor]:
            heads, _, width = x.shape
            # Zeros, because a key that is masked still meets a zero weight: 0 x NaN is NaN.
            prompts = x.new_zeros(len(self.prompts), heads, self.longest, width)
            start = 0
            for group, prompt in enumerate(self.prompts):
                stop = start + len(prompt)
                prompts[group, :, : len(prompt)] = x[:, start:stop]
                start = stop
            columns = min(_FIRST_COLUMNS, self._columns)
            return prompts, x.new_empty(len(self.rows), heads, columns, width)

        (prompt_k, own_k), (prompt_v, own_v) = laid_out(k), laid_out(v)
        self.layers[layer] = LayerCache(prompt_k, prompt_v, own_k, own_v)

    def put_tokens(self, layer: int, k: Tensor, v: Tensor) -> LayerCache:
        """Keep keys and values `[rows, k_heads, width]` of each row's newest token."""
        cache = self.layers[layer]
        if self.length == cache.own_k.shape[2]:
            columns = min(2 * self.length, self._columns)
            cache.own_k = _widened(cache.own_k, columns)
            cache.own_v = _widened(cache.own_v, columns)
        cache.own_k[: len(k), :, self.length] = k
        cache.own_v[: len(v), :, self.length] = v
        return cache

    def keep(self, wanted: Callable[[Row], bool]) -> None:
        """Drop all other rows, and the prompts that nobody needs any more.

        Rows from the end move into the freed places, so the rows that stay lie side by side.
        """
        moves = _moves([wanted(row) for row in self.rows])
        self.rows = _moved(self.rows, moves)
        self._groups = _moved(self._groups, moves)
        needed = set(self._groups)
        group_moves = _moves([group in needed for group in range(len(self.prompts))])
        self.prompts = _moved(self.prompts, group_moves)
        renamed = {old: new for new, old in enumerate(_places(group_moves))}
        self._groups = [renamed[group] for group in self._groups]
        for cache in self.layers.values():
            for tensor in (cache.own_k, cache.own_v):
                _move(tensor[:, :, : self.length], moves)
            for tensor in (cache.prompt_k, cache.prompt_v):
                _move(tensor, group_moves)
        self._index()


@dataclass(frozen=True, slots=True)
class _Moves:
    """How places are filled: the first `count` stay, but for some that are taken by others."""

    count: int
    pairs: tuple[tuple[int, int], ...]
    """To a freed place, from a place behind the first `count`."""


def _moves(kept: Sequence[bool]) -> _Moves:
    count = sum(kept)
    free = [place for place in range(count) if not kept[place]]
    behind = [place for place in range(count, len(kept)) if kept[place]]
    return _Moves(count, tuple(zip(free, behind, strict=True)))


def _places(moves: _Moves) -> list[int]:
    places = list(range(moves.count))
    for to, source in moves.pairs:
        places[to] = source
    return places


def _moved(items: Sequence[_Item], moves: _Moves) -> list[_Item]:
    return [items[place] for place in _places(moves)]


def _move(tensor: Tensor, moves: _Moves) -> None:
    for to, source in moves.pairs:
        tensor[to] = tensor[source]


def _widened(tensor: Tensor, columns: int) -> Tensor:
    rows, heads, filled, width = tensor.shape
    wider = tensor.new_empty(rows, heads, columns, width)
    wider[:, :, :filled] = tensor
    return wider
