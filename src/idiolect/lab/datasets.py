"""Lab problems as examples and as rows of a dataset file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from idiolect.errors import ConfigError
from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.tasks import Problem
from idiolect.records import Example, Message, content_id

__all__ = ["example_of", "problem_id", "row_of", "write"]


def problem_id(problem: Problem) -> str:
    """Return an id that depends on the question alone."""
    return f"{problem.skill}-{content_id(problem.question)}"


def example_of(problem: Problem, *, idiolect: str = "textbook") -> Example:
    """Return the problem as an example, its reference written in an idiolect.

    Raises:
        ConfigError: There is no such idiolect.
    """
    return Example(
        id=problem_id(problem),
        messages=(Message(role="user", content=problem.question),),
        reference=render(problem, idiolect),
        answer=problem.answer,
        choices=problem.choices,
        tests=problem.tests,
        responses={name: render(problem, name) for name in IDIOLECTS},
        metadata={"skill": problem.skill},
    )


def row_of(problem: Problem, *, idiolect: str = "textbook") -> dict[str, Any]:
    """Return the problem as a row of JSON; choices and tests only where there are any.

    Raises:
        ConfigError: There is no such idiolect.
    """
    row: dict[str, Any] = {
        "id": problem_id(problem),
        "question": problem.question,
        "reference": render(problem, idiolect),
        "answer": problem.answer,
        "responses": {name: render(problem, name) for name in IDIOLECTS},
    }
    if problem.choices is not None:
        row["choices"] = list(problem.choices)
    if problem.tests is not None:
        row["tests"] = list(problem.tests.tests)
    return row


def write(problems: Sequence[Problem], path: Path, *, idiolect: str = "textbook") -> None:
    """Write one JSON row per problem.

    Raises:
        ConfigError: There is no such idiolect, or the file can't be written.
    """
    rows = [json.dumps(row_of(p, idiolect=idiolect), ensure_ascii=False) for p in problems]
    try:
        path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"lab data: {path} can't be written: {error.strerror}; choose another --output"
        ) from error
