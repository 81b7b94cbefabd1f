"""Strategies of one request: a prompt is filled in, and the answer is the response."""

from collections.abc import Callable, Mapping
from typing import Literal

from idiolect.records import Example, Part
from idiolect.strategies.base import Strategy, StrategyContext
from idiolect.strategies.desk import Desk, last_turn
from idiolect.strategies.tasks import Result, Role, Steps, Task

__all__ = ["hint", "templated"]


def hint(example: Example, context: StrategyContext) -> Mapping[Part, object] | None:
    """Return the reference, or the bare answer where there is none; None where neither is."""
    if example.reference is not None:
        return {"reference": example.reference}
    return None if example.answer is None else {"answer": example.answer}


def templated(
    name: str,
    role: Role,
    parts: Callable[[Example, StrategyContext], Mapping[Part, object] | None],
    *,
    sees: frozenset[Part],
    needs: frozenset[Literal["own", "verifier"]] = frozenset(),
) -> Strategy:
    """Return a strategy of one request.

    Args:
        name: Of the strategy and its prompt.
        role: Who writes.
        parts: What is shown beside the prompt; None where the strategy does not apply.
        sees: All that `parts` can return.
        needs: What must be there before.
    """

    def begin(example: Example, context: StrategyContext, label: str) -> list[Task]:
        shown = parts(example, context)
        if shown is None:
            return []
        hidden = dict.fromkeys(sees)
        text = context.wording.render(
            name, question=example.messages[-1].content, **(hidden | dict(shown))
        )
        desk = Desk(
            context,
            example,
            label,
            writers=[role],
            messages=last_turn(example, text),
            shown=["prompt", *shown],
        )
        return [Task(id=desk.id, example_id=example.id, strategy=label, work=_answer(desk, role))]

    return Strategy(
        name=name,
        writer=role,
        sees=frozenset[Part]({"prompt"}) | sees,
        begin=begin,
        asks=frozenset({role}),
        needs=needs,
        prompts=(name,),
    )


def _answer(desk: Desk, role: Role) -> Steps[list[Result]]:
    reply = yield from desk.ask(role)
    if role == "teacher":
        return [desk.candidate(reply.text.strip(), reply.finish_reason)]
    return [desk.candidate(reply.text, reply.finish_reason, token_ids=reply.token_ids)]
