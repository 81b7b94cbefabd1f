"""`label`: the dataset's bare answer, without any reasoning.

Source: the "gold label only" rows of the follow-up's logs (arXiv 2502.11779), often the best
on tasks that are close to classification.
"""

from idiolect.records import Example
from idiolect.strategies.base import Strategy, StrategyContext, given
from idiolect.strategies.tasks import Task

__all__ = ["LABEL"]


def _begin(example: Example, context: StrategyContext, name: str) -> list[Task]:
    return given(example, name, example.answer)


LABEL = Strategy(name="label", writer="dataset", sees=frozenset({"answer"}), begin=_begin)
