"""`ladder`: the cheapest and most native way that gives a verified answer.

Each rung is another strategy; an example climbs until an answer verifies. The rungs' own
candidates are kept as `ladder/RUNG`. They exist for the examples that got so far only, so
nothing may be concluded from comparing them with candidates for all examples.

Source: the fall-back of S3FT (arXiv 2502.08130) from a right own answer to the reference in other
words, and to the reference. Deviations: the rungs between them, and their order from the target's
own words to somebody else's, are ours, and every rung is verified.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from idiolect.config import Config
from idiolect.errors import ConfigError, nearest
from idiolect.records import Candidate, Example, Part, Spend
from idiolect.strategies.base import WINDOW, Strategy, StrategyContext
from idiolect.strategies.desk import Desk
from idiolect.strategies.minimal_change import is_settled, own_answer
from idiolect.strategies.own import draws
from idiolect.strategies.tasks import GaveUp, Result, Role, Steps, Task

__all__ = ["ladder_strategy"]


def ladder_strategy(config: Config, others: Mapping[str, Strategy]) -> Strategy:
    """Return the ladder with the rungs of a configuration.

    Raises:
        ConfigError: a rung is no strategy that can be one.
    """
    allowed = ["own", "samples", *(name for name in others if name != "own")]
    for rung in config.ladder.rungs:
        if rung not in allowed:
            raise ConfigError(
                f"ladder.rungs: unknown rung {rung!r}{nearest(rung, allowed)} "
                f"(allowed: {', '.join(allowed)})"
            )
    if not config.ladder.rungs:
        raise ConfigError("ladder.rungs: found none, expected at least one, e.g. own")
    steps = [others[r] for r in config.ladder.rungs if r in others and r != "own"]
    roles: set[Role] = {"target"}
    for strategy in steps:
        roles |= strategy.asks

    def begin(example: Example, context: StrategyContext, name: str) -> list[Task]:
        desk = Desk(
            context,
            example,
            name,
            writers=sorted(roles),
            messages=example.messages,
            shown=["prompt"],
            settings=[
                dataclasses.asdict(context.config.ladder),
                dataclasses.asdict(context.config.minimal_change),
                dataclasses.asdict(context.config.continuation),
                [a.id for a in context.own_answers.get(example.id, ())],
                context.wording.hash_of(*(p for s in steps for p in s.prompts)),
            ],
        )
        return [Task(id=desk.id, example_id=example.id, strategy=name, work=_climb(desk, others))]

    return Strategy(
        name="ladder",
        writer="target",
        sees=frozenset[Part]({"prompt"}).union(*(s.sees for s in steps)),
        begin=begin,
        asks=frozenset(roles),
        needs=frozenset({"own", "verifier"}),
        prompts=tuple(dict.fromkeys(p for s in steps for p in s.prompts)),
        window=WINDOW,
    )


class _Bill:
    """What rungs that gave up were paid for; what the others cost is in their candidates."""

    def __init__(self, context: StrategyContext) -> None:
        self.tokens_in = self.tokens_out = 0
        self.cost_usd: float | None = 0.0
        self._context = context
        self._spends: list[Spend] = []

    def book(self, spend: Spend) -> None:
        """Note a request to the teacher, and pass it on."""
        self._spends.append(spend)
        self._context.book(spend)

    def add(self, task: Task) -> None:
        """Add a rung that gave up, with what earlier processes paid for it."""
        spends = [s for s in self._spends if s.subject_id == task.id]
        self.tokens_in += sum(s.tokens_in for s in spends)
        self.tokens_out += sum(s.tokens_out for s in spends)
        before = self._context.paid.get(task.id, 0.0)
        self.cost_usd = _sum([self.cost_usd, before, *(s.cost_usd for s in spends)])


def _sum(costs: Iterable[float | None]) -> float | None:
    """Return the sum of costs; None where any of them is not known."""
    known = list(costs)
    return None if None in known else sum(cost or 0.0 for cost in known)


def _climb(desk: Desk, others: Mapping[str, Strategy]) -> Steps[list[Result]]:
    bill = _Bill(desk.context)
    context = dataclasses.replace(desk.context, book=bill.book)
    made: list[Result] = []
    met: list[str] = []
    retryable = desk.example.id in context.own_may_come
    for rung in desk.context.config.ladder.rungs:
        if rung == "own":
            own = own_answer(desk.example, desk.context)
            if own is not None and is_settled(own, desk.context):
                return [*made, _settled(desk, own, made, bill)]
            met.append("own: not correct" if own else "own: none")
            continue
        for task in _tasks(desk, context, rung, others):
            try:
                results = yield from task.work
            except GaveUp as error:
                bill.add(task)
                made.append(task.failure(error))
                met.append(f"{rung}: {error.reason}")
                retryable = retryable or error.retryable
                continue
            for result in results:
                made.append(result)
                if not isinstance(result, Candidate):
                    continue
                status = yield from _status(desk, result)
                if status == "correct":
                    return [*made, _settled(desk, result, made, bill)]
                met.append(f"{rung}: {status}")
    error = GaveUp(f"no rung gave a verified answer ({'; '.join(met)})", retryable=retryable)
    task = Task(id=desk.id, example_id=desk.example.id, strategy=desk.strategy, work=_nothing())
    return [*made, task.failure(error)]


def _nothing() -> Steps[list[Result]]:
    yield from ()
    return []


def _tasks(
    desk: Desk, context: StrategyContext, rung: str, others: Mapping[str, Strategy]
) -> Iterable[Task]:
    name = f"{desk.strategy}/{rung}"
    if rung != "samples":
        return others[rung].begin(desk.example, context, name)
    config = context.config
    more = dataclasses.replace(
        config.own, samples=config.ladder.samples, temperature=config.ladder.temperature
    )
    return draws(desk.example, context, name, more)


def _status(desk: Desk, candidate: Candidate) -> Steps[str]:
    """Return what the verifier says, or why an answer that it accepts can't be used."""
    if candidate.finish_reason == "length":
        return "cut off"
    defect = desk.defect(candidate.text)
    if defect is not None:
        return defect
    finding = yield from desk.check(candidate.text)
    return finding.status


def _settled(desk: Desk, rung: Candidate, made: Sequence[Result], bill: _Bill) -> Candidate:
    """Return the ladder's candidate: the rung's text, at the price of all rungs."""
    tried = [c for c in made if isinstance(c, Candidate)]
    return dataclasses.replace(
        rung,
        id=desk.id,
        strategy=desk.strategy,
        sample_index=0,
        parent_id=rung.id,
        tokens_in=sum(c.tokens_in or 0 for c in tried) + bill.tokens_in,
        tokens_out=sum(c.tokens_out or 0 for c in tried) + bill.tokens_out,
        cost_usd=_sum([bill.cost_usd, *(c.cost_usd for c in tried)]),
    )
