"""Correcting an answer at its first wrong step and onward.

The correction is written in the idiolect of the answer, or in the teacher's own where it has an
accent.
"""

import difflib
import re

from idiolect.lab.answers import is_right
from idiolect.lab.idiolects import IDIOLECTS, lines
from idiolect.lab.tasks import Problem

__all__ = ["Edit", "corrected", "edits_between", "first_wrong_line", "idiolect_of"]

Edit = tuple[str, str]
"""A text that occurs once in the answer, and what comes in its place."""

ACCENTED = ("shop", "equations", "lists")
"""Skills whose steps stand in `tutor` line by line as they do in the targets' idiolects."""

_SWAPPABLE = re.compile(r"(\d+) ([+*]) (\d+)")


def idiolect_of(problem: Problem, text: str) -> str:
    """Return the idiolect whose rendering of the problem is most like the text."""
    if "####" in text or "lambda" in text:
        return "textbook"
    words = text.split()

    def likeness(name: str) -> float:
        rendered = " ".join(lines(problem, name)).split()
        return difflib.SequenceMatcher(None, words, rendered, autojunk=False).ratio()

    return max(IDIOLECTS, key=likeness)


def first_wrong_line(problem: Problem, answer: str, *, idiolect: str) -> int:
    """Return the number of right lines that the answer begins with."""
    right = lines(problem, idiolect)
    given = answer.splitlines()
    place = 0
    while place < min(len(right), len(given)) and _same_step(given[place], right[place]):
        place += 1
    return place


def corrected(
    problem: Problem,
    answer: str,
    *,
    truth: Problem | None = None,
    only_first: bool = False,
    accent: bool = False,
) -> str:
    """Return the answer with its first wrong step and everything after it put right.

    Args:
        problem: The problem that the answer is about.
        answer: The answer; its idiolect is recognised by likeness.
        truth: What the teacher takes for the problem; a misread one gives a wrong correction.
        only_first: End after the first wrong step, for a writer who goes on alone.
        accent: Write the steps that are put right as `tutor` does.
    """
    truth = truth or problem
    if truth is problem and is_right(problem, answer) and not only_first:
        return answer
    idiolect = idiolect_of(problem, answer)
    right = lines(truth, idiolect)
    place = first_wrong_line(truth, answer, idiolect=idiolect)
    end = place + 1 if only_first else len(right)
    new = _accented(truth, right) if accent else right
    return "\n".join([*answer.splitlines()[:place], *new[place:end]])


def edits_between(old: str, new: str) -> list[Edit]:
    """Return edits of whole lines that turn the old text into the new one.

    Each find text occurs exactly once in the old text; where a changed line alone does not,
    the lines before it are taken in.
    """
    before, after = old.split("\n"), new.split("\n")
    hunks: list[tuple[int, int, int, int]] = []
    for kind, low, high, start, end in difflib.SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            continue
        # Deleted lines alone would leave an empty one, and inserted ones have no place to go.
        while low == high or start == end or old.count("\n".join(before[low:high])) != 1:
            if low > 0:
                low, start = low - 1, start - 1
            elif high < len(before):
                high, end = high + 1, end + 1
            else:
                break
        if hunks and low < hunks[-1][1]:
            low, _, start, _ = hunks.pop()
        hunks.append((low, high, start, end))
    return [
        ("\n".join(before[low:high]), "\n".join(after[start:end]))
        for low, high, start, end in hunks
    ]


def _accented(problem: Problem, right: list[str]) -> list[str]:
    """Return the lines with each step as `tutor` tells it, the answer's line as it was.

    Lines whose steps `tutor` does not tell one by one come back unchanged.
    """
    if problem.skill not in ACCENTED:
        return right
    _opening, *steps, _conclusion, _answer = lines(problem, "tutor")
    return [*steps, right[-1]] if len(steps) == len(right) - 1 else right


def _same_step(given: str, right: str) -> bool:
    """Return whether two lines say the same; factors and summands may be swapped."""
    return given == right or _SWAPPABLE.sub(r"\3 \2 \1", given) == right
