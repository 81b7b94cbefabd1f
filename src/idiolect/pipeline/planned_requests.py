"""What the work on candidates would ask of whom, in requests, tokens and dollars.

Each strategy begins with all examples and is stopped at its first request, which is rendered in
full. What follows it is estimated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from idiolect.config import Config
from idiolect.models.base import GenerationRequest
from idiolect.models.prices import price_of
from idiolect.pipeline.estimates import (
    CHARACTERS_PER_TOKEN,
    AnswerLength,
    Asked,
    Range,
    requests_per_example,
    total,
)
from idiolect.records import Candidate, Example, Message
from idiolect.strategies import Strategy, StrategyContext
from idiolect.strategies.tasks import Ask, GaveUp, Role, Task
from idiolect.verification.judge import conversation

__all__ = [
    "Begun",
    "PlannedRequests",
    "begun",
    "first_judged",
    "planned_judge",
    "planned_requests",
]

INSTRUCTIONS_TOKENS = 200
"""Of a prompt that asks for a correction, about."""

VERDICT_TOKENS = 40
"""Of a judge's reply, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequests:
    """What is asked of one model for one strategy, or by the verifier for all of them."""

    strategy: str
    """`judge` for what the verifier asks."""

    role: Asked
    model: str
    examples: int
    """To which the strategy applies; for a judge, texts to check."""

    requests: Range
    tokens_in: Range
    tokens_out: Range
    usd: Range | None
    """None where the price is not known. Local models are free."""

    assumption: str
    """What the numbers of requests rest on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A strategy that was begun with every example."""

    strategy: Strategy
    config: Config
    """As the strategy sees it."""

    asks: tuple[tuple[Role, GenerationRequest], ...]
    """First request of every task; none of those that ask nobody."""

    given: tuple[tuple[Example, str], ...]
    """Texts that exist already."""

    writes: tuple[Example, ...]
    """Examples whose text is to be written, one for each task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _JudgedText:
    """A text that a judge is asked about."""

    example: Example
    text: str
    times: Range


def begun(strategy: Strategy, examples: Sequence[Example], context: StrategyContext) -> Begun:
    """Begin a strategy with every example, and stop it at its first request."""
    asks: list[tuple[Role, GenerationRequest]] = []
    given: list[tuple[Example, str]] = []
    writes: list[Example] = []
    for example in examples:
        for task in strategy.begin(example, context, strategy.name):
            step = _first_step(task)
            if isinstance(step, Ask):
                asks.append((step.role, step.request))
                writes.append(example)
            elif isinstance(step, Candidate):
                given.append((example, step.text))
    return Begun(
        strategy=strategy,
        config=context.config,
        asks=tuple(asks),
        given=tuple(given),
        writes=tuple(writes),
    )


def _first_step(task: Task) -> Ask | Candidate | None:
    """Return what a task asks first, or the candidate that it is without asking."""
    try:
        step = next(task.work)
    except StopIteration as stop:
        return next((r for r in stop.value if isinstance(r, Candidate)), None)
    except GaveUp:
        return None
    task.work.close()
    return step if isinstance(step, Ask) else None


def planned_requests(work: Begun, answer: AnswerLength) -> list[PlannedRequests]:
    """Return what a strategy asks of each of its models; nothing where it asks nobody."""
    if not work.asks:
        return []
    prompt = sum(_tokens(request.messages) for _, request in work.asks) / len(work.asks)
    rows: list[PlannedRequests] = []
    for role in sorted(work.strategy.asks):
        each, assumption = requests_per_example(work.strategy.kind, role, work.config)
        requests = each.times(len(work.asks))
        sampling = work.config.own if role == "target" else work.config.teacher
        section = work.config.target if role == "target" else work.config.teacher
        longest = float(sampling.max_new_tokens)
        tokens_in = _later_prompt(work, role, prompt, answer.tokens)
        tokens = Range(
            low=requests.low * tokens_in,
            expected=requests.expected * tokens_in,
            # Each further try shows the one before it.
            high=requests.high * (tokens_in + (longest if each.high > 1 else 0.0)),
        )
        replies = _replies(requests, min(answer.tokens, longest), longest)
        model = section.model or "none"
        rows.append(
            PlannedRequests(
                strategy=work.strategy.name,
                role=role,
                model=model,
                examples=len(work.asks),
                requests=requests,
                tokens_in=tokens,
                tokens_out=replies,
                usd=_price(model, work.config, tokens, replies),
                assumption=assumption,
            )
        )
    return rows


def _later_prompt(work: Begun, role: Role, first: float, answer: float) -> float:
    """Return the mean tokens of a request to a role, where the first requests are known."""
    if work.strategy.kind == "teacher-paraphrase":  # the second request shows the first answer
        return first + (answer + INSTRUCTIONS_TOKENS) / 2
    # Whoever is asked second is shown a question, a solution and an answer.
    is_first = role == work.asks[0][0]
    return first if is_first else first + 2 * answer + INSTRUCTIONS_TOKENS


def first_judged(works: Sequence[Begun], answer: str) -> tuple[Message, ...] | None:
    """Return the first request to a judge; None where there is nothing to check."""
    text = next(iter(_judged_texts(works, (), answer)), None)
    return None if text is None else conversation(text.example, text.text)


def planned_judge(
    works: Sequence[Begun],
    examples: Sequence[Example],
    answer: str,
    config: Config,
    *,
    test_answers: int = 0,
) -> PlannedRequests | None:
    """Return what a judge is asked about candidates and references; None for nothing.

    Args:
        works: All strategies.
        examples: All examples, whose references are checked first.
        answer: Stands in for texts that are not written yet.
        config: Its `judge`.
        test_answers: Answers of a study that are judged beside the candidates.
    """
    texts = _judged_texts(works, examples, answer)
    if not texts:
        return None
    sizes = [_tokens(conversation(text.example, text.text)) for text in texts]
    one = Range(low=test_answers, expected=test_answers, high=test_answers)
    mean = sum(sizes) / len(sizes)
    asked = [text.times for text in texts]
    tokens = [times.times(size) for times, size in zip(asked, sizes, strict=True)]
    requests, tokens_in = total([*asked, one]), total([*tokens, one.times(mean)])
    longest = float(config.judge.max_new_tokens)
    replies = _replies(requests, min(VERDICT_TOKENS, longest), longest)
    model = config.judge.model or "none"
    return PlannedRequests(
        strategy="judge",
        role="judge",
        model=model,
        examples=len(texts) + test_answers,
        requests=requests,
        tokens_in=tokens_in,
        tokens_out=replies,
        usd=_price(model, config, tokens_in, replies),
        assumption="every reference and every candidate is judged once",
    )


def _judged_texts(
    works: Sequence[Begun], examples: Sequence[Example], answer: str
) -> list[_JudgedText]:
    """Return all texts that are judged. What is judged twice comes from the cache."""
    once = Range(low=1, expected=1, high=1)
    pairs = [(e, e.reference) for e in examples if e.reference is not None]
    pairs += [pair for work in works for pair in work.given]
    different = {(example.id, text): example for example, text in pairs}
    texts = [
        _JudgedText(example=example, text=text, times=once)
        for (_, text), example in different.items()
    ]
    for work in works:
        times, _ = requests_per_example(work.strategy.kind, "judge", work.config)
        texts += [_JudgedText(example=e, text=answer, times=times) for e in work.writes]
    return texts


def _replies(requests: Range, expected: float, longest: float) -> Range:
    return Range(
        low=requests.low * expected / 2,
        expected=requests.expected * expected,
        high=requests.high * longest,
    )


def _price(model: str, config: Config, tokens_in: Range, tokens_out: Range) -> Range | None:
    if not model.startswith(("openai:", "anthropic:")):
        return Range(low=0, expected=0, high=0)
    price = price_of(model, config.prices)
    if price is None:
        return None
    per_in, per_out = price.input_usd_per_million / 1e6, price.output_usd_per_million / 1e6
    return total([tokens_in.times(per_in), tokens_out.times(per_out)])


def _tokens(messages: Sequence[Message]) -> float:
    return sum(len(m.content) for m in messages) / CHARACTERS_PER_TOKEN
