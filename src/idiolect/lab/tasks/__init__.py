"""The five problem families of the lab: endless, seeded, with answers that can be checked.

A problem is its own worked solution: it knows the question, every step and the answer. The
idiolects differ in how they write it down.
"""

from collections.abc import Callable, Iterator
from typing import Literal

from idiolect.errors import ConfigError, nearest
from idiolect.lab.dice import Dice
from idiolect.lab.tasks import choice, code, equations, lists, shop
from idiolect.lab.tasks.choice import Quiz
from idiolect.lab.tasks.code import Program
from idiolect.lab.tasks.equations import Equation
from idiolect.lab.tasks.lists import Listing
from idiolect.lab.tasks.shop import Shop
from idiolect.records import content_id

__all__ = [
    "SKILLS",
    "SPLITS",
    "Problem",
    "Skill",
    "Split",
    "draw",
    "problems",
    "read",
    "split_of",
    "take",
]

Problem = Shop | Equation | Quiz | Program | Listing
Skill = Literal["shop", "equations", "choice", "code", "lists"]
Split = Literal["pretrain", "train", "test"]
SKILLS: tuple[Skill, ...] = ("shop", "equations", "choice", "code", "lists")
SPLITS: dict[Split, range] = {"pretrain": range(5), "train": range(5, 6), "test": range(6, 8)}
"""Which eighths of all questions a split holds. Pretraining never sees the other two."""

MOST_STEPS = 5
_PATIENCE = 2_000
_DRAW: dict[Skill, Callable[[Dice], Problem]] = {
    "equations": equations.draw,
    "choice": choice.draw,
    "code": code.draw,
    "lists": lists.draw,
}


def split_of(problem: Problem) -> Split:
    """Return the split that a question belongs to; it depends on nothing but its text."""
    eighth = int(content_id(problem.question), 16) % 8
    return next(split for split, eighths in SPLITS.items() if eighth in eighths)


def problems(
    skill: Skill, *, seed: int, split: Split, steps: tuple[int, ...] = (1, 2)
) -> Iterator[Problem]:
    """Yield problems of one split without end; some come again after a while.

    Args:
        skill: The family.
        seed: Same seed, same problems, on any machine.
        split: Which part of all questions to draw from.
        steps: Numbers of steps to choose from, for `shop` only.

    Raises:
        ConfigError: There is no such skill, split or number of steps.
    """
    _check(skill, split, steps)
    dice = Dice("problems", skill, seed)
    while True:
        yield draw(dice, skill, split=split, steps=dice.pick(steps))


def draw(dice: Dice, skill: Skill, *, split: Split, steps: int) -> Problem:
    """Return one problem of a split; `steps` is for `shop` only."""
    while True:
        problem = shop.draw(dice, steps=steps) if skill == "shop" else _DRAW[skill](dice)
        if split_of(problem) == split:
            return problem


def take(
    count: int, skill: Skill, *, seed: int, split: Split, steps: tuple[int, ...] = (1, 2)
) -> list[Problem]:
    """Return so many problems with different questions.

    Raises:
        ConfigError: The family has fewer different questions in this split.
    """
    taken: dict[str, Problem] = {}
    misses = 0
    stream = problems(skill, seed=seed, split=split, steps=steps)
    while len(taken) < count:
        problem = next(stream)
        misses = misses + 1 if problem.question in taken else 0
        taken[problem.question] = problem
        if misses > _PATIENCE:
            raise ConfigError(
                f"lab: skill {skill!r}, split {split!r}: found {len(taken)} different questions, "
                f"{count} were asked for; ask for fewer"
            )
    return list(taken.values())


def read(text: str) -> list[tuple[int, Problem]]:
    """Return every problem that is stated in the text, in order, with the place where it ends."""
    found: list[tuple[int, Problem]] = [
        *shop.read(text),
        *equations.read(text),
        *choice.read(text),
        *code.read(text),
        *lists.read(text),
    ]
    return sorted(found, key=lambda place: place[0])


def _check(skill: str, split: str, steps: tuple[int, ...]) -> None:
    for kind, name, allowed in (("skill", skill, SKILLS), ("split", split, tuple(SPLITS))):
        if name not in allowed:
            raise ConfigError(
                f"lab: {kind} {name!r} does not exist; allowed: {', '.join(allowed)}"
                f"{nearest(name, allowed)}"
            )
    if not steps or not all(1 <= n <= MOST_STEPS for n in steps):
        raise ConfigError(
            f"lab: steps of skill 'shop': found {list(steps)}, allowed are numbers from 1 to "
            f"{MOST_STEPS}; give at least one of them"
        )
