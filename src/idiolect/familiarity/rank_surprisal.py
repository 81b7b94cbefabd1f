"""Rank-surprisal ratio: mean token rank ÷ mean NLL, ranks above 100 counted as 100.

Low where the tokens are improbable and yet stand high in the target's order: informative, and
within reach. In the source lower ratios went with better students; it is no plain measure of
familiarity, so no direction is given.
Source: arXiv 2601.14249 (abstract; that ranks are clipped, at 100, and that a data set's ratio
is the ratio of its rows' means, is read from the authors' code). Both sums are over the same
tokens, so each is a mean weighted by nothing. A certain response (NLL 0) has no ratio.
"""

import math
from collections.abc import Sequence

from idiolect.familiarity.base import Measure, Measured, arithmetic_mean

__all__ = ["RANK_SURPRISAL"]


def _value(measured: Measured) -> float:
    return _ratio(_mean_rank(measured), _mean_nll(measured))


def _aggregate(rows: Sequence[Measured]) -> float:
    return _ratio(arithmetic_mean(_mean_rank, rows), arithmetic_mean(_mean_nll, rows))


def _ratio(rank: float, nll: float) -> float:
    return rank / nll if nll > 0 else math.inf


def _mean_nll(measured: Measured) -> float:
    return measured.prompt.mean_nll


def _mean_rank(measured: Measured) -> float:
    prompt = measured.prompt
    if prompt.clipped_rank_sum is None:
        raise ValueError(
            f"rank-surprisal of {prompt.candidate_id}: {prompt.path} tells no token ranks; leave "
            "out `rank-surprisal`, or score with vLLM or with the weights on this machine"
        )
    return prompt.clipped_rank_sum / prompt.tokens


RANK_SURPRISAL = Measure(
    name="rank-surprisal",
    unit="ranks/nat",
    familiar="neither",
    needs=frozenset({"prompt"}),
    needs_ranks=True,
    value=_value,
    aggregate=_aggregate,
)
