"""Linear equations in x with a whole solution, like the algebra of MATH in small numbers."""

import re
from dataclasses import dataclass
from typing import Literal

from idiolect.lab.dice import Dice
from idiolect.records import CodeTests

__all__ = ["Equation", "draw", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """`left x + shift = right x + total`, where `right` may be 0 and `shift` negative."""

    left: int
    right: int
    shift: int
    total: int

    skill: Literal["equations"] = "equations"
    choices: None = None
    tests: CodeTests | None = None

    @property
    def question(self) -> str:
        """The problem in words."""
        sign = "+" if self.shift > 0 else "-"
        other = f"{self.right}x + " if self.right else ""
        return f"Solve for x: {self.left}x {sign} {abs(self.shift)} = {other}{self.total}."

    @property
    def factor(self) -> int:
        """How many x there are once all of them are on one side."""
        return self.left - self.right

    @property
    def product(self) -> int:
        """What that many x are worth."""
        return self.total - self.shift

    @property
    def answer(self) -> str:
        """The value of x."""
        return str(self.product // self.factor)


def draw(dice: Dice) -> Equation:
    """Return a random equation whose numbers stay within 1 to 40."""
    while True:
        factor, x, shift = dice.whole(2, 5), dice.whole(2, 9), dice.whole(1, 9)
        shift = shift if dice.chance(0.5) else -shift
        right = 0 if dice.chance(0.5) else dice.whole(1, 9 - factor)
        product = factor * x
        if product <= 40 and 1 <= product + shift <= 40:
            return Equation(left=factor + right, right=right, shift=shift, total=product + shift)


_QUESTION = re.compile(r"Solve for x: (\d+)x ([+-]) (\d+) = (?:(\d+)x \+ )?(\d+)\.")


def read(text: str) -> list[tuple[int, Equation]]:
    """Return every problem of this kind in the text, with the place where it ends."""
    found: list[tuple[int, Equation]] = []
    for match in _QUESTION.finditer(text):
        left, sign, size, right, total = match.groups()
        equation = Equation(
            left=int(left),
            right=int(right or 0),
            shift=int(size) if sign == "+" else -int(size),
            total=int(total),
        )
        if equation.factor > 0 and equation.product % equation.factor == 0:
            found.append((match.end(), equation))
    return found
