"""What the teacher understands of a request: it has nothing but the text of the messages.

Parts of a prompt are recognised by tags (`<answer> ... </answer>`) or by heading lines
(`Answer:`), and by these names, in any case, alone or behind other words
(`The previous answer:`):

- the answer to correct: `answer`, `attempt`, `draft`, `prediction`
- the reference: `reference`, `solution`, `gold`, `rationale`

The problem is the last one stated in the user's messages. A part that holds no more than one
line, or that comes before the problem, is none of these.

Corrections are written as edits where the prompt shows the form: `<find>` and `<replace>` tags,
conflict markers (`<<<<<<< ...`, `=======`, `>>>>>>> ...`), or JSON with `"find"` and
`"replace"`; otherwise as the full text. A prompt that asks for the `first wrong step` and for
nothing after it (`only`, `stop`) gets the answer up to that step, corrected.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from idiolect.lab.tasks import Problem, read
from idiolect.lab.teacher.correcting import idiolect_of
from idiolect.records import Message

__all__ = ["EditForm", "Request", "understand"]

EditForm = Literal["text", "tags", "markers", "json"]
NAMES = {
    "answer": r"answer|attempt|draft|prediction",
    "reference": r"reference|solution|gold|rationale",
}
_TAG = r"<(?P<tag>[a-z_-]*(?:{names})[a-z_-]*)>\n?(?P<body>.*?)\n?</(?P=tag)>"
_HEADING = (
    r"^(?!Final Answer)[#* ]*[A-Za-z' ]*\b(?:{names})\b[A-Za-z' ()]*[*]*:[*]*[ ]*\n"
    r"(?P<body>.+?)(?=\n[ ]*\n|\n[#* ]*[A-Z][A-Za-z' ]*:[*]*[ ]*\n|\Z)"
)
_MARKERS = re.compile(
    r"^(?P<open><{3,}[^\n]*)\n.*?^(?P<middle>={3,})$.*?^(?P<close>>{3,}[^\n]*)$", re.M | re.S
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as the teacher understands it."""

    problem: Problem
    answer: str | None = None
    """An answer to correct."""

    reference: str | None = None
    """A right solution, to be rewritten."""

    form: EditForm = "text"
    markers: tuple[str, str, str] = ("", "", "")
    """The lines around find and replace, where the form is `markers`."""

    only_first: bool = False
    idiolect: str = "tutor"
    """What to write in when nothing is corrected; another one where examples show a style."""


def understand(messages: Sequence[Message]) -> Request | None:
    """Return what is asked, or None where no problem of the lab is stated."""
    text = "\n\n".join(m.content for m in messages if m.role == "user")
    everything = "\n\n".join(m.content for m in messages if m.role in ("system", "user"))
    problems = read(text)
    if not problems:
        return None
    end, problem = problems[-1]
    behind = text[end:]
    form, markers = _form(everything)
    lower = everything.lower()
    return Request(
        problem=problem,
        answer=_part(behind, "answer"),
        reference=_part(behind, "reference"),
        form=form,
        markers=markers,
        only_first="first wrong step" in lower and ("only" in lower or "stop" in lower),
        idiolect=_style(text, problems) if "style" in lower else "tutor",
    )


def _part(text: str, role: str) -> str | None:
    """Return the first part of the text that goes by one of the role's names."""
    for pattern in (_TAG, _HEADING):
        found = re.search(
            pattern.format(names=NAMES[role]), text, re.MULTILINE | re.DOTALL | re.IGNORECASE
        )
        if found and "\n" in found["body"].strip("\n"):
            return found["body"].strip("\n")
    return None


def _form(text: str) -> tuple[EditForm, tuple[str, str, str]]:
    """Return the form of edits that the prompt shows."""
    if "<find>" in text and "<replace>" in text:
        return "tags", ("", "", "")
    if marked := _MARKERS.search(text):
        return "markers", (marked["open"], marked["middle"], marked["close"])
    if '"find"' in text and '"replace"' in text:
        return "json", ("", "", "")
    return "text", ("", "", "")


def _style(text: str, problems: list[tuple[int, Problem]]) -> str:
    """Return the idiolect that most of the worked examples before the problem are written in."""
    votes: dict[str, int] = {}
    for (start, problem), (stop, _) in itertools.pairwise(problems):
        name = idiolect_of(problem, text[start:stop])
        votes[name] = votes.get(name, 0) + 1
    return max(votes, key=lambda name: votes[name]) if votes else "tutor"
