"""Overlap between training and test data: the same prompts, or long passages in common.

A study that trains on its test set measures memory. Exact means the same words; near means
that a part of the test prompt's 13-word sequences stands in one training example.
Source: the 13-gram rule of Brown et al., Language Models are Few-Shot Learners, 2020,
appendix C; differs in that it needs a share of the sequences and not a single one, because
the prompts of one task share their instructions.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from idiolect.errors import DataError
from idiolect.records import Example
from idiolect.verification.duplicates import plain_words, shingles

__all__ = ["Overlap", "find_overlap", "require_no_overlap", "without_overlap"]

_NGRAM = 13
_SHOWN = 5
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


def find_overlap(
    train: Sequence[Example], test: Sequence[Example], *, threshold: float = 0.5
) -> list[Overlap]:
    """Return the test examples that the training data hold, each with its nearest match.

    Args:
        train: looked at with prompt, reference and responses.
        test: looked at with the prompt.
        threshold: the least share of a test prompt's 13-word sequences for a near match.
    """
    exact = {tuple(_prompt(example)): example.id for example in reversed(train)}
    test_grams = {example.id: _grams(_prompt(example)) for example in test}
    common = _common([*test_grams.values(), *(_grams(_prompt(e)) for e in train)])
    wanted: defaultdict[int, list[str]] = defaultdict(list)
    for test_id, grams in test_grams.items():
        for gram in grams - common:
            wanted[gram].append(test_id)
    nearest = _nearest(train, wanted)
    overlaps: list[Overlap] = []
    for example in test:
        same = exact.get(tuple(_prompt(example)))
        if same is not None:
            overlaps.append(Overlap(train_id=same, test_id=example.id, kind="exact", share=1.0))
            continue
        count, train_id = nearest.get(example.id, (0, ""))
        total = len(test_grams[example.id] - common)
        if total and count >= threshold * total:
            overlaps.append(
                Overlap(train_id=train_id, test_id=example.id, kind="near", share=count / total)
            )
    return overlaps


def _prompt(example: Example) -> list[str]:
    return plain_words(" ".join(m.content for m in example.messages if m.role != "system"))


def _grams(words: Sequence[str]) -> set[int]:
    return shingles(words, _NGRAM)


def _common(all_grams: Sequence[set[int]]) -> set[int]:
    """Return the sequences of the instructions that many prompts repeat."""
    counts = Counter(gram for grams in all_grams for gram in grams)
    least = max(3, int(_COMMON * len(all_grams)))
    return {gram for gram, count in counts.items() if count >= least}


def _nearest(train: Sequence[Example], wanted: dict[int, list[str]]) -> dict[str, tuple[int, str]]:
    """Return, for each test id, the most sequences that one training example holds of it."""
    nearest: dict[str, tuple[int, str]] = {}
    for example in train:
        texts = [" ".join(m.content for m in example.messages), example.reference or ""]
        texts += example.responses.values()
        grams = set[int]().union(*(_grams(plain_words(text)) for text in texts))
        counts = Counter(test_id for gram in grams for test_id in wanted.get(gram, ()))
        for test_id, count in counts.items():
            if count > nearest.get(test_id, (0, ""))[0]:
                nearest[test_id] = (count, example.id)
    return nearest


def without_overlap(
    train: Sequence[Example], test: Sequence[Example], *, allowed: Collection[str] = ()
) -> tuple[list[Example], list[Overlap]]:
    """Return the training examples that no test example stands in, and why the others went.

    Args:
        train: see `find_overlap`.
        test: see `find_overlap`.
        allowed: ids of test examples whose overlap is known and accepted.
    """
    left, found = list(train), list[Overlap]()
    # A match names one training example; there may be more that hold the same test prompt.
    while overlaps := [o for o in find_overlap(left, test) if o.test_id not in allowed]:
        found += overlaps
        gone = {overlap.train_id for overlap in overlaps}
        left = [example for example in left if example.id not in gone]
    return left, found


def require_no_overlap(
    overlaps: Sequence[Overlap], *, allowed: Collection[str] = (), instead: str = ""
) -> None:
    """Stop where test examples stand in the training data.

    Args:
        overlaps: see `find_overlap`.
        allowed: ids of test examples whose overlap is known and accepted.
        instead: What else may be done than to remove them, for the message.

    Raises:
        DataError: an overlap is not allowed by name.
    """
    left = [overlap for overlap in overlaps if overlap.test_id not in set(allowed)]
    if not left:
        return
    shown = ", ".join(
        f"{o.test_id} ~ {o.train_id} ({o.kind}, {o.share:.0%})" for o in left[:_SHOWN]
    )
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    raise DataError(
        f"test split: found {len(left)} examples that stand in the training data: {shown}{more}; "
        f"remove them from one side{instead}"
    )
