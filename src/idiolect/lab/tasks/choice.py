"""Five options over a small invented encyclopaedia, like ECQA.

The facts can't be read off the question: a target knows them from its pretraining or not at
all, as a large model knows that cows eat grass.
"""

import re
from dataclasses import dataclass
from typing import Literal

from idiolect.lab.dice import Dice
from idiolect.records import CodeTests

__all__ = ["ANIMALS", "ENCYCLOPAEDIA", "LETTERS", "Option", "Quiz", "draw", "read"]

LETTERS = ("A", "B", "C", "D", "E")
VALUES = {
    "lives in": ("caves", "hills", "lakes", "trees", "mud"),
    "eats": ("ants", "fish", "grass", "roots", "seeds"),
    "is": ("black", "blue", "green", "red", "white"),
}
ANIMALS = (
    "blick", "brup", "dax", "dobe", "fep", "glim", "hax", "jop", "kiv", "lorp",
    "mip", "nark", "plok", "quib", "rilt", "snee", "tiv", "vosk", "wug", "zop",
)  # fmt: skip


def _encyclopaedia() -> dict[str, dict[str, str]]:
    """Return animal -> trait -> value; each value belongs to four of the animals."""
    pages: dict[str, dict[str, str]] = {animal: {} for animal in ANIMALS}
    for trait, values in VALUES.items():
        shuffled = Dice("encyclopaedia", trait).shuffled(ANIMALS)
        for place, animal in enumerate(shuffled):
            pages[animal][trait] = values[place % len(values)]
    return pages


ENCYCLOPAEDIA = _encyclopaedia()


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of the animals to choose from, and what the encyclopaedia says about it."""

    letter: str
    animal: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiz:
    """Which of five animals has a trait?"""

    trait: str
    """The verb phrase of the question: `lives in`, `eats` or `is`."""

    value: str
    animals: tuple[str, ...]

    skill: Literal["choice"] = "choice"
    tests: CodeTests | None = None

    @property
    def choices(self) -> tuple[str, ...]:
        """The five options in the order of their letters."""
        return self.animals

    @property
    def options(self) -> tuple[Option, ...]:
        """The five options with their letters and facts."""
        return tuple(
            Option(letter=letter, animal=animal, value=ENCYCLOPAEDIA[animal][self.trait])
            for letter, animal in zip(LETTERS, self.animals, strict=True)
        )

    @property
    def question(self) -> str:
        """The problem in words."""
        listed = " ".join(f"{o.letter}) {o.animal}" for o in self.options)
        return f"Which one {self.trait} {self.value}? {listed}"

    @property
    def right(self) -> Option:
        """The one option that has the value."""
        return next(option for option in self.options if option.value == self.value)

    @property
    def answer(self) -> str:
        """The right option by its name, which a small model finds more easily than its letter."""
        return self.right.animal


def draw(dice: Dice) -> Quiz:
    """Return a random question with one right option and four wrong ones."""
    trait = dice.pick(tuple(VALUES))
    value = dice.pick(VALUES[trait])
    fitting = [a for a in ANIMALS if ENCYCLOPAEDIA[a][trait] == value]
    others = dice.shuffled([a for a in ANIMALS if ENCYCLOPAEDIA[a][trait] != value])
    animals = dice.shuffled([dice.pick(fitting), *others[:4]])
    return Quiz(trait=trait, value=value, animals=tuple(animals))


_QUESTION = re.compile(
    r"Which one (lives in|eats|is) ([a-z]+)\? A\) ([a-z]+) B\) ([a-z]+) C\) ([a-z]+) "
    r"D\) ([a-z]+) E\) ([a-z]+)"
)


def read(text: str) -> list[tuple[int, Quiz]]:
    """Return every problem of this kind in the text, with the place where it ends."""
    found: list[tuple[int, Quiz]] = []
    for match in _QUESTION.finditer(text):
        trait, value, *animals = match.groups()
        if not all(animal in ENCYCLOPAEDIA for animal in animals):
            continue
        quiz = Quiz(trait=trait, value=value, animals=tuple(animals))
        if sum(option.value == value for option in quiz.options) == 1:
            found.append((match.end(), quiz))
    return found
