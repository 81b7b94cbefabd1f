"""`continue`: the teacher puts the first wrong step right, and the target goes on from there.

Nearest to the target's own words of all corrections: what comes before the error is its own,
and so is what follows. Source: the idea of correcting at the first error is that of process
supervision (arXiv 2305.20050 labels the first wrong step); the paper has no such strategy. Each
round is verified, and there are at most three of them.
"""

import dataclasses

from idiolect.records import Candidate, Example, Message, Part
from idiolect.strategies.base import WINDOW, Strategy, StrategyContext
from idiolect.strategies.desk import Desk, transcript
from idiolect.strategies.minimal_change import is_settled, own_answer, without_own
from idiolect.strategies.patch import full_text
from idiolect.strategies.tasks import GaveUp, Result, Steps, Task
from idiolect.strategies.templated import hint

__all__ = ["CONTINUE"]


def _begin(example: Example, context: StrategyContext, name: str) -> list[Task]:
    own = own_answer(example, context)
    if own is None:
        return [without_own(example, context, name)]
    shown: dict[Part, object] = dict(hint(example, context) or {})
    desk = Desk(
        context,
        example,
        name,
        writers=["target", "teacher"],
        messages=[Message(role="user", content=_request(context, example, own.text))],
        shown=["prompt", "own", *shown],
        settings=[
            dataclasses.asdict(context.config.continuation),
            context.wording.hash_of("continue"),
        ],
        parent=own,
    )
    return [Task(id=desk.id, example_id=example.id, strategy=name, work=_go_on(desk, own))]


def _go_on(desk: Desk, own: Candidate) -> Steps[list[Result]]:
    if is_settled(own, desk.context):
        return [desk.candidate(own.text, "stop", token_ids=own.token_ids, author=own)]
    text = own.text
    for _ in range(desk.context.config.continuation.rounds):
        message = Message(role="user", content=_request(desk.context, desk.example, text))
        reply = yield from desk.ask("teacher", [message])
        start = _start(reply.text, text, desk)
        finding = yield from desk.check(start)
        if finding.status == "correct":  # the wrong step was the last one
            return [desk.candidate(start, "stop")]
        joint = "\n" if "\n" in own.text.strip() else " "
        prefix = start + joint
        rest = yield from desk.ask("target", desk.example.messages, prefix=prefix)
        text = prefix + rest.text
        finding = yield from desk.check(text)
        if finding.status == "correct" and rest.finish_reason == "stop":
            return [desk.candidate(text, "stop")]
    rounds = desk.context.config.continuation.rounds
    raise GaveUp(f"the answer is still wrong after {rounds} rounds")


def _start(reply: str, text: str, desk: Desk) -> str:
    """Return the start of the answer as the teacher corrected it.

    Raises:
        GaveUp: the reply changes nothing or is not the start of an answer.
    """
    start = full_text(reply, fenced=text.strip().startswith("```"))
    if not start or text.startswith(start):
        raise GaveUp("the teacher found no wrong step")
    defect = desk.defect(start)
    if defect is not None and not defect.startswith("truncated"):
        raise GaveUp(f"the corrected step has what must not be in it: {defect}")
    return start


def _request(context: StrategyContext, example: Example, text: str) -> str:
    shown: dict[Part, object] = dict(hint(example, context) or {})
    return context.wording.render(
        "continue",
        question=transcript(example),
        own=text,
        reference=shown.get("reference"),
        answer=shown.get("answer"),
    )


CONTINUE = Strategy(
    name="continue",
    writer="target",
    sees=frozenset({"prompt", "own", "reference", "answer"}),
    begin=_begin,
    asks=frozenset({"target", "teacher"}),
    needs=frozenset({"own", "verifier"}),
    prompts=("continue",),
    window=WINDOW,
)
