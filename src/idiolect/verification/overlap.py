"""Overlap between training and test data: the same prompts, or long passages in common.

A study that trains on its test set measures memory. Exact means the same words; near means
that a part of the test prompt's 13-word sequences stands in one training example.
Source: the 13-gram rule of Brown et al., Language Models are Few-Shot Learners, 2020,
appendix C; differs in that it needs a share of the sequences and not a single one, because
the prompts of one task share their instructions.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from idiolect.errors import DataError
from idiolect.records import Example
from idiolect.verification.duplicates import plain_words, shingles

__all__ = ["Overlap", "find_overlap", "require_no_overlap", "without_overlap"]

_NGRAM = 13
_SHOWN = 5
_NEAR = 0.5
"""The least share of a test prompt's sequences for a near match."""

_COMMON = 0.2
"""A sequence that stands in more than this share of the prompts is the task's instruction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """A test example that stands in the training data."""

    train_id: str
    test_id: str
    kind: Literal["exact", "near"]
    share: float
    """The part of the test prompt's sequences that the training example holds."""

    @property
    def words(self) -> str:
        """`near, 64%`."""
        return f"{self.kind}, {self.share:.0%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """The test prompts, as training examples are compared with them."""

    same: Mapping[tuple[str, ...], Sequence[str]]
    """Words of a prompt -> ids."""

    sequences: Mapping[str, int]
    """Id -> how many sequences of its own the prompt has."""

    ids_of: Mapping[int, Sequence[str]]
    """Sequence -> ids of the prompts that it stands in."""


def find_overlap(train: Sequence[Example], test: Sequence[Example]) -> list[Overlap]:
    """Return the test examples that the training data hold, each with its nearest match.

    Args:
        train: looked at with prompt, reference and responses.
        test: looked at with the prompt.
    """
    held = _held(train, test)
    nearest: dict[str, Overlap] = {}
    for example in train:
        for overlap in _overlaps(example, held):
            other = nearest.get(overlap.test_id)
            if other is None or _nearness(overlap) > _nearness(other):
                nearest[overlap.test_id] = overlap
    return [nearest[example.id] for example in test if example.id in nearest]


def without_overlap(
    train: Sequence[Example], test: Sequence[Example], *, allowed: Collection[str] = ()
) -> tuple[list[Example], list[Overlap]]:
    """Return the training examples that no test example stands in, and why each other went.

    Args:
        train: see `find_overlap`.
        test: see `find_overlap`.
        allowed: ids of test examples whose overlap is known and accepted.
    """
    held = _held(train, test)
    left, found = list[Example](), list[Overlap]()
    for example in train:
        overlaps = [o for o in _overlaps(example, held) if o.test_id not in allowed]
        if overlaps:
            found.append(max(overlaps, key=_nearness))
        else:
            left.append(example)
    return left, found


def _held(train: Sequence[Example], test: Sequence[Example]) -> _Held:
    prompts = {example.id: _prompt(example) for example in test}
    grams = {test_id: _grams(words) for test_id, words in prompts.items()}
    common = _common([*grams.values(), *(_grams(_prompt(e)) for e in train)])
    same: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    ids_of: defaultdict[int, list[str]] = defaultdict(list)
    for test_id, words in prompts.items():
        same[tuple(words)].append(test_id)
        for gram in grams[test_id] - common:
            ids_of[gram].append(test_id)
    sequences = {test_id: len(each - common) for test_id, each in grams.items()}
    return _Held(same=same, sequences=sequences, ids_of=ids_of)


def _overlaps(example: Example, held: _Held) -> list[Overlap]:
    """Return every test example that one training example holds."""
    texts = [" ".join(m.content for m in example.messages), example.reference or ""]
    texts += example.responses.values()
    grams = set[int]().union(*(_grams(plain_words(text)) for text in texts))
    counts = Counter(test_id for gram in grams for test_id in held.ids_of.get(gram, ()))
    same = held.same.get(tuple(_prompt(example)), ())
    found = [
        Overlap(train_id=example.id, test_id=test_id, kind="exact", share=1.0) for test_id in same
    ]
    for test_id, count in counts.items():
        share = count / held.sequences[test_id]
        if share >= _NEAR and test_id not in same:
            found.append(Overlap(train_id=example.id, test_id=test_id, kind="near", share=share))
    return found


def _nearness(overlap: Overlap) -> tuple[bool, float]:
    return overlap.kind == "exact", overlap.share


def _prompt(example: Example) -> list[str]:
    return plain_words(" ".join(m.content for m in example.messages if m.role != "system"))


def _grams(words: Sequence[str]) -> set[int]:
    return shingles(words, _NGRAM)


def _common(all_grams: Sequence[set[int]]) -> set[int]:
    """Return the sequences of the instructions that many prompts repeat."""
    counts = Counter(gram for grams in all_grams for gram in grams)
    least = max(3, int(_COMMON * len(all_grams)))
    return {gram for gram, count in counts.items() if count >= least}


def require_no_overlap(
    overlaps: Sequence[Overlap],
    *,
    allowed: Collection[str] = (),
    held_out: str = "test",
    inside: str = "training",
    instead: str = "",
) -> None:
    """Stop where held-out examples stand in data that they must not be in.

    Args:
        overlaps: see `find_overlap`.
        allowed: ids of held-out examples whose overlap is known and accepted.
        held_out: Name of the split whose prompts were looked for.
        inside: Name of the data that they were looked for in.
        instead: What else may be done than to remove them, for the message.

    Raises:
        DataError: an overlap is not allowed by name.
    """
    left = [overlap for overlap in overlaps if overlap.test_id not in allowed]
    if not left:
        return
    shown = ", ".join(f"{o.test_id} ~ {o.train_id} ({o.words})" for o in left[:_SHOWN])
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    raise DataError(
        f"{held_out} split: found {len(left)} examples that stand in the {inside} data: "
        f"{shown}{more}; remove them from one side{instead}"
    )
