"""Lab answers through the verifiers that check every other dataset.

A program whose syntax tree is that of one of our own renderings is right without being run: the
renderings are run against their tests elsewhere. Any other program is right only if the sandbox
says so, which takes the caller's consent.
"""

from collections.abc import Sequence

from idiolect.lab.answers import is_right
from idiolect.lab.datasets import example_of
from idiolect.lab.tasks import Problem, Skill
from idiolect.records import Example
from idiolect.verification import get_verifier
from idiolect.verification.base import Verifier

__all__ = ["VERIFIER_OF", "verified"]

VERIFIER_OF: dict[Skill, str] = {
    "shop": "numeric",
    "equations": "maths",
    "choice": "choice",
    "code": "code",
    "lists": "exact",
}


def verified(
    problems: Sequence[Problem], responses: Sequence[str], *, code: Verifier | None = None
) -> list[bool]:
    """Return whether each response solves its problem.

    Args:
        problems: The problems, of any skills.
        responses: One response for each.
        code: The verifier that runs programs; without it a program that none of the idiolects
            would write counts as wrong.
    """
    right = [False] * len(problems)
    waiting: dict[Skill, list[int]] = {}
    for place, (problem, response) in enumerate(zip(problems, responses, strict=True)):
        if problem.skill != "code":
            waiting.setdefault(problem.skill, []).append(place)
        elif is_right(problem, response):
            right[place] = True
        elif code is not None:
            waiting.setdefault("code", []).append(place)
    for skill, places in waiting.items():
        verifier = code if skill == "code" and code else get_verifier(VERIFIER_OF[skill])
        pairs: list[tuple[Example, str]] = [
            (example_of(problems[place]), responses[place]) for place in places
        ]
        for place, finding in zip(places, verifier.check(pairs), strict=True):
            right[place] = finding.status == "correct"
    return right
