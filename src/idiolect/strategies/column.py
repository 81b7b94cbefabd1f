"""`column:NAME`: responses that the data brings along, whoever wrote them."""

from collections.abc import Iterator, Sequence

from idiolect.records import Candidate, Example
from idiolect.strategies.base import Strategy, StrategyContext, given_candidate

__all__ = ["column_strategy"]


def column_strategy(column: str) -> Strategy:
    """Return the strategy that takes `responses[column]` of each example."""
    name = f"column:{column}"

    def propose(examples: Sequence[Example], context: StrategyContext) -> Iterator[Candidate]:
        for example in examples:
            if column in example.responses:
                yield given_candidate(example, name, example.responses[column])

    return Strategy(name=name, writer="dataset", sees=frozenset(), propose=propose)
