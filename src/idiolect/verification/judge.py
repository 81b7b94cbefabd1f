"""Lets a model compare a response with the reference, for answers that no rule can compare.

The question and both texts are handed over as JSON strings, so that nothing in them can end
the data and begin an instruction. The reply is a small JSON object; a reply that is none is
an error of ours and never a wrong answer. A judge makes mistakes: check it with the self-test.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from idiolect.config import Config
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest, Model, Sampling
from idiolect.models.money import Money
from idiolect.models.registry import check_sampling, open_teacher
from idiolect.records import Example, Message
from idiolect.verification.base import Finding

__all__ = ["Ask", "AskModel", "Judge", "Reply", "ask_model", "conversation", "open_judge"]

Reply = str | GenerationFailure | None
"""What the judge wrote, or why it wrote nothing, where that is known."""

Ask = Callable[[Sequence[tuple[Message, ...]]], Sequence[Reply]]
"""Conversations in, one reply for each out, in order."""

GREEDY = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=200)
_SEEDS = 4
"""Different seeds that one verdict is asked for with, over all times that somebody asks again."""

_OBJECT = re.compile(r"\{[^{}]{0,4000}\}")


class Judge:
    """Asks a model whether a response gives the reference's answer: yes, no or cannot tell."""

    name = "judge"

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def check(self, pairs: Sequence[tuple[Example, str]]) -> list[Finding]:
        """Check each response. Same length, same order."""
        findings: list[Finding | None] = [_without_asking(e, response) for e, response in pairs]
        asked = [i for i, finding in enumerate(findings) if finding is None]
        replies = self._ask([conversation(*pairs[i]) for i in asked]) if asked else []
        for i, reply in zip(asked, replies, strict=True):
            findings[i] = _read(reply)
        return [finding for finding in findings if finding is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskModel:
    """Asks a model; callable as `Ask`."""

    model: Model
    sampling: Sampling
    seed: int
    ask_again: bool = False
    """Where a reply that the cache has kept is no verdict, ask with the next seed."""

    def __call__(self, conversations: Sequence[tuple[Message, ...]]) -> list[Reply]:
        """Return one reply for each conversation, in order."""
        results = self._results(conversations, self.seed)
        for seed in range(self.seed + 1, self.seed + _SEEDS) if self.ask_again else ():
            places = [place for place, result in enumerate(results) if _is_stale(result)]
            again = self._results([conversations[place] for place in places], seed)
            for place, result in zip(places, again, strict=True):
                results[place] = result
        return [result.text if isinstance(result, Generation) else result for result in results]

    def _results(
        self, conversations: Sequence[tuple[Message, ...]], seed: int
    ) -> list[Generation | GenerationFailure]:
        requests = [
            GenerationRequest(messages=messages, sampling=self.sampling, seed=seed)
            for messages in conversations
        ]
        return list(self.model.generate(requests))


def ask_model(
    model: Model, *, sampling: Sampling = GREEDY, seed: int = 0, ask_again: bool = False
) -> AskModel:
    """Return what asks a model."""
    return AskModel(model=model, sampling=sampling, seed=seed, ask_again=ask_again)


def open_judge(
    config: Config, money: Money | None = None, *, ask_again: bool = False
) -> AskModel | None:
    """Return what asks the model of `judge.model`; None where none is named.

    Args:
        config: Its section `judge` names the model; answers are cached like a teacher's.
        money: What its answers are paid from.
        ask_again: Ask again where a kept reply is empty or no verdict.

    Raises:
        ConfigError: there is no such model, its price is not known and there is a cap, or it is
            to draw its tokens in a way that does not exist.
        MissingExtra: a package that it needs is not installed.
        StorageError: the response cache cannot be used.
    """
    judge = config.judge
    if not judge.model:
        return None
    check_sampling(judge, "judge")
    model = open_teacher(
        judge, money=money, prices=config.prices, section="judge", ask_again=ask_again
    )
    sampling = Sampling(
        temperature=judge.temperature, top_p=judge.top_p, max_new_tokens=judge.max_new_tokens
    )
    return ask_model(model, sampling=sampling, seed=config.seed, ask_again=ask_again)


def _without_asking(example: Example, response: str) -> Finding | None:
    if not (example.answer or example.reference or "").strip():
        return Finding(status="unchecked", detail="the example has no answer and no reference")
    if not response.strip():
        return Finding(status="unparsable", detail="the response is empty")
    return None


def conversation(example: Example, response: str) -> tuple[Message, ...]:
    """Return the request that a response is judged with."""
    question = "\n\n".join(m.content for m in example.messages if m.role != "system")
    reference = example.answer or example.reference or ""
    if example.answer and example.reference:
        reference = f"{example.answer} (worked out: {example.reference})"
    data = {"question": question, "reference": reference, "response": response}
    # Angle brackets are escaped too: some chat formats give them a meaning.
    text = json.dumps(data, ensure_ascii=False, indent=1)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e")
    return (Message(role="user", content=_template().render(data=text)),)


@cache
def _template() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    source = (files("idiolect.verification") / "prompts" / "judge.jinja").read_text("utf-8")
    # The prompt is plain text for a model, not a page: nothing is to be escaped as HTML.
    return SandboxedEnvironment(undefined=StrictUndefined, autoescape=False).from_string(source)


def _read(reply: Reply) -> Finding:
    if not isinstance(reply, str):
        why = f": {reply.reason}" if reply else ""
        return Finding(
            status="error",
            rule="judge",
            detail=f"the judge gave no reply{why}",
            skipped=reply is not None and reply.skipped,
        )
    return _verdict(reply) or Finding(
        status="error",
        rule="judge",
        detail=f"the judge's reply is no verdict: {reply.strip()[:200]!r}",
    )


def _is_stale(result: Generation | GenerationFailure) -> bool:
    return isinstance(result, Generation) and result.cached and _verdict(result.text) is None


def _verdict(reply: str) -> Finding | None:
    """Return what a reply says; None where it says nothing of the kind."""
    for text in reversed(_OBJECT.findall(reply)):
        try:
            verdict = cast("dict[str, Any]", json.loads(text))
        except ValueError:
            continue
        same = str(verdict.get("same", "")).strip().lower()
        extracted = str(verdict.get("answer_of_response") or "")[:200] or None
        if same == "yes":
            return Finding(status="correct", extracted=extracted, rule="judge")
        if same == "no":
            return Finding(status="incorrect", extracted=extracted, rule="judge")
        if same == "cannot tell":
            return Finding(
                status="unchecked", extracted=extracted, rule="judge", detail="cannot tell"
            )
    return None
