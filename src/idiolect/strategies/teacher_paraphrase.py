"""`teacher-paraphrase`: the teacher says what it answered itself in other words.

Source: the paraphrase control of arXiv 2402.11192, section 3: the same content and errors as the
teacher's answer, in words that are foreign to everybody. Deviations: the prompts are worded
afresh. The first request is that of `teacher`, so that a cached answer serves both; `paraphrase`
has the reference for its original instead.
"""

from idiolect.records import Example, Part
from idiolect.strategies.base import Strategy, StrategyContext
from idiolect.strategies.desk import Desk, last_turn
from idiolect.strategies.tasks import Result, Steps, Task
from idiolect.strategies.teacher import seen_by_teacher

__all__ = ["TEACHER_PARAPHRASE"]


def _begin(example: Example, context: StrategyContext, name: str) -> list[Task]:
    seen = seen_by_teacher(example, context)
    question = example.messages[-1].content
    text = context.wording.render("teacher", question=question, answer=seen.get("answer"))
    desk = Desk(
        context,
        example,
        name,
        writers=["teacher"],
        messages=last_turn(example, text),
        shown=["prompt", *seen],
        settings=context.wording.hash_of("paraphrase"),
    )
    return [Task(id=desk.id, example_id=example.id, strategy=name, work=_paraphrase(desk))]


def _paraphrase(desk: Desk) -> Steps[list[Result]]:
    original = yield from desk.ask("teacher")
    text = desk.context.wording.render(
        "paraphrase",
        question=desk.example.messages[-1].content,
        reference=original.text.strip(),
        answer=None,
    )
    reply = yield from desk.ask("teacher", last_turn(desk.example, text))
    was_cut = "length" in (original.finish_reason, reply.finish_reason)
    return [desk.candidate(reply.text.strip(), "length" if was_cut else reply.finish_reason)]


TEACHER_PARAPHRASE = Strategy(
    name="teacher-paraphrase",
    writer="teacher",
    sees=frozenset[Part]({"prompt", "answer"}),
    begin=_begin,
    asks=frozenset({"teacher"}),
    prompts=("teacher", "paraphrase"),
)
