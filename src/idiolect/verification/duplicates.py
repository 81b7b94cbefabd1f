"""Equal and nearly equal texts: inside a dataset, across strategies, between train and test.

Near means that the sets of five-word sequences of two texts share at least a given part of
their union (Jaccard). Candidates are found by MinHash in bands, so that all pairs need not be
compared, and every reported similarity is then computed exactly.
Source: Broder, On the resemblance and containment of documents, 1997.
"""

import functools
import hashlib
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Generic, TypeVar

from idiolect.records import Example

__all__ = [
    "DuplicateGroup",
    "TwinStrategies",
    "duplicate_groups",
    "plain_words",
    "shingles",
    "twin_strategies",
]

Key = TypeVar("Key", bound=Hashable)

_SHINGLE_WORDS = 5
_BANDS = 24
_ROWS = 4
"""24 bands of 4 rows find a pair of similarity 0.8 with probability 0.999997."""

_WORD = re.compile(r"\w+")
_BUCKET_LIMIT = 50
"""Texts of one bucket that are compared with each other; more are compared with the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateGroup(Generic[Key]):
    """Texts that are equal, or near to each other."""

    keys: tuple[Key, ...]
    similarity: float
    """The lowest that linked a member to the group; 1.0 where all words are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinStrategies:
    """Two strategies that hold the same texts."""

    first: str
    second: str
    same: int
    """Examples for which both have the same text."""

    shared: int
    """Examples for which both have a text."""


def plain_words(text: str) -> list[str]:
    """Return the words of a text, lower case, without punctuation."""
    return _WORD.findall(text.lower())


def shingles(words: Sequence[str], size: int) -> set[int]:
    """Return hashes of all sequences of `size` words; of the whole text where it is shorter."""
    if len(words) < size:
        return {_hash(" ".join(words))} if words else set()
    return {_hash(" ".join(words[i : i + size])) for i in range(len(words) - size + 1)}


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=7).digest()
    return int.from_bytes(digest, "big")


def duplicate_groups(
    texts: Iterable[tuple[Key, str]], *, threshold: float = 0.8
) -> list[DuplicateGroup[Key]]:
    """Return the groups of texts that are equal or near, largest first.

    Args:
        texts: keys, each once, with their texts.
        threshold: the least Jaccard similarity of five-word sequences, above 0.
    """
    keys: list[Key] = []
    sets: list[frozenset[int]] = []
    for key, text in texts:
        found = shingles(plain_words(text), _SHINGLE_WORDS)
        if found:
            keys.append(key)
            sets.append(frozenset(found))
    links = _links(sets, threshold)
    return _groups(keys, links)


def _links(sets: Sequence[frozenset[int]], threshold: float) -> dict[tuple[int, int], float]:
    """Return the similar pairs: equal sets through a dict, near ones through MinHash."""
    first_of: dict[frozenset[int], int] = {}
    links: dict[tuple[int, int], float] = {}
    for index, found in enumerate(sets):
        if found in first_of:
            links[first_of[found], index] = 1.0
        else:
            first_of[found] = index
    distinct = list(first_of.values())
    buckets: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for index in distinct:
        for bucket in _bands(sets[index]):
            buckets[bucket].append(index)
    for members in buckets.values():
        for pair in _pairs(members):
            if pair not in links:
                a, b = sets[pair[0]], sets[pair[1]]
                similarity = len(a & b) / len(a | b)
                if similarity >= threshold:
                    links[pair] = similarity
    return links


def _pairs(members: Sequence[int]) -> Iterable[tuple[int, int]]:
    if len(members) <= _BUCKET_LIMIT:
        return combinations(members, 2)
    return ((members[0], other) for other in members[1:])


def _bands(found: frozenset[int]) -> Iterable[tuple[int, ...]]:
    """Return the bands of a MinHash signature, each with its number in front."""
    import numpy as np  # kept out of the import of the package

    values = np.fromiter(found, dtype=np.uint64, count=len(found))
    # Multiplication by an odd number and a shift mixes 64 bits well enough; it wraps.
    factors = np.fromiter(_factors(), dtype=np.uint64, count=_BANDS * _ROWS)
    mixed = (values[:, None] * factors[None, :]) ^ (values[:, None] >> np.uint64(29))
    signature = (mixed * np.uint64(0x9E3779B97F4A7C15)).min(axis=0).reshape(_BANDS, _ROWS)
    return [(band, *(int(value) for value in row)) for band, row in enumerate(signature)]


@functools.cache
def _factors() -> tuple[int, ...]:
    """Return fixed odd 64-bit numbers, one for each hash function."""
    numbers = (hashlib.blake2b(bytes([i]), digest_size=8).digest() for i in range(_BANDS * _ROWS))
    return tuple(int.from_bytes(number, "big") | 1 for number in numbers)


def _groups(
    keys: Sequence[Key], links: Mapping[tuple[int, int], float]
) -> list[DuplicateGroup[Key]]:
    """Join linked texts into groups."""
    parent = list(range(len(keys)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for first, second in links:
        parent[root(second)] = root(first)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(len(keys)):
        members[root(index)].append(index)
    lowest: dict[int, float] = {}
    for (first, _), similarity in links.items():
        group = root(first)
        lowest[group] = min(similarity, lowest.get(group, 1.0))
    groups = [
        DuplicateGroup(keys=tuple(keys[i] for i in indices), similarity=lowest[group])
        for group, indices in members.items()
        if len(indices) > 1
    ]
    return sorted(groups, key=lambda group: -len(group.keys))


def twin_strategies(
    examples: Sequence[Example], *, threshold: float = 0.95
) -> list[TwinStrategies]:
    """Return pairs of responses, by name, that are the same text for nearly every example.

    Args:
        examples: their `responses`, and `reference`, are compared.
        threshold: the least share of examples with equal words.
    """
    words: defaultdict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for example in examples:
        texts = dict(example.responses)
        if example.reference is not None:
            texts["reference"] = example.reference
        for name, text in texts.items():
            words[name][example.id] = tuple(plain_words(text))
    twins: list[TwinStrategies] = []
    for first, second in combinations(sorted(words), 2):
        shared = words[first].keys() & words[second].keys()
        same = sum(words[first][key] == words[second][key] for key in shared)
        if shared and same >= threshold * len(shared):
            twins.append(TwinStrategies(first=first, second=second, same=same, shared=len(shared)))
    return twins
