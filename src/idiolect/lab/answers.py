"""Final answers of lab problems: reading one out of a response, and checking it.

Text after the answer line is compared with the answer. Code is compared as a syntax tree with
the renderings of all idiolects: nothing is run here, so a right program that no idiolect would
write counts as wrong. This is for the teacher, which must know at once whether an answer stands;
what counts as solved is for the verifiers to say (`idiolect.lab.verifying`).
"""

import ast
import re

from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.tasks import Problem
from idiolect.lab.tasks.code import Program

__all__ = ["answer_of", "code_of", "is_right"]

_ANSWER = re.compile(r"^(?:Final Answer:|####)[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"```(?:python)?\n(.*?)```", re.DOTALL)


def answer_of(text: str) -> str | None:
    """Return what the last answer line says, or None where there is none."""
    found: list[str] = _ANSWER.findall(text)
    return found[-1] if found else None


def code_of(text: str) -> str | None:
    """Return the last fenced block of code, or None where there is none."""
    found: list[str] = _FENCE.findall(text)
    return found[-1] if found else None


def is_right(problem: Problem, text: str) -> bool:
    """Return whether a response gives the right answer."""
    if not isinstance(problem, Program):
        return answer_of(text) == problem.answer
    tree = _tree(text)
    return tree is not None and tree in {_tree(render(problem, name)) for name in IDIOLECTS}


def _tree(text: str) -> str | None:
    code = code_of(text)
    if code is None:
        return None
    try:
        return ast.dump(ast.parse(code))
    except (SyntaxError, ValueError):
        return None
