"""`reference`: the dataset's own response, the baseline of arXiv 2402.11192."""

from collections.abc import Iterator, Sequence

from idiolect.records import Candidate, Example
from idiolect.strategies.base import Strategy, StrategyContext, given_candidate

__all__ = ["REFERENCE"]


def _propose(examples: Sequence[Example], context: StrategyContext) -> Iterator[Candidate]:
    for example in examples:
        if example.reference is not None:
            yield given_candidate(example, "reference", example.reference)


REFERENCE = Strategy(name="reference", writer="dataset", sees=frozenset(), propose=_propose)
