"""What a run's numbers say in words: which responses are foreign to the target."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

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

    Args:
        mean_nlls: strategy -> example -> nats per token.
    """
    order = sorted(mean_nlls, key=lambda name: float(np.mean(list(mean_nlls[name].values()))))
    if not order:
        return []
    native, *others = order
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


def _reading(name: str, native: str, mean_nlls: Mapping[str, Mapping[str, float]]) -> Reading:
    shared = sorted(mean_nlls[name].keys() & mean_nlls[native].keys())
    if len(shared) < 2:
        sentence = f"{name}: cannot tell, {len(shared)} prompts in common with {native}."
        return Reading(strategy=name, standing="cannot tell", sentence=sentence)
    excess = np.array([mean_nlls[name][e] - mean_nlls[native][e] for e in shared])
    low, high = (math.exp(end) for end in mean_interval(excess))
    facts = (
        f"{math.exp(float(excess.mean())):.2f} times the perplexity of {native} "
        f"(95 % {low:.2f}-{high:.2f}, n = {len(shared)})"
    )
    if low > FOREIGN_RATIO:
        return Reading(strategy=name, standing="foreign", sentence=f"{name} is foreign: {facts}.")
    if high >= FOREIGN_RATIO:
        sentence = f"{name}: cannot tell whether it is foreign, {facts}."
        return Reading(strategy=name, standing="cannot tell", sentence=sentence)
    if low > 1:
        sentence = f"{name} is less familiar, not foreign: {facts}."
        return Reading(strategy=name, standing="less familiar", sentence=sentence)
    sentence = f"{name} is about as familiar: {facts}."
    return Reading(strategy=name, standing="about as familiar", sentence=sentence)
