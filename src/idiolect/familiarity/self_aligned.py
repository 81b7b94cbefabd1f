"""Self-aligned perplexity: perplexity behind the target's own correct answers to other prompts.

exp of the mean, over the draws of such answers, of NLL / tokens. It asks how near a response is
to the way that the target writes in this task, not to its prior of answering a bare prompt.
Source: arXiv 2502.11779 (SPPL). The authors average perplexities arithmetically, over questions
and over one context each; here both means are geometric, as for `perplexity`.
"""

import math
from collections.abc import Sequence

from idiolect.familiarity.base import Measure, Measured, arithmetic_mean

__all__ = ["SELF_ALIGNED"]


def _log(measured: Measured) -> float:
    draws = measured.self_aligned
    if not draws:
        raise ValueError(
            f"self-aligned of {measured.prompt.candidate_id}: it was not scored behind own "
            "answers to other prompts"
        )
    return sum(m.mean_nll for m in draws) / len(draws)


def _value(measured: Measured) -> float:
    return math.exp(_log(measured))


def _aggregate(rows: Sequence[Measured]) -> float:
    return math.exp(arithmetic_mean(_log, rows))


SELF_ALIGNED = Measure(
    name="self-aligned",
    unit="",
    familiar="lower",
    needs=frozenset({"prompt", "self-aligned"}),
    value=_value,
    aggregate=_aggregate,
)
