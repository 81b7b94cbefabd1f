"""`plan`: what `build`, `compare` or `study` would ask of whom, and what it would cost.

Nothing is sent, loaded or fetched. What a study trains and answers itself is counted beside it.
Numbers of tokens are estimates, and so is the length of answers that nobody has written yet; a
stand-in of that length is counted where a prompt holds one. Prices come from the dated table.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from idiolect.config import Config
from idiolect.data.outline import outline
from idiolect.data.read import Dataset
from idiolect.errors import ConfigError
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest
from idiolect.models.registry import check_name, check_sampling
from idiolect.pipeline.estimates import AnswerLength, Asked, Range, answer_length, total
from idiolect.pipeline.inputs import column_names, default_strategies
from idiolect.pipeline.planned_requests import (
    Begun,
    PlannedRequests,
    begun,
    first_judged,
    planned_judge,
    planned_requests,
)
from idiolect.pipeline.study.datasets import strategies_of
from idiolect.pipeline.study.planned import PlannedTraining, planned_training
from idiolect.pipeline.study.splits import held_out
from idiolect.pipeline.teaching import check_settings, config_for
from idiolect.records import Candidate, Example, Message, Status
from idiolect.strategies import Strategy, StrategyContext, get_strategy, with_needed
from idiolect.strategies.tasks import Role
from idiolect.strategies.wording import Wording
from idiolect.verification import get_verifier
from idiolect.verification.base import Finding

__all__ = ["Plan", "PlannedRequests", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `build` would do."""

    examples: int
    strategies: tuple[str, ...]
    requests: tuple[PlannedRequests, ...]
    first: tuple[tuple[str, Asked, tuple[Message, ...]], ...]
    """Strategy, who is asked, and the first request as it would be sent."""

    answer: AnswerLength
    """How long answers are taken to be that nobody has written yet."""

    usd: Range | None
    """Of all strategies and the judge; None where any of it is not known."""

    training: PlannedTraining | None = None
    """Of a study."""

    missing: tuple[str, ...] = ()
    """Data that are not on this machine; invented rows stand in for them."""


def plan(config: Config, *, dataset: Dataset | None = None) -> Plan:
    """Return what the configuration's commands would ask, and what it would cost.

    The strategies are those of `strategies` and of `study.datasets`.

    Raises:
        DataError: the data cannot be read, and is no known set that can be stood in for.
        ConfigError: a name is unknown, or a strategy needs a model that is not named.
    """
    missing: list[str] = []
    if dataset is None:
        found = outline(config.data)
        dataset, missing = found.dataset, [found.missing] if found.missing else []
    training = None
    names = list(dict.fromkeys([*config.strategies, *strategies_of(config.study.datasets)]))
    if config.study.datasets:
        dataset, _ = held_out(dataset, config)
        training, more = planned_training(config, len(dataset.examples))
        missing += more
    names = names or [*default_strategies(dataset), "own"]
    strategies = with_needed([get_strategy(n, column_names(dataset), config) for n in names])
    check_settings(config)
    _require_models(strategies, config)
    _require_judge(config)
    answer = answer_length(dataset)
    stand_in = _stand_in(answer)
    works = [_begun(strategy, config, dataset, stand_in) for strategy in strategies]
    rows = [row for work in works for row in planned_requests(work, answer)]
    first: list[tuple[str, Asked, tuple[Message, ...]]] = [
        (work.strategy.name, role, request.messages)
        for work in works
        for role, request in work.asks[:1]
    ]
    if config.verifier == "judge":
        tested = training.test_answers + training.validation_answers if training else 0
        judge = planned_judge(works, dataset.examples, stand_in, config, test_answers=tested)
        request = first_judged(works, stand_in)
        rows += [judge] if judge else []
        if request:
            first.append(("judge", "judge", request))
    prices = [row.usd for row in rows]
    known = [usd for usd in prices if usd is not None]
    return Plan(
        examples=len(dataset.examples),
        strategies=tuple(s.name for s in strategies),
        requests=tuple(rows),
        first=tuple(first),
        answer=answer,
        usd=total(known) if len(known) == len(prices) else None,
        training=training,
        missing=tuple(dict.fromkeys(missing)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """A model that has a name and answers nothing."""

    name: str
    revision: str | None = None

    def generate(
        self, requests: Sequence[GenerationRequest]
    ) -> Iterator[Generation | GenerationFailure]:
        raise AssertionError("a plan asks nobody")


def _require_models(strategies: Sequence[Strategy], config: Config) -> None:
    def model(strategy: Strategy, role: Role) -> str | None:
        return (config.target if role == "target" else config_for(strategy, config).teacher).model

    roles: tuple[Role, ...] = ("target", "teacher")
    for role in roles:
        asking = [s.name for s in strategies if role in s.asks and not model(s, role)]
        if asking:
            raise ConfigError(
                f"strategies: {', '.join(asking)} ask a {role}, and none is named; "
                f"name one with --{role}"
            )
    for strategy in strategies:
        if "teacher" in strategy.asks:
            section = f"teachers.{strategy.teacher}" if strategy.teacher else "teacher"
            check_name(config_for(strategy, config).teacher, section=section)


def _require_judge(config: Config) -> None:
    if config.verifier != "judge":
        return
    if not config.judge.model:
        get_verifier("judge")  # says what is missing
    check_name(config.judge, section="judge")
    check_sampling(config.judge, "judge")


def _begun(strategy: Strategy, config: Config, dataset: Dataset, stand_in: str) -> Begun:
    seen = config_for(strategy, config)
    # It is shown correct answers of the target, and there are to be some.
    right = strategy.kind == "styled"
    context = _context(seen, dataset.examples, stand_in, right=right)
    return begun(strategy, dataset.examples, context)


def _statuses(own: Mapping[str, Sequence[Candidate]]) -> dict[str, Status]:
    return {c.id: "correct" for answers in own.values() for c in answers}


def _stand_in(answer: AnswerLength) -> str:
    """Return a text of the length that an answer is expected to have."""
    note = "(the target's own answer) "
    length = max(int(answer.characters), len(note))
    return (note * (length // len(note) + 1))[:length]


def _context(
    config: Config, examples: Sequence[Example], answer: str, *, right: bool
) -> StrategyContext:
    own = {
        e.id: [
            Candidate(
                id=f"own of {e.id}", example_id=e.id, strategy="own", text=answer,
                finish_reason="stop",
            )
        ]
        for e in examples
    }  # fmt: skip
    return StrategyContext(
        target=_Named(name=config.target.model or "none"),
        teacher=_Named(name=config.teacher.model or "none"),
        config=config,
        seed=config.seed,
        template="plan",
        done=frozenset[str](),
        own_answers=own,
        statuses=_statuses(own) if right else {},
        examples={e.id: e for e in examples},
        check=lambda pairs: [Finding(status="unchecked") for _ in pairs],
        wording=Wording(config.prompts),
    )
