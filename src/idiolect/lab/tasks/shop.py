"""Worked word problems with one to five steps, like GSM8K in small numbers.

Values stay within 1 to 40 and second operands have one digit, because a model of two million
parameters spends most of its training on arithmetic facts.
"""

import re
from dataclasses import dataclass
from typing import Literal

from idiolect.lab.dice import Dice
from idiolect.records import CodeTests

__all__ = ["LARGEST", "Operation", "Shop", "Step", "draw", "read"]

LARGEST = 40
NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hugo")
ITEMS = ("apples", "books", "coins", "eggs", "keys", "nuts", "pens", "rings")
Operation = Literal["+", "-", "*", "/"]
VERBS: dict[str, Operation] = {
    "buys": "+",
    "finds": "+",
    "gets": "+",
    "gives": "-",
    "loses": "-",
    "sells": "-",
}
MULTIPLES: dict[str, tuple[Operation, int]] = {
    "doubles them": ("*", 2),
    "triples them": ("*", 3),
    "halves them": ("/", 2),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of the number of things, as the question words it and as arithmetic."""

    clause: str
    before: int
    operation: Operation
    operand: int

    @property
    def after(self) -> int:
        """The number of things after the change."""
        match self.operation:
            case "+":
                return self.before + self.operand
            case "-":
                return self.before - self.operand
            case "*":
                return self.before * self.operand
            case "/":
                return self.before // self.operand


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Somebody has some things; what happens to them is told step by step."""

    name: str
    item: str
    start: int
    steps: tuple[Step, ...]

    skill: Literal["shop"] = "shop"
    choices: None = None
    tests: CodeTests | None = None

    @property
    def question(self) -> str:
        """The problem in words."""
        story = ", ".join(step.clause for step in self.steps)
        return f"{self.name} has {self.start} {self.item}, {story}. How many now?"

    @property
    def answer(self) -> str:
        """The last number."""
        return str(self.steps[-1].after)


def draw(dice: Dice, *, steps: int) -> Shop:
    """Return a random problem with so many steps."""
    start = value = dice.whole(2, LARGEST)
    taken: list[Step] = []
    for _ in range(steps):
        step = _draw_step(dice, value)
        taken.append(step)
        value = step.after
    return Shop(name=dice.pick(NAMES), item=dice.pick(ITEMS), start=start, steps=tuple(taken))


def _draw_step(dice: Dice, before: int) -> Step:
    """Return a step that keeps the value within 1 to LARGEST."""
    weights: dict[str, float] = {}
    if before < LARGEST:
        weights["+"] = 0.4
    if before > 1:
        weights["-"] = 0.4
    if before * 2 <= LARGEST:
        weights["doubles them"] = 0.07
    if before * 3 <= LARGEST:
        weights["triples them"] = 0.05
    if before % 2 == 0:
        weights["halves them"] = 0.08
    kind = dice.weighted(weights)
    if kind in MULTIPLES:
        operation, operand = MULTIPLES[kind]
        return Step(clause=kind, before=before, operation=operation, operand=operand)
    room = LARGEST - before if kind == "+" else before - 1
    operand = dice.whole(1, min(9, room))
    verb = dice.pick([verb for verb, operation in VERBS.items() if operation == kind])
    return Step(clause=f"{verb} {operand}", before=before, operation=VERBS[verb], operand=operand)


_QUESTION = re.compile(
    r"(?P<name>[A-Z][a-z]+) has (?P<start>\d+) (?P<item>[a-z]+), "
    r"(?P<story>[a-z\d, ]+)\. How many now\?"
)


def read(text: str) -> list[tuple[int, Shop]]:
    """Return every problem of this kind in the text, with the place where it ends."""
    found: list[tuple[int, Shop]] = []
    for match in _QUESTION.finditer(text):
        steps = _read_steps(int(match["start"]), match["story"])
        if steps is not None:
            shop = Shop(
                name=match["name"], item=match["item"], start=int(match["start"]), steps=steps
            )
            found.append((match.end(), shop))
    return found


def _read_steps(value: int, story: str) -> tuple[Step, ...] | None:
    """Return the steps of a story, or None where a clause is not of this world."""
    steps: list[Step] = []
    for clause in story.split(", "):
        if clause in MULTIPLES:
            operation, operand = MULTIPLES[clause]
        else:
            verb, _, number = clause.partition(" ")
            if verb not in VERBS or not number.isdigit():
                return None
            operation, operand = VERBS[verb], int(number)
        step = Step(clause=clause, before=value, operation=operation, operand=operand)
        steps.append(step)
        value = step.after
    return tuple(steps)
