"""Perplexity: exp(NLL / tokens) of a response given its prompt. Lower is more familiar.

Source: arXiv 2402.11192 §3 uses the perplexity of a response under the target before
training. The authors average perplexities arithmetically; such a mean is ruled by a few
rows, so rows are aggregated geometrically here: exp of the mean of NLL / tokens. The
terminator is left out, as it is there.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from idiolect.familiarity.base import Measure, Measured, Summary
from idiolect.records import Measurement

__all__ = ["PERPLEXITY", "IntervalOfMean", "summarise_perplexity"]

IntervalOfMean = Callable[[NDArray[np.float64]], tuple[float, float]]


def _value(measured: Measured) -> float:
    return measured.prompt.perplexity


def _aggregate(rows: Sequence[Measured]) -> float:
    return math.exp(float(np.mean([row.prompt.mean_nll for row in rows])))


PERPLEXITY = Measure(
    name="perplexity",
    unit="",
    familiar="lower",
    needs=frozenset({"prompt"}),
    value=_value,
    aggregate=_aggregate,
)


def summarise_perplexity(
    measurements: Sequence[Measurement], interval_of_mean: IntervalOfMean
) -> Summary:
    """Summarise the perplexities of one strategy's rows.

    Args:
        measurements: One of each row.
        interval_of_mean: Gives the 95 % interval of the mean of some values.

    Raises:
        ValueError: there are no rows.
    """
    if not measurements:
        raise ValueError("a summary of no rows; leave the strategy out")
    logs = np.array([m.mean_nll for m in measurements], dtype=np.float64)
    low, high = interval_of_mean(logs)
    total = sum(m.nll for m in measurements) / sum(m.tokens for m in measurements)
    return Summary(
        n=len(logs),
        mean=math.exp(logs.mean()),
        interval=(math.exp(low), math.exp(high)) if len(logs) > 1 else None,
        median=math.exp(np.median(logs)),
        p95=math.exp(np.quantile(logs, 0.95)),
        corpus=math.exp(total),
    )
