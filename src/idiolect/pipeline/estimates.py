"""What is guessed of answers that nobody has written yet: how often is asked, and for how much.

A token is taken for four characters, which is near for English and low for other scripts and for
code.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from idiolect.config import Config
from idiolect.data.read import Dataset
from idiolect.strategies import STRATEGIES
from idiolect.strategies.tasks import Role

__all__ = [
    "CHARACTERS_PER_TOKEN",
    "AnswerLength",
    "Asked",
    "Range",
    "answer_length",
    "requests_per_example",
    "total",
]

Asked = Role | Literal["judge"]
"""Who is asked."""

CHARACTERS_PER_TOKEN = 4.0
STAND_IN_TOKENS = 150
"""Length of an answer where the data has no text to go by."""

BARE_LABEL = 80.0
"""Characters. Shorter references hold no reasons, and say nothing of an answer that gives some."""

LONGER = 2.0
"""GPT-4's and Claude's answers to five public sets (GSM8K, MATH, ECQA, MBPP, HumanEval) are 0.8 to
2.8 times as long as the references, with a median of 1.5. A budget errs on the high side."""

_OF_SEVERAL = ("own", "continue", "minimal-change")
"""Rungs that are counted apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """From everything going well to everything going badly."""

    low: float
    expected: float
    high: float

    def times(self, factor: float) -> "Range":
        """Return the range, multiplied."""
        return Range(
            low=self.low * factor, expected=self.expected * factor, high=self.high * factor
        )


def total(ranges: Sequence[Range]) -> Range:
    """Return the sum of ranges, as if all went well or badly together."""
    return Range(
        low=sum(r.low for r in ranges),
        expected=sum(r.expected for r in ranges),
        high=sum(r.high for r in ranges),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLength:
    """How long an answer is expected to be."""

    characters: float
    why: str

    @property
    def tokens(self) -> float:
        """About."""
        return self.characters / CHARACTERS_PER_TOKEN


def answer_length(dataset: Dataset) -> AnswerLength:
    """Return how long an answer to a prompt of the data is expected to be, by the texts it has.

    Of several columns of responses the wordiest is taken, so that a budget errs on the high side.
    """
    columns: dict[str, list[int]] = defaultdict(list)
    for example in dataset.examples:
        for name, text in example.responses.items():
            columns[name].append(len(text))
    means = {name: sum(lengths) / len(lengths) for name, lengths in columns.items()}
    wordiest = max(means, key=lambda name: means[name], default="")
    if wordiest and means[wordiest] >= BARE_LABEL:
        return AnswerLength(characters=means[wordiest], why=f"as long as those of {wordiest!r}")
    references = [len(e.reference) for e in dataset.examples if e.reference]
    if references and (mean := sum(references) / len(references)) >= BARE_LABEL:
        return AnswerLength(characters=LONGER * mean, why="twice as long as the references")
    return AnswerLength(
        characters=STAND_IN_TOKENS * CHARACTERS_PER_TOKEN,
        why="a guess, as the data has no text that gives reasons",
    )


def requests_per_example(name: str, asked: Asked, config: Config) -> tuple[Range, str]:
    """Return how often one example asks, and what that rests on.

    Args:
        name: Of a strategy, or `reference`.
        asked: Who; a judge is asked about each text that a strategy has checked.
        config: Its settings of the strategies.
    """
    half = "half of the own answers are right"
    attempts, rounds = config.minimal_change.attempts, config.continuation.rounds
    if name == "minimal-change":
        return Range(low=0, expected=0.5, high=attempts), half
    if name == "continue":
        checks = 2 if asked == "judge" else 1  # of the corrected step, and of what follows it
        return Range(low=0, expected=0.75 * checks, high=rounds * checks), half
    if name == "ladder":
        return _ladder_requests(asked, config), half
    if name == "teacher-paraphrase" and asked == "teacher":
        return Range(low=1, expected=2, high=2), "the answers of `teacher` are not cached yet"
    return Range(low=1, expected=1, high=1), "one request each"


def _ladder_requests(asked: Asked, config: Config) -> Range:
    rungs = config.ladder.rungs
    rounds = config.continuation.rounds * ("continue" in rungs)
    attempts = config.minimal_change.attempts * ("minimal-change" in rungs)
    samples = config.ladder.samples * ("samples" in rungs)
    others = [STRATEGIES[r] for r in rungs if r in STRATEGIES and r not in _OF_SEVERAL]
    if asked == "judge":
        return Range(low=0, expected=2.0, high=samples + 2 * rounds + attempts + len(others))
    once = sum(asked in strategy.asks for strategy in others)
    if asked == "target":
        return Range(low=0, expected=2.0, high=samples + rounds + once)
    return Range(low=0, expected=0.5, high=rounds + attempts + once)
