"""`label`: the dataset's bare answer, without any reasoning.

Source: the "gold label only" rows of the follow-up's logs (arXiv 2502.11779), often the best
on tasks that are close to classification.
"""

from collections.abc import Iterator, Sequence

from idiolect.records import Candidate, Example
from idiolect.strategies.base import Strategy, StrategyContext, given_candidate

__all__ = ["LABEL"]


def _propose(examples: Sequence[Example], context: StrategyContext) -> Iterator[Candidate]:
    for example in examples:
        if example.answer is not None:
            yield given_candidate(example, "label", example.answer)


LABEL = Strategy(name="label", writer="dataset", sees=frozenset({"answer"}), propose=_propose)
