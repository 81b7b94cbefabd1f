"""The scripted teacher: request messages in, one reply out, and nothing else decides.

With all knobs off it solves every problem of the lab, corrects answers at the first wrong step
and rewrites references. The knobs' dice are seeded by the request, so that the same request
gets the same reply however often and in whatever order it is asked.
"""

import json
from collections.abc import Sequence

from idiolect.lab.dice import Dice
from idiolect.lab.idiolects import render
from idiolect.lab.tasks import Problem
from idiolect.lab.teacher.correcting import Edit, corrected, edits_between
from idiolect.lab.teacher.judging import verdict
from idiolect.lab.teacher.knobs import Knobs
from idiolect.lab.teacher.mistakes import misread
from idiolect.lab.teacher.reading import Request, understand
from idiolect.records import Message, content_id

__all__ = ["BAFFLED", "META_TALK", "REFUSAL", "reply"]

BAFFLED = "I can't find a problem that I know in this request."
REFUSAL = "I'm sorry, but I can't help with that request."
META_TALK = "The previous answer is wrong because of a mistake in one step. Here it is corrected:"
PADDING = (
    "It is worth taking a moment to look at what is being asked.",
    "Problems of this kind are best handled with care.",
    "There are several ways to go about it, and they agree.",
    "Let me lay everything out in detail.",
)


def reply(messages: Sequence[Message], knobs: Knobs | None = None, *, sample: int = 0) -> str:
    """Return the teacher's reply. Latency is for the caller to wait out.

    Args:
        messages: The request.
        knobs: The teacher's faults; none if left out.
        sample: Which of several replies to the same request; they differ in their faults only.
    """
    knobs = knobs or Knobs()
    parts = [[m.role, m.content] for m in messages]
    dice = Dice("teacher", knobs.seed, sample, content_id(parts))
    # Every die is cast on every request: turning one knob leaves the others' replies alone.
    refuses, errs, talks, over_edits, has_accent = (
        dice.chance(rate)
        for rate in (
            knobs.refusal_rate,
            knobs.error_rate,
            knobs.meta_talk_rate,
            knobs.over_editing_rate,
            knobs.accent_rate,
        )
    )
    if refuses:
        return REFUSAL
    if (judgement := verdict(messages, errs=errs)) is not None:
        return judgement
    request = understand(messages)
    if request is None:
        return BAFFLED
    truth = misread(request.problem) if errs else request.problem
    if request.answer is None:
        text = _solved(request, truth, extra=knobs.extra_sentences)
    else:
        text = _corrected(request, request.answer, truth, rewrite=over_edits, accent=has_accent)
    return f"{META_TALK}\n\n{text}" if talks else text


def _solved(request: Request, truth: Problem, *, extra: int) -> str:
    idiolect = "tutor" if request.reference is not None else request.idiolect
    padding = [PADDING[n % len(PADDING)] for n in range(extra)]
    return "\n".join([*padding, render(truth, idiolect)])


def _corrected(
    request: Request, answer: str, truth: Problem, *, rewrite: bool, accent: bool
) -> str:
    """Return the answer put right, as a text or as edits, whichever the prompt asks for."""
    if rewrite:
        new = render(truth, "tutor")
    else:
        new = corrected(
            request.problem, answer, truth=truth, only_first=request.only_first, accent=accent
        )
    if request.form == "text" or request.only_first:
        return new
    return _written(edits_between(answer, new), request)


def _written(edits: list[Edit], request: Request) -> str:
    """Return the edits in the form that the prompt shows."""
    if request.form == "json":
        listed = [{"find": find, "replace": put} for find, put in edits]
        return json.dumps({"edits": listed}, ensure_ascii=False, indent=1)
    if request.form == "tags":
        return "\n".join(
            f"<edit>\n<find>\n{find}\n</find>\n<replace>\n{put}\n</replace>\n</edit>"
            for find, put in edits
        )
    opened, middle, closed = request.markers
    return "\n".join(f"{opened}\n{find}\n{middle}\n{put}\n{closed}" for find, put in edits)
