"""From drifts to tables: means with intervals, and a verdict for each pair of datasets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idiolect.records import Drift
from idiolect.statistics import (
    Correlation,
    Difference,
    SeedSpread,
    holm,
    mean_interval,
    paired_difference,
    rank_correlation,
    seed_spread,
)
from studies.smollm2.forgetting.cells import Cell
from studies.smollm2.forgetting.drifting import OUTSIDE, TASKS
from studies.smollm2.forgetting.responses import Responses

__all__ = [
    "MEASURES",
    "SCOPES",
    "DatasetRow",
    "DriftRow",
    "Measured",
    "PairRow",
    "dataset_table",
    "drift_table",
    "on_and_off_the_task",
    "pair_table",
]

Measured = Mapping[tuple[str, int], Sequence[Drift]]
"""(dataset, seed) -> the drift on each prompt."""

SCOPES: dict[str, tuple[str, ...]] = {
    "outside": OUTSIDE,
    **{task: (task,) for task in (*OUTSIDE, "gsm8k")},
}
"""What is averaged over: all prompts of other tasks, and each task alone."""

MEASURES = ("kl", "nll")
"""`kl`: KL(base || tuned); `nll`: of the base's own answers. Nats per token."""

_LEVEL = 0.05
_ENDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """What was trained on, and how the training went."""

    dataset: str
    n: int
    tokens: int
    cut_off: int
    correct: int
    perplexity: float
    """Geometric mean over responses, before training."""

    low: float
    high: float
    first_losses: tuple[float, ...]
    """Nats per token over the first five steps, one value a seed."""

    last_losses: tuple[float, ...]
    """The same over the last five."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """How far the adapters of one dataset are from the base. Nats per token, means over prompts."""

    scope: str
    dataset: str
    n: int
    seeds: int
    kl: float
    kl_low: float
    kl_high: float
    kl_reverse: float
    """KL(tuned || base)."""

    nll_before: float
    nll_after: float
    rise: float
    rise_low: float
    rise_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRow:
    """Which of two datasets moves the model less."""

    scope: str
    measure: str
    first: str
    second: str
    n: int
    seeds: int
    difference: float
    """First minus second, nats per token; below zero the first one moves the model less."""

    low: float
    high: float
    by_seed: tuple[float, ...]
    """The difference of each seed's two adapters."""

    p_holm: float
    """Corrected for the pairs of one scope and measure."""

    verdict: Literal["better", "worse", "cannot tell"]
    """Of the first against the second."""


def dataset_table(datasets: Sequence[Responses], cells: Sequence[Cell]) -> list[DatasetRow]:
    """Return one row a dataset."""
    found: list[DatasetRow] = []
    for dataset in datasets:
        nlls = np.array(dataset.nlls)
        low, high = mean_interval(nlls)
        losses = [cell.result.losses for cell in cells if cell.dataset == dataset.name]
        found.append(
            DatasetRow(
                dataset=dataset.name,
                n=len(dataset.rows),
                tokens=dataset.tokens,
                cut_off=dataset.cut_off,
                correct=dataset.correct,
                perplexity=math.exp(nlls.mean()),
                low=math.exp(low),
                high=math.exp(high),
                first_losses=tuple(float(np.mean(each[:_ENDS])) for each in losses),
                last_losses=tuple(float(np.mean(each[-_ENDS:])) for each in losses),
            )
        )
    return found


def drift_table(measured: Measured) -> list[DriftRow]:
    """Return one row a scope and dataset.

    Intervals speak about other prompts and other seeds: the variance between seeds is pooled over
    the datasets.
    """
    found: list[DriftRow] = []
    for scope in SCOPES:
        kls, rises = _values(measured, scope, "kl"), _values(measured, scope, "nll")
        for dataset in kls:
            kl = _against_nothing(kls, dataset)
            rise = _against_nothing(rises, dataset)
            rows = [r for (name, _), rs in measured.items() if name == dataset for r in rs]
            mine = [row for row in rows if row.split in SCOPES[scope]]
            found.append(
                DriftRow(
                    scope=scope,
                    dataset=dataset,
                    n=kl.examples,
                    seeds=kl.seeds,
                    kl=kl.mean,
                    kl_low=kl.low,
                    kl_high=kl.high,
                    kl_reverse=float(np.mean([r.kl_tuned_base / r.tokens for r in mine])),
                    nll_before=float(np.mean([r.base_nll / r.tokens for r in mine])),
                    nll_after=float(np.mean([r.tuned_nll / r.tokens for r in mine])),
                    rise=rise.mean,
                    rise_low=rise.low,
                    rise_high=rise.high,
                )
            )
    return found


def pair_table(measured: Measured) -> list[PairRow]:
    """Compare every pair of datasets; Holm's correction over the pairs of a scope and measure."""
    found: list[PairRow] = []
    for measure in MEASURES:
        for scope in SCOPES:
            values = _values(measured, scope, measure)
            spread = seed_spread(list(values.values()))
            pairs = list(combinations(values, 2))
            gaps = [
                paired_difference(values[a], values[b], spread=spread, are_rates=False)
                for a, b in pairs
            ]
            corrected = holm([gap.p for gap in gaps])
            found += [
                PairRow(
                    scope=scope,
                    measure=measure,
                    first=first,
                    second=second,
                    n=gap.examples,
                    seeds=gap.seeds,
                    difference=gap.mean,
                    low=gap.low,
                    high=gap.high,
                    by_seed=tuple((values[first] - values[second]).mean(axis=1).tolist()),
                    p_holm=p,
                    verdict=_verdict(gap.mean, p),
                )
                for (first, second), gap, p in zip(pairs, gaps, corrected, strict=True)
            ]
    return found


def on_and_off_the_task(measured: Measured) -> Correlation:
    """Return how the adapters' KL on the trained task goes with that outside, one point each.

    RL's Razor (arXiv 2509.04259) has forgetting follow the KL on the trained task.
    """
    on, off = (_values(measured, scope, "kl") for scope in ("gsm8k", "outside"))
    return rank_correlation(
        *(np.concatenate([rows.mean(axis=1) for rows in each.values()]) for each in (on, off))
    )


def _verdict(mean: float, p: float) -> Literal["better", "worse", "cannot tell"]:
    if p > _LEVEL:
        return "cannot tell"
    return "better" if mean < 0 else "worse"


def _values(measured: Measured, scope: str, measure: str) -> dict[str, NDArray[np.float64]]:
    """Return dataset -> seeds x prompts, nats per token."""
    found: dict[str, list[list[float]]] = {}
    for (dataset, _), rows in measured.items():
        # The same prompts in the same order, whatever order they were computed in.
        mine = sorted(
            (TASKS.index(row.split), row.example_id, row)
            for row in rows
            if row.split in SCOPES[scope]
        )
        found.setdefault(dataset, []).append([_value(row, measure) for _, _, row in mine])
    return {dataset: np.array(rows) for dataset, rows in found.items()}


def _value(row: Drift, measure: str) -> float:
    moved = row.kl_base_tuned if measure == "kl" else row.tuned_nll - row.base_nll
    return moved / row.tokens


def _against_nothing(values: Mapping[str, NDArray[np.float64]], dataset: str) -> Difference:
    """Return the mean of one dataset, which no seed stands against."""
    spread = seed_spread(list(values.values()))
    half = SeedSpread(variance=spread.variance / 2, freedom=spread.freedom)
    mine = values[dataset]
    return paired_difference(mine, np.zeros_like(mine), spread=half, are_rates=False)
