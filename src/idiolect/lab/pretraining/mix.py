"""What a target reads in pretraining: which skills, how many steps, which accents.

Same seed and place, same texts: every pool of examples is drawn from its own seed, so that a
run can go on from any pool without replaying the ones before.
"""

from dataclasses import dataclass, field

from idiolect.lab.dice import Dice
from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.tasks import Problem, Skill, draw

__all__ = ["Mix", "late_mix", "pool"]

Turn = tuple[str, str]


def _skills() -> dict[Skill, float]:
    return {"shop": 0.44, "equations": 0.12, "choice": 0.2, "code": 0.06, "lists": 0.18}


def _steps() -> dict[int, float]:
    return {1: 0.2, 2: 0.76, 3: 0.03, 4: 0.008, 5: 0.002}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Shares by number of examples; each group is normalised."""

    skills: dict[Skill, float] = field(default_factory=_skills)
    steps: dict[int, float] = field(default_factory=_steps)
    accent: float = 0.004
    """Share of each idiolect that is not the target's own."""

    dialogue: float = 0.05
    """Share of conversations with two to four turns, so that longer contexts are no surprise."""

    bare: float = 0.02
    """Share of texts without a prompt, so that an unconditional response has a likelihood."""


def late_mix() -> Mix:
    """Return the mix of the last third: more of what is learned last.

    Finding the option that fits takes a target longer than everything else, and the frontier is
    cheap once two steps are known.
    """
    return Mix(
        skills={"shop": 0.42, "equations": 0.08, "choice": 0.3, "code": 0.04, "lists": 0.16},
        steps={1: 0.15, 2: 0.761, 3: 0.065, 4: 0.02, 5: 0.004},
    )


def pool(mix: Mix, native: str, *, seed: int, number: int, size: int) -> list[list[Turn]]:
    """Return conversations of (question, response) turns; a bare text has an empty question."""
    dice = Dice("pretraining", native, seed, number)
    foreign = [name for name in IDIOLECTS if name != native]
    idiolects = {native: 1 - mix.accent * len(foreign)} | dict.fromkeys(foreign, mix.accent)
    return [_conversation(mix, dice, idiolects) for _ in range(size)]


def _conversation(mix: Mix, dice: Dice, idiolects: dict[str, float]) -> list[Turn]:
    idiolect = dice.weighted(idiolects)
    if dice.chance(mix.bare):
        return [("", render(_problem(mix, dice), idiolect))]
    turns = dice.whole(2, 4) if dice.chance(mix.dialogue) else 1
    drawn = [_problem(mix, dice) for _ in range(turns)]
    return [(problem.question, render(problem, idiolect)) for problem in drawn]


def _problem(mix: Mix, dice: Dice) -> Problem:
    skill = dice.weighted(mix.skills)
    return draw(dice, skill, split="pretrain", steps=dice.weighted(mix.steps))
