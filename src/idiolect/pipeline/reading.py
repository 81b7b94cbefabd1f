"""What a run's numbers say in words: which responses are foreign to the target."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idiolect.statistics import mean_interval

__all__ = ["FOREIGN_RATIO", "Reading", "Standing", "read_foreignness", "readings"]

FOREIGN_RATIO = 1.5
"""A strategy is called foreign when the 95 % interval of its perplexity ratio to the most
familiar one, on the same prompts, lies above this. A convention of ours: in the authors'
stored perplexities (arXiv 2402.11192), references stand at 2 to 10 times, and responses of
different assistants within 1.3 times, of the most familiar ones."""

Standing = Literal[
    "most familiar", "about as familiar", "less familiar", "foreign", "cannot tell", "alone"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How familiar one strategy is beside the most familiar one."""

    strategy: str
    standing: Standing
    sentence: str


def read_foreignness(mean_nlls: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return one sentence a strategy, the most familiar one first.

    Args:
        mean_nlls: strategy -> example -> nats per token.
    """
    return [reading.sentence for reading in readings(mean_nlls)]


def readings(mean_nlls: Mapping[str, Mapping[str, float]]) -> list[Reading]:
    """Return one reading a strategy, the most familiar one first.

    Strategies are compared on the prompts that both answer: one that answers the easy prompts
    alone is not more familiar for that. The most familiar one is that which no other beats on
    their shared prompts, or which is beaten by least.

    Args:
        mean_nlls: strategy -> example -> nats per token.
    """
    if not mean_nlls:
        return []
    native = min(mean_nlls, key=lambda name: _largest_defeat(name, mean_nlls))
    others = sorted(
        (name for name in mean_nlls if name != native),
        key=lambda name: _mean_excess(name, native, mean_nlls),
    )
    if not others:
        sentence = (
            f"{native} is the only kind of response, so there is nothing to call it foreign "
            "against. Add the target's own answers: --strategies reference,own"
        )
        return [Reading(strategy=native, standing="alone", sentence=sentence)]
    perplexity = math.exp(float(np.mean(list(mean_nlls[native].values()))))
    sentence = f"{native} is the most familiar to the target (perplexity {perplexity:.2f})."
    first = Reading(strategy=native, standing="most familiar", sentence=sentence)
    return [first, *(_reading(name, native, mean_nlls) for name in others)]


def _excess(
    name: str, other: str, mean_nlls: Mapping[str, Mapping[str, float]]
) -> NDArray[np.float64]:
    """Return the differences of mean NLL, name minus other, on the prompts of both."""
    shared = sorted(mean_nlls[name].keys() & mean_nlls[other].keys())
    return np.array([mean_nlls[name][e] - mean_nlls[other][e] for e in shared], dtype=np.float64)


def _mean_excess(name: str, other: str, mean_nlls: Mapping[str, Mapping[str, float]]) -> float:
    """Return the mean difference; infinite where there is too little to compare."""
    excess = _excess(name, other, mean_nlls)
    return float(excess.mean()) if len(excess) > 1 else math.inf


def _largest_defeat(name: str, mean_nlls: Mapping[str, Mapping[str, float]]) -> float:
    """Return the most that another strategy is more familiar by, on shared prompts."""
    excesses = [_mean_excess(name, other, mean_nlls) for other in mean_nlls if other != name]
    known = [excess for excess in excesses if math.isfinite(excess)]
    return max(known, default=math.inf)


def _reading(name: str, native: str, mean_nlls: Mapping[str, Mapping[str, float]]) -> Reading:
    excess = _excess(name, native, mean_nlls)
    if len(excess) < 2:
        sentence = f"{name}: cannot tell, {len(excess)} prompts in common with {native}."
        return Reading(strategy=name, standing="cannot tell", sentence=sentence)
    low, high = (math.exp(end) for end in mean_interval(excess))
    facts = (
        f"{math.exp(float(excess.mean())):.2f} times the perplexity of {native} "
        f"(95 % {low:.2f}-{high:.2f}, n = {len(excess)})"
    )
    if low > FOREIGN_RATIO:
        return Reading(strategy=name, standing="foreign", sentence=f"{name} is foreign: {facts}.")
    if high >= FOREIGN_RATIO:
        sentence = f"{name}: cannot tell whether it is foreign, {facts}."
        return Reading(strategy=name, standing="cannot tell", sentence=sentence)
    if low > 1:
        sentence = f"{name} is less familiar, not foreign: {facts}."
        return Reading(strategy=name, standing="less familiar", sentence=sentence)
    # More familiar is possible where three kinds beat one another in a circle.
    word = "more familiar on the prompts of both" if high < 1 else "about as familiar"
    sentence = f"{name} is {word}: {facts}."
    return Reading(strategy=name, standing="about as familiar", sentence=sentence)
