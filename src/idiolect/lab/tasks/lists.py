"""Sort a list, reverse it, find the largest: answers that must match exactly."""

import re
from dataclasses import dataclass
from typing import Literal

from idiolect.lab.dice import Dice
from idiolect.records import CodeTests

__all__ = ["Listing", "Task", "draw", "read"]

Task = Literal["sort", "reverse", "largest"]
ORDERS: dict[str, Task] = {
    "Sort": "sort",
    "Reverse": "reverse",
    "Find the largest in": "largest",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Three to five different digits and what is to be done with them."""

    task: Task
    numbers: tuple[int, ...]

    skill: Literal["lists"] = "lists"
    choices: None = None
    tests: CodeTests | None = None

    @property
    def question(self) -> str:
        """The problem in words."""
        order = next(words for words, task in ORDERS.items() if task == self.task)
        return f"{order} the list {_joined(self.numbers)}."

    @property
    def result(self) -> tuple[int, ...]:
        """The numbers of the answer."""
        match self.task:
            case "sort":
                return tuple(sorted(self.numbers))
            case "reverse":
                return self.numbers[::-1]
            case "largest":
                return (max(self.numbers),)

    @property
    def answer(self) -> str:
        """The numbers of the answer, separated by a comma and a space."""
        return _joined(self.result)


def draw(dice: Dice) -> Listing:
    """Return a random task."""
    digits = dice.shuffled(range(1, 10))[: dice.whole(3, 5)]
    return Listing(task=dice.pick(tuple(ORDERS.values())), numbers=tuple(digits))


def _joined(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


_QUESTION = re.compile(r"(Sort|Reverse|Find the largest in) the list ((?:\d+, )*\d+)\.")


def read(text: str) -> list[tuple[int, Listing]]:
    """Return every problem of this kind in the text, with the place where it ends."""
    return [
        (m.end(), Listing(task=ORDERS[m[1]], numbers=tuple(map(int, m[2].split(", ")))))
        for m in _QUESTION.finditer(text)
    ]
