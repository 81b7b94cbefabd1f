"""What a run's numbers say in words: which responses are foreign to the target."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from idiolect.statistics import mean_interval

__all__ = ["FOREIGN_RATIO", "read_foreignness"]

FOREIGN_RATIO = 1.5
"""A strategy is called foreign when the 95 % interval of its perplexity ratio to the most
familiar one, on the same prompts, lies above this. A convention of ours: in the authors'
stored perplexities (arXiv 2402.11192), references stand at 2 to 10 times, and responses of
different assistants within 1.3 times, of the most familiar ones."""


def read_foreignness(mean_nlls: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return one sentence a strategy, the most familiar one first.

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
        return [
            f"{native} is the only kind of response, so there is nothing to call it foreign "
            "against. Add the target's own answers: --strategies reference,own"
        ]
    perplexity = math.exp(float(np.mean(list(mean_nlls[native].values()))))
    first = f"{native} is the most familiar to the target (perplexity {perplexity:.2f})."
    return [first, *(_sentence(name, native, mean_nlls) for name in others)]


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


def _sentence(name: str, native: str, mean_nlls: Mapping[str, Mapping[str, float]]) -> str:
    excess = _excess(name, native, mean_nlls)
    if len(excess) < 2:
        return f"{name}: cannot tell, {len(excess)} prompts in common with {native}."
    low, high = (math.exp(end) for end in mean_interval(excess))
    ratio = math.exp(float(excess.mean()))
    facts = (
        f"{ratio:.2f} times the perplexity of {native} "
        f"(95 % {low:.2f}-{high:.2f}, n = {len(excess)})"
    )
    if low > FOREIGN_RATIO:
        return f"{name} is foreign: {facts}."
    if high < FOREIGN_RATIO:
        word = "less familiar, not foreign" if low > 1 else "about as familiar"
        # Possible where three kinds beat one another in a circle, on different prompts.
        word = "more familiar on the prompts of both" if high < 1 else word
        return f"{name} is {word}: {facts}."
    return f"{name}: cannot tell whether it is foreign, {facts}."
