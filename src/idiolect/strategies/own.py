"""`own`: the target answers the prompt itself, n samples. Nothing but the prompt is seen.

Source: with selection of the correct ones this is rejection sampling, as in RFT
(arXiv 2308.01825). Deviations: one of the correct answers is chosen, not all different ones kept,
and where none is correct nothing takes their place.
"""

import dataclasses
from collections.abc import Iterator

from idiolect.config import OwnConfig
from idiolect.models.base import Sampling
from idiolect.records import Example
from idiolect.strategies.base import Strategy, StrategyContext
from idiolect.strategies.desk import Desk
from idiolect.strategies.tasks import Result, Steps, Task

__all__ = ["OWN", "draws"]


def draws(example: Example, context: StrategyContext, name: str, own: OwnConfig) -> Iterator[Task]:
    """Yield the work on each sample of one example."""
    for index in range(own.samples):
        desk = Desk(
            context,
            example,
            name,
            writers=["target"],
            messages=example.messages,
            shown=["prompt"],
            # How many samples there are decides none of them.
            settings=dataclasses.asdict(dataclasses.replace(own, samples=1)),
            sample_index=index,
        )
        yield Task(id=desk.id, example_id=example.id, strategy=name, work=_answer(desk, own))


def _answer(desk: Desk, own: OwnConfig) -> Steps[list[Result]]:
    sampling = Sampling(
        temperature=own.temperature, top_p=own.top_p, max_new_tokens=own.max_new_tokens
    )
    reply = yield from desk.ask("target", sampling=sampling)
    return [desk.candidate(reply.text, reply.finish_reason, token_ids=reply.token_ids)]


def _begin(example: Example, context: StrategyContext, name: str) -> Iterator[Task]:
    return draws(example, context, name, context.config.own)


OWN = Strategy(
    name="own",
    writer="target",
    sees=frozenset({"prompt"}),
    begin=_begin,
    asks=frozenset({"target"}),
)
