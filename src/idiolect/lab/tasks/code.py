"""One small Python function over a list of numbers, like MBPP: keep, change, return."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from idiolect.lab.dice import Dice
from idiolect.records import CodeTests

__all__ = ["Program", "draw", "read"]

KEEPS = ("above", "below", "even", "odd", "all")
CHANGES = {"add": "+", "take": "-", "times": "*"}
RETURNS = {"list": "", "sum": "sum", "largest": "max", "count": "len"}
TESTS = 3


@dataclass(frozen=True, kw_only=True)
class Program:
    """A function that keeps some numbers of a list, changes them and returns something."""

    name: str
    keep: str
    bound: int
    """For `above` and `below`; 0 otherwise."""

    change: str
    amount: int
    returns: str

    skill: Literal["code"] = "code"
    answer: None = None
    choices: None = None

    @property
    def question(self) -> str:
        """The problem in words."""
        kept = f"numbers {self.keep} {self.bound}" if self.bound else f"{self.keep} numbers"
        change = {
            "add": f"add {self.amount} to each",
            "take": f"take {self.amount} from each",
            "times": f"times {self.amount} for each",
        }[self.change]
        return (
            f"Write a Python function {self.name}(xs): keep {kept}, {change}, "
            f"return the {self.returns}."
        )

    @property
    def condition(self) -> str | None:
        """The Python condition on x, or None where all numbers are kept."""
        return {
            "above": f"x > {self.bound}",
            "below": f"x < {self.bound}",
            "even": "x % 2 == 0",
            "odd": "x % 2 == 1",
            "all": None,
        }[self.keep]

    @property
    def expression(self) -> str:
        """The Python expression that changes x."""
        return f"x {CHANGES[self.change]} {self.amount}"

    @property
    def wrapper(self) -> str:
        """The built-in function around the list, empty where the list itself is returned."""
        return RETURNS[self.returns]

    def run(self, numbers: list[int]) -> list[int] | int:
        """Return what the right function returns; used for the tests of the problem."""
        kept = [x for x in numbers if self._keeps(x)]
        changed = [self._changed(x) for x in kept]
        match self.returns:
            case "sum":
                return sum(changed)
            case "largest":
                return max(changed)
            case "count":
                return len(changed)
            case _:
                return changed

    def _keeps(self, x: int) -> bool:
        return {
            "above": x > self.bound,
            "below": x < self.bound,
            "even": x % 2 == 0,
            "odd": x % 2 == 1,
            "all": True,
        }[self.keep]

    def _changed(self, x: int) -> int:
        return {"add": x + self.amount, "take": x - self.amount, "times": x * self.amount}[
            self.change
        ]

    @cached_property
    def tests(self) -> CodeTests:
        """Assertions on lists that hold kept and dropped numbers; drawn from the question."""
        dice = Dice("code tests", self.question)
        statements: list[str] = []
        while len(statements) < TESTS:
            numbers = [dice.whole(0, 12) for _ in range(dice.whole(4, 7))]
            if any(self._keeps(x) for x in numbers):
                statements.append(f"assert {self.name}({numbers}) == {self.run(numbers)}")
        return CodeTests(tests=tuple(statements))


def draw(dice: Dice) -> Program:
    """Return a random specification."""
    keep = dice.weighted({"above": 4, "below": 4, "even": 1, "odd": 1, "all": 1})
    change = dice.pick(tuple(CHANGES))
    return Program(
        name=dice.pick(("f", "g", "h")),
        keep=keep,
        bound=dice.whole(2, 9) if keep in ("above", "below") else 0,
        change=change,
        amount=dice.whole(2, 9),
        returns=dice.pick(tuple(RETURNS)),
    )


_QUESTION = re.compile(
    r"Write a Python function ([a-z])\(xs\): keep "
    r"(?:numbers (above|below) ([1-9]\d*)|(even|odd|all) numbers), "
    r"(?:(add) (\d+) to each|(take) (\d+) from each|(times) (\d+) for each), "
    r"return the (list|sum|largest|count)\."
)


def read(text: str) -> list[tuple[int, Program]]:
    """Return every problem of this kind in the text, with the place where it ends."""
    found: list[tuple[int, Program]] = []
    for m in _QUESTION.finditer(text):
        program = Program(
            name=m[1],
            keep=m[2] or m[4],
            bound=int(m[3] or 0),
            change=m[5] or m[7] or m[9],
            amount=int(m[6] or m[8] or m[10]),
            returns=m[11],
        )
        found.append((m.end(), program))
    return found
