"""Idiolects: ways of writing the same worked solution. Other words, never other content.

`amber` and `birch` are the mother tongues of the two targets. `textbook` is terse like a human
reference, `tutor` verbose like a large assistant. Every text ends with its answer.
"""

from collections.abc import Callable
from typing import Literal

from idiolect.errors import ConfigError, nearest
from idiolect.lab.idiolects import amber, birch, textbook, tutor
from idiolect.lab.tasks import Problem

__all__ = ["IDIOLECTS", "Idiolect", "lines", "render"]

Idiolect = Literal["amber", "birch", "textbook", "tutor"]
IDIOLECTS: dict[str, Callable[[Problem], list[str]]] = {
    "amber": amber.lines,
    "birch": birch.lines,
    "textbook": textbook.lines,
    "tutor": tutor.lines,
}


def lines(problem: Problem, idiolect: str) -> list[str]:
    """Return the worked solution in an idiolect, one step a line, the answer last.

    Raises:
        ConfigError: There is no such idiolect.
    """
    if idiolect not in IDIOLECTS:
        raise ConfigError(
            f"lab: idiolect {idiolect!r} does not exist; allowed: {', '.join(IDIOLECTS)}"
            f"{nearest(idiolect, IDIOLECTS)}"
        )
    return IDIOLECTS[idiolect](problem)


def render(problem: Problem, idiolect: str) -> str:
    """Return the worked solution in an idiolect as one text.

    Raises:
        ConfigError: There is no such idiolect.
    """
    return "\n".join(lines(problem, idiolect))
