"""`styled`: the teacher answers in the style of the target's own correct answers.

Source: the self-generated style of arXiv 2502.11779, which shows GPT-4 two of the target's own
correct predictions. Deviations: they are verified, are drawn for each example from the answers
to other prompts, and never include an answer to the example's own prompt. The reference stays
unseen. A wrong answer is not asked for again.
"""

from collections.abc import Mapping

from idiolect.records import Candidate, Example, Part, content_id
from idiolect.strategies.base import Strategy, StrategyContext
from idiolect.strategies.desk import Desk, last_turn, transcript
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
    pool: list[tuple[str, Example, Candidate]] = []
    for other_id, answers in context.own_answers.items():
        other = context.examples.get(other_id)
        if other is None or other_id == example.id or other.messages == example.messages:
            continue
        right = [
            a
            for a in answers
            if context.statuses.get(a.id) == "correct" and a.finish_reason == "stop"
        ]
        if right:
            order = content_id("styled", context.seed, example.id, other_id)
            pool.append((order, other, right[0]))
    pool.sort(key=lambda entry: entry[0])
    return [
        {"question": transcript(other), "answer": answer.text}
        for _, other, answer in pool[: context.config.styled.examples]
    ]


STYLED = Strategy(
    name="styled",
    writer="teacher",
    sees=frozenset({"prompt", "others"}),
    begin=_begin,
    asks=frozenset({"teacher"}),
    needs=frozenset({"own", "verifier"}),
    prompts=("styled",),
)
