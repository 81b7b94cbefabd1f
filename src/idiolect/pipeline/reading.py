"""What a run's numbers say in words: which responses are foreign to the target."""

import math
from collections.abc import Mapping

import numpy as np

from idiolect.statistics import mean_interval

__all__ = ["FOREIGN_RATIO", "read_foreignness"]

FOREIGN_RATIO = 1.5
"""A strategy is called foreign when the 95 % interval of its perplexity ratio to the most
familiar one, on the same prompts, lies above this. A convention of ours: in the authors'
stored perplexities (arXiv 2402.11192), references stand at 2 to 10 times, and responses of
different assistants within 1.3 times, of the most familiar ones."""


def read_foreignness(mean_nlls: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return one sentence a strategy, the most familiar one first.

    Args:
        mean_nlls: strategy -> example -> nats per token.
    """
    order = sorted(mean_nlls, key=lambda name: float(np.mean(list(mean_nlls[name].values()))))
    if not order:
        return []
    native, *others = order
    if not others:
        return [
            f"{native} is the only kind of response, so there is nothing to call it foreign "
            "against. Add the target's own answers: --strategies reference,own"
        ]
    perplexity = math.exp(float(np.mean(list(mean_nlls[native].values()))))
    first = f"{native} is the most familiar to the target (perplexity {perplexity:.2f})."
    return [first, *(_sentence(name, native, mean_nlls) for name in others)]


def _sentence(name: str, native: str, mean_nlls: Mapping[str, Mapping[str, float]]) -> str:
    shared = sorted(mean_nlls[name].keys() & mean_nlls[native].keys())
    if len(shared) < 2:
        return f"{name}: cannot tell, {len(shared)} prompts in common with {native}."
    excess = np.array([mean_nlls[name][e] - mean_nlls[native][e] for e in shared])
    low, high = (math.exp(end) for end in mean_interval(excess))
    ratio = math.exp(float(excess.mean()))
    facts = (
        f"{ratio:.2f} times the perplexity of {native} "
        f"(95 % {low:.2f}-{high:.2f}, n = {len(shared)})"
    )
    if low > FOREIGN_RATIO:
        return f"{name} is foreign: {facts}."
    if high < FOREIGN_RATIO:
        word = "less familiar, not foreign" if low > 1 else "about as familiar"
        return f"{name} is {word}: {facts}."
    return f"{name}: cannot tell whether it is foreign, {facts}."
