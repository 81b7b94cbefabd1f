"""`plan`: what `build`, `compare` or `study` would ask of whom, and what it would cost.

Nothing is sent, loaded or fetched. What a study trains and answers itself is counted beside it.
Numbers of tokens are estimates: a token is taken for four characters, which is near for English
and low for other scripts and for code. Where a prompt holds an own answer, which does not exist
yet, a stand-in as long as the references is counted. Prices come from the dated table.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from idiolect.config import Config
from idiolect.data.outline import outline
from idiolect.data.read import Dataset
from idiolect.errors import ConfigError
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest
from idiolect.models.prices import Price, price_of
from idiolect.pipeline.estimates import Range, requests_per_example, total
from idiolect.pipeline.inputs import column_names, default_strategies
from idiolect.pipeline.study.datasets import strategies_of
from idiolect.pipeline.study.planned import PlannedTraining, planned_training
from idiolect.pipeline.study.splits import held_out
from idiolect.pipeline.teaching import check_settings, config_for
from idiolect.records import Candidate, Example, Message, Status
from idiolect.strategies import Strategy, StrategyContext, get_strategy, with_needed
from idiolect.strategies.tasks import Ask, GaveUp, Role, Task
from idiolect.strategies.wording import Wording
from idiolect.verification.base import Finding

__all__ = ["Plan", "PlannedRequests", "plan"]

CHARACTERS_PER_TOKEN = 4.0
STAND_IN_TOKENS = 150
"""Length of an answer where the data has no reference to go by."""

BARE_LABEL = 40.0
"""Characters. A shorter mean reference of a known set holds no reasons."""

INSTRUCTIONS_TOKENS = 200
"""Of a prompt that asks for a correction, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequests:
    """What one strategy asks of one model."""

    strategy: str
    role: Role
    model: str
    examples: int
    """To which the strategy applies."""

    requests: Range
    tokens_in: Range
    tokens_out: Range
    usd: Range | None
    """None where the price is not known. Local models are free."""

    assumption: str
    """What the numbers of requests rest on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `build` would do."""

    examples: int
    strategies: tuple[str, ...]
    requests: tuple[PlannedRequests, ...]
    first: tuple[tuple[str, Role, tuple[Message, ...]], ...]
    """Strategy, who is asked, and the first request as it would be sent."""

    usd: Range | None
    """Of all strategies; None where any of it is not known."""

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
    rows: list[PlannedRequests] = []
    first: list[tuple[str, Role, tuple[Message, ...]]] = []
    answer = _typical_answer(dataset)
    for strategy in strategies:
        if not strategy.asks:
            continue
        seen = config_for(strategy, config)
        context = _context(seen, dataset.examples, answer)
        asked = _first_requests(strategy, dataset.examples, context)
        if asked:
            role, request = asked[0]
            first.append((strategy.name, role, request.messages))
            rows += _planned(strategy, seen, asked, len(answer) / CHARACTERS_PER_TOKEN)
    prices = [row.usd for row in rows]
    known = [usd for usd in prices if usd is not None]
    return Plan(
        examples=len(dataset.examples),
        strategies=tuple(s.name for s in strategies),
        requests=tuple(rows),
        first=tuple(first),
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


def _typical_answer(dataset: Dataset) -> str:
    """Return a text of the references' mean length.

    Where the references of a known set are bare labels, they say nothing of answers to its
    prompts, which ask for reasons.
    """
    lengths = [len(e.reference) for e in dataset.examples if e.reference]
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    if not lengths or (dataset.verifier and mean < BARE_LABEL):
        mean = STAND_IN_TOKENS * CHARACTERS_PER_TOKEN
    note = "(the target's own answer) "
    return (note * (int(mean) // len(note) + 1))[: max(int(mean), len(note))]


def _context(config: Config, examples: Sequence[Example], answer: str) -> StrategyContext:
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
        examples={e.id: e for e in examples},
        check=lambda pairs: [Finding(status="unchecked") for _ in pairs],
        wording=Wording(config.prompts),
    )


def _first_requests(
    strategy: Strategy, examples: Sequence[Example], context: StrategyContext
) -> list[tuple[Role, GenerationRequest]]:
    """Return the first request of every task; a strategy that shows others' style sees them."""
    right: dict[str, Status] = {
        c.id: "correct" for answers in context.own_answers.values() for c in answers
    }
    if strategy.kind == "styled":
        context = dataclasses.replace(context, statuses=right)
    requests: list[tuple[Role, GenerationRequest]] = []
    for example in examples:
        for task in strategy.begin(example, context, strategy.name):
            if (ask := _first_ask(task)) is not None:
                requests.append((ask.role, ask.request))
    return requests


def _first_ask(task: Task) -> Ask | None:
    try:
        step = next(task.work)
    except (StopIteration, GaveUp):
        return None
    task.work.close()
    return step if isinstance(step, Ask) else None


def _planned(
    strategy: Strategy,
    config: Config,
    asked: Sequence[tuple[Role, GenerationRequest]],
    answer_tokens: float,
) -> Iterator[PlannedRequests]:
    """Yield what a strategy asks of each of its models."""
    count = len(asked)
    prompt = sum(_tokens(request) for _, request in asked) / count
    for role in sorted(strategy.asks):
        # Whoever is asked second is shown a question, a solution and an answer.
        is_first = role == asked[0][0]
        tokens_in = prompt if is_first else prompt + 2 * answer_tokens + INSTRUCTIONS_TOKENS
        if strategy.kind == "teacher-paraphrase":  # the second request shows the first answer
            tokens_in = prompt + (answer_tokens + INSTRUCTIONS_TOKENS) / 2
        each, assumption = requests_per_example(strategy.kind, role, config)
        sampling = config.own if role == "target" else config.teacher
        longest = float(sampling.max_new_tokens)
        out = Range(
            low=min(answer_tokens / 2, longest), expected=min(answer_tokens, longest), high=longest
        )
        requests = each.times(count)
        model = (config.target.model if role == "target" else config.teacher.model) or "none"
        tokens = Range(
            low=requests.low * tokens_in,
            expected=requests.expected * tokens_in,
            # Each further try shows the one before it.
            high=requests.high * (tokens_in + (longest if each.high > 1 else 0.0)),
        )
        replies = Range(
            low=requests.low * out.low,
            expected=requests.expected * out.expected,
            high=requests.high * out.high,
        )
        yield PlannedRequests(
            strategy=strategy.name,
            role=role,
            model=model,
            examples=count,
            requests=requests,
            tokens_in=tokens,
            tokens_out=replies,
            usd=_price(model, config, tokens, replies),
            assumption=assumption,
        )


def _price(model: str, config: Config, tokens_in: Range, tokens_out: Range) -> Range | None:
    if not model.startswith(("openai:", "anthropic:")):
        return Range(low=0, expected=0, high=0)
    price: Price | None = price_of(model, config.prices)
    if price is None:
        return None
    per_in, per_out = price.input_usd_per_million / 1e6, price.output_usd_per_million / 1e6
    return total([tokens_in.times(per_in), tokens_out.times(per_out)])


def _tokens(request: GenerationRequest) -> float:
    return sum(len(m.content) for m in request.messages) / CHARACTERS_PER_TOKEN
