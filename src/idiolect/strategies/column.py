"""`column:NAME`: responses that the data brings along, whoever wrote them.

Source: the data, which names it or does not. They are taken to the byte.
"""

from idiolect.records import Example
from idiolect.strategies.base import Strategy, StrategyContext, given
from idiolect.strategies.tasks import Task

__all__ = ["column_strategy"]


def column_strategy(column: str) -> Strategy:
    """Return the strategy that takes `responses[column]` of each example."""

    def begin(example: Example, context: StrategyContext, name: str) -> list[Task]:
        return given(example, name, example.responses.get(column))

    return Strategy(name=f"column:{column}", writer="dataset", sees=frozenset(), begin=begin)
