"""How large a study has to be: before it, and after one that could not tell.

Source: the sample size of paired proportions (Connor, Biometrics 43, 1987, 207-211), with a
second variance for seeds, which more examples do not make smaller.
"""

import math
from dataclasses import dataclass

from idiolect.statistics.paired import Difference

__all__ = ["Hint", "minimum_detectable_effect", "size_hint"]

# Normal quantiles: two-sided 5 %, and 80 % power.
_POWER = 0.841621
_REACH = 1.959964 + _POWER


def minimum_detectable_effect(
    examples: int,
    *,
    base_rate: float = 0.5,
    discordant: float | None = None,
    seeds: int = 1,
    seed_deviation: float = 0.0,
) -> float:
    """Return the true difference of two rates that is found with 80 % power at 5 %.

    Args:
        examples: Test examples that both answer.
        base_rate: The rate to start from; used for a guess of `discordant`.
        discordant: Share of examples on which the two differ. By default base rate times its
            complement, what two answers that correlate by one half would give.
        seeds: Training seeds of each dataset.
        seed_deviation: Standard deviation of one dataset's rate between seeds.

    Raises:
        ValueError: there are no examples or seeds.
    """
    if examples < 1 or seeds < 1:
        raise ValueError(f"{examples} examples and {seeds} seeds; expected at least one of each")
    share = base_rate * (1 - base_rate) if discordant is None else discordant
    between_seeds = 2 * seed_deviation**2 / seeds
    # effect = reach * sqrt((share - effect**2) / examples + between_seeds), solved for effect.
    square = (share / examples + between_seeds) / (1 + _REACH**2 / examples)
    return min(1.0, _REACH * math.sqrt(square))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What would settle a comparison, were its true difference the one that was seen."""

    examples: int | None
    """More examples than there were; None where no number of them would do."""

    seeds: int | None
    """More seeds than there were; None where they would not do, or examples are enough."""

    words: str


def size_hint(difference: Difference, *, comparisons: int = 1) -> Hint:
    """Return how many more examples, or seeds, would probably settle a comparison (80 % power).

    Args:
        difference: What was seen.
        comparisons: How many share the 5 %; it is divided among them, which errs on the safe side.
    """
    from scipy import stats

    reach = float(stats.norm.ppf(1 - 0.025 / comparisons)) + _POWER
    wanted = (difference.mean / reach) ** 2
    if wanted <= 1e-12:
        return Hint(examples=None, seeds=None, words="no number of examples would settle it")
    spare = wanted - difference.seed_variance
    if spare > 0:
        total = math.ceil(difference.examples * difference.example_variance / spare)
        more = max(total - difference.examples, 1)
        if more <= 100 * difference.examples:
            return Hint(
                examples=more, seeds=None, words=f"about {more} more examples would settle it"
            )
    seeds = math.ceil(difference.seeds * difference.seed_variance / wanted)
    more = max(seeds - difference.seeds, 1)
    if spare > 0 or more > 100:
        return Hint(examples=None, seeds=None, words="it is too small for any study of this kind")
    return Hint(
        examples=None,
        seeds=more,
        words=f"more examples alone would not, about {more} more seeds might",
    )
