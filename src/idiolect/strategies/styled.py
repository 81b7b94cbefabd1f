"""`styled`: the teacher answers in the style of the target's own correct answers.

Source: the self-generated style of arXiv 2502.11779, which shows GPT-4 two of the target's own
correct predictions. Deviations: they are verified, are drawn for each example from the answers
to other prompts, and never include an answer to the example's own prompt. The reference stays
unseen. A wrong answer is not asked for again.

The draw: all prompts lie on a ring, at places that a hash gives them, and each takes the nearest
behind it (consistent hashing). One more prompt moves the draw of its few neighbours only.
"""

import bisect
from collections.abc import Iterator, Mapping

from idiolect.records import Candidate, Example, Part, content_id
from idiolect.strategies.base import Strategy, StrategyContext
from idiolect.strategies.desk import Desk, last_turn, transcript
from idiolect.strategies.minimal_change import is_settled
from idiolect.strategies.tasks import GaveUp, Result, Steps, Task

__all__ = ["STYLED"]


def _begin(example: Example, context: StrategyContext, name: str) -> list[Task]:
    others = _others(example, context)
    text = context.wording.render(
        "styled", question=example.messages[-1].content, others=[dict(o) for o in others]
    )
    shown: list[Part] = ["prompt", "others"]
    desk = Desk(
        context,
        example,
        name,
        writers=["teacher"],
        messages=last_turn(example, text),
        shown=shown,
    )
    return [Task(id=desk.id, example_id=example.id, strategy=name, work=_answer(desk, others))]


def _answer(desk: Desk, others: list[Mapping[str, str]]) -> Steps[list[Result]]:
    if not others:
        raise GaveUp("the target has no correct answer to another prompt to take the style from")
    reply = yield from desk.ask("teacher")
    return [desk.candidate(reply.text.strip(), reply.finish_reason)]


def _others(example: Example, context: StrategyContext) -> list[Mapping[str, str]]:
    """Return correct own answers to other prompts, drawn by the seed."""
    ring = _ring(context)
    start = bisect.bisect(ring, _place(example.id, context), key=lambda entry: entry[0])
    found: list[Mapping[str, str]] = []
    for _, other, answer in _around(ring, start):
        if len(found) == context.config.styled.examples:
            break
        if other.id != example.id and other.messages != example.messages:
            found.append({"question": transcript(other), "answer": answer.text})
    return found


def _around(
    ring: list[tuple[str, Example, Candidate]], start: int
) -> Iterator[tuple[str, Example, Candidate]]:
    return (ring[(start + step) % len(ring)] for step in range(len(ring)))


def _ring(context: StrategyContext) -> list[tuple[str, Example, Candidate]]:
    """Return the first correct own answer to each prompt, by the places on the ring."""
    if "styled" not in context.memo:
        ring: list[tuple[str, Example, Candidate]] = []
        for example_id, answers in context.own_answers.items():
            right = (a for a in answers if is_settled(a, context))
            example, answer = context.examples.get(example_id), next(right, None)
            if example is not None and answer is not None:
                ring.append((_place(example_id, context), example, answer))
        context.memo["styled"] = sorted(ring, key=lambda entry: entry[0])
    return context.memo["styled"]


def _place(example_id: str, context: StrategyContext) -> str:
    return content_id("styled", context.seed, example_id)


STYLED = Strategy(
    name="styled",
    writer="teacher",
    sees=frozenset({"prompt", "others"}),
    begin=_begin,
    asks=frozenset({"teacher"}),
    needs=frozenset({"own", "verifier"}),
    prompts=("styled",),
)
