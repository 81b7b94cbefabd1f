"""What a strategy is: a way to produce a response, with what it lets the writer see."""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from idiolect.config import OwnConfig
from idiolect.models.base import Model
from idiolect.records import Candidate, Example, Failure, content_id

__all__ = ["Strategy", "StrategyContext", "given_candidate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyContext:
    """What a strategy may use."""

    target: Model | None
    own: OwnConfig
    seed: int
    template: str
    """Fingerprint of the target's chat template."""

    done: Container[str]
    """Ids of candidates that exist already, and of work that failed: not to be made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A way to produce responses."""

    name: str
    writer: Literal["dataset", "target"]
    sees: frozenset[Literal["prompt", "answer", "reference"]]
    """What the writer is shown."""

    propose: Callable[[Sequence[Example], StrategyContext], Iterator[Candidate | Failure]]
    """Yields candidates in order, as soon as they exist. Nothing is yielded for an example
    that the strategy does not apply to, nor for what is done already."""


def given_candidate(example: Example, strategy: str, text: str) -> Candidate:
    """Return a candidate for a text that exists already."""
    return Candidate(
        id=content_id(example.id, strategy, text),
        example_id=example.id,
        strategy=strategy,
        text=text,
        finish_reason="given",
        cost_usd=0.0,
    )
