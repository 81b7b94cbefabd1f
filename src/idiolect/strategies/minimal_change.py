"""`minimal-change`: the target's own answer, corrected by the teacher with as few words as can be.

Source: arXiv 2402.11192, section 3 ("minimum change"). Deviations, each for a defect of the
authors' data (docs/paper.md): the correction is a verified patch. The teacher is asked for
find/replace blocks (the whole text is taken where there are none), we apply them, and an edit
that does not fit exactly is an error. The share of changed words has a budget. An answer that
was right is kept to the byte and costs nothing. What can't be corrected is a failure with its
reason, never the reference. Every task shows the reference, or the bare answer where there is
none; the authors' prompts for MATH and code did not.
"""

import dataclasses
from collections.abc import Sequence

from idiolect.familiarity import edit_distance
from idiolect.models.base import Generation
from idiolect.records import Candidate, Example, Message, Part, content_id
from idiolect.strategies.base import WINDOW, Strategy, StrategyContext
from idiolect.strategies.desk import Desk, transcript
from idiolect.strategies.patch import (
    PatchError,
    apply_edits,
    full_text,
    read_edits,
    says_unchanged,
)
from idiolect.strategies.tasks import GaveUp, Result, Steps, Task
from idiolect.strategies.templated import hint

__all__ = ["MINIMAL_CHANGE", "is_settled", "own_answer", "without_own"]


def own_answer(example: Example, context: StrategyContext) -> Candidate | None:
    """Return the own answer to work on: the first correct one, else the first complete one."""
    answers = context.own_answers.get(example.id, ())
    complete = [answer for answer in answers if answer.finish_reason == "stop"]
    right = [answer for answer in complete if context.statuses.get(answer.id) == "correct"]
    return next(iter([*right, *complete, *answers]), None)


def is_settled(own: Candidate, context: StrategyContext) -> bool:
    """Return whether an own answer is right as it is."""
    return own.finish_reason == "stop" and context.statuses.get(own.id) == "correct"


def without_own(example: Example, context: StrategyContext, name: str) -> Task:
    """Return the work on an example that has no own answer: a failure with this reason."""

    def work() -> Steps[list[Result]]:
        yield from ()
        may_come = example.id in context.own_may_come
        raise GaveUp("it has no own answer to work on", retryable=may_come)

    return Task(
        id=content_id(example.id, name, None), example_id=example.id, strategy=name, work=work()
    )


def _begin(example: Example, context: StrategyContext, name: str) -> list[Task]:
    own = own_answer(example, context)
    if own is None:
        return [without_own(example, context, name)]
    shown: dict[Part, object] = dict(hint(example, context) or {})
    text = context.wording.render(
        "minimal-change",
        question=transcript(example),
        own=own.text,
        reference=shown.get("reference"),
        answer=shown.get("answer"),
    )
    desk = Desk(
        context,
        example,
        name,
        writers=["teacher"],
        messages=[Message(role="user", content=text)],
        shown=["prompt", "own", *shown],
        settings=[
            dataclasses.asdict(context.config.minimal_change),
            context.wording.hash_of("minimal-change", "minimal-change-again"),
        ],
        parent=own,
    )
    return [Task(id=desk.id, example_id=example.id, strategy=name, work=_correct(desk, own))]


def _correct(desk: Desk, own: Candidate) -> Steps[list[Result]]:
    context = desk.context
    if is_settled(own, context):
        return [desk.candidate(own.text, "stop", token_ids=own.token_ids, author=own)]
    if context.statuses.get(own.id) == "error":
        raise GaveUp("its own answer could not be checked", retryable=True)
    limits = context.config.minimal_change
    messages, problem = list(desk.messages), ""
    for _ in range(limits.attempts):
        reply = yield from desk.ask("teacher", messages)
        try:
            text = _applied(reply, own)
            _require_small(text, own, desk)
            if context.check is not None:
                yield from _require_right(text, desk)
            return [desk.candidate(text, "stop")]
        except PatchError as error:
            problem = str(error)
        messages = _again(desk, reply, problem)
    raise GaveUp(f"no correction could be used after {limits.attempts} requests: {problem}")


def _applied(reply: Generation, own: Candidate) -> str:
    """Return the own answer with the reply's edits made."""
    if reply.finish_reason == "length":
        raise PatchError(f"the reply was cut off after {reply.tokens_out} tokens")
    if says_unchanged(reply.text):
        return own.text
    edits = read_edits(reply.text)
    if edits:
        return apply_edits(own.text, edits)
    return full_text(reply.text, fenced=own.text.strip().startswith("```"))


def _require_small(text: str, own: Candidate, desk: Desk) -> None:
    """Refuse what is no small correction of the own answer.

    Raises:
        PatchError: why.
    """
    reference = desk.example.reference
    if reference is not None and text.split() == reference.split() != own.text.split():
        raise PatchError("it is the given solution, and no correction of the answer")
    share = edit_distance(own.text, text)
    budget = desk.context.config.minimal_change.budget
    if share > budget:
        raise PatchError(f"it changes {share:.0%} of the words, and {budget:.0%} are allowed")
    if defect := desk.defect(text):
        raise PatchError(f"the result has what must not be in it: {defect}")


def _require_right(text: str, desk: Desk) -> Steps[None]:
    finding = yield from desk.check(text)
    if finding.status == "error":
        raise GaveUp(f"the correction could not be checked: {finding.detail}", retryable=True)
    if finding.status in ("incorrect", "unparsable"):
        read = f", it says {finding.extracted!r}" if finding.extracted else ""
        raise PatchError(f"the corrected answer is still wrong{read}")


def _again(desk: Desk, reply: Generation, problem: str) -> Sequence[Message]:
    """Return the request for a better correction, behind the one that failed."""
    budget = f"{100 * desk.context.config.minimal_change.budget:.0f}"
    text = desk.context.wording.render("minimal-change-again", problem=problem, budget=budget)
    return [
        *desk.messages,
        Message(role="assistant", content=reply.text),
        Message(role="user", content=text),
    ]


MINIMAL_CHANGE = Strategy(
    name="minimal-change",
    writer="teacher",
    sees=frozenset({"prompt", "own", "reference", "answer"}),
    begin=_begin,
    asks=frozenset({"teacher"}),
    needs=frozenset({"own"}),
    prompts=("minimal-change", "minimal-change-again"),
    window=WINDOW,
)
