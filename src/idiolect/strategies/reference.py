"""`reference`: the dataset's own response.

Source: the baseline "ground truth" of arXiv 2402.11192. It is taken to the byte.
"""

from idiolect.records import Example
from idiolect.strategies.base import Strategy, StrategyContext, given
from idiolect.strategies.tasks import Task

__all__ = ["REFERENCE"]


def _begin(example: Example, context: StrategyContext, name: str) -> list[Task]:
    return given(example, name, example.reference)


REFERENCE = Strategy(name="reference", writer="dataset", sees=frozenset(), begin=_begin)
