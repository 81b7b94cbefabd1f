"""Strategies in the order of each measure, with how sure the order is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idiolect.familiarity import MEASURES, Measure
from idiolect.pipeline.table import RunRows
from idiolect.statistics import paired_bootstrap, probability_best

__all__ = ["Ranked", "Ranking", "rank"]

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One measure's order of the strategies, over prompts that all of them have."""

    measure: str
    means: Mapping[str, float]
    """Strategy -> mean, the most familiar first. Of perplexity, the geometric mean."""

    best: Mapping[str, float]
    """Strategy -> share of bootstrap samples of the prompts in which it is the most familiar."""

    runner_up: tuple[float, float] | None
    """95 % interval of how much more foreign the second is than the first, in the unit of the
    measure (nats per token for perplexity); None for one strategy alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What the measures say about the strategies."""

    usable: Mapping[str, int]
    """Strategy -> prompts with a response that is not wrong, not cut off, and scored."""

    prompts: int
    shared: int
    """Prompts that every ranked strategy has a usable response for; what is ranked over."""

    left_out: tuple[str, ...]
    """Strategies with too few usable responses to be a dataset of their own."""

    measures: tuple[Ranked, ...]
    """The measure that was asked for first stands first."""


def rank(
    rows: RunRows,
    strategies: Sequence[str],
    *,
    prompts: Sequence[str],
    first: Sequence[str],
    least_coverage: float,
    seed: int,
) -> Ranking:
    """Rank the strategies by every measure that has a direction and is there for all.

    Wrong responses are not ranked: correctness comes before familiarity. Where nothing could be
    checked, all are. Means are compared over the same prompts, because a strategy that is right
    on easy prompts alone would look familiar for that.
    """
    usable = {name: _usable(rows, name) for name in strategies}
    counts = {name: len(found) for name, found in usable.items()}
    ranked = [n for n in strategies if counts[n] and counts[n] >= least_coverage * len(prompts)]
    shared = [p for p in prompts if all(p in usable[name] for name in ranked)] if ranked else []
    order = dict.fromkeys([*(n for n in first if n in MEASURES), *MEASURES])
    found: list[Ranked] = []
    for measure in (MEASURES[name] for name in order):
        values = _values(rows, usable, ranked, shared, measure)
        if values and measure.familiar != "neither" and measure.name != "mean-nll":
            found.append(_ranked(measure, values, seed))
    return Ranking(
        usable=counts,
        prompts=len(prompts),
        shared=len(shared),
        left_out=tuple(name for name in strategies if name not in ranked),
        measures=tuple(found),
    )


def _usable(rows: RunRows, strategy: str) -> dict[str, list[str]]:
    """Return example -> candidates of a strategy that may be trained on."""
    found: dict[str, list[str]] = {}
    for candidate in rows.candidates:
        verdict = rows.verdicts.get(candidate.id)
        is_right = verdict is None or verdict.status in ("correct", "unchecked")
        is_whole = candidate.finish_reason != "length" and candidate.id in rows.measurements
        if candidate.strategy == strategy and is_right and is_whole:
            found.setdefault(candidate.example_id, []).append(candidate.id)
    return found


def _values(
    rows: RunRows,
    usable: Mapping[str, Mapping[str, Sequence[str]]],
    strategies: Sequence[str],
    shared: Sequence[str],
    measure: Measure,
) -> dict[str, Values]:
    """Return one value a prompt for each strategy; nothing where the measure lacks for one."""
    # Perplexities are averaged geometrically: a mean of their logarithms.
    value = MEASURES["mean-nll"].value if measure.name == "perplexity" else measure.value
    found: dict[str, Values] = {}
    for name in strategies:
        groups = [[rows.measurements[c] for c in usable[name][prompt]] for prompt in shared]
        if not groups or not all(measure.is_defined(m) for group in groups for m in group):
            return {}
        means = [float(np.mean([value(m) for m in group])) for group in groups]
        found[name] = np.array(means, dtype=np.float64)
    return found


def _ranked(measure: Measure, values: Mapping[str, Values], seed: int) -> Ranked:
    lower = measure.familiar == "lower"
    order = sorted(values, key=lambda name: float(values[name].mean()) * (1 if lower else -1))
    gap = None
    if len(order) > 1:
        low, high = paired_bootstrap(values[order[1]], values[order[0]])
        gap = (low, high) if lower else (-high, -low)
    shown = np.exp if measure.name == "perplexity" else np.float64
    return Ranked(
        measure=measure.name,
        means={name: float(shown(values[name].mean())) for name in order},
        best=probability_best(values, best="lowest" if lower else "highest", seed=seed),
        runner_up=gap,
    )
