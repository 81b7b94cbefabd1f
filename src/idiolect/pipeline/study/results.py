"""What a study found, computed from the rows of its run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idiolect.familiarity import MEASURES
from idiolect.pipeline.study.datasets import Facts
from idiolect.records import Answer, Cell, Drift
from idiolect.statistics import (
    Comparison,
    Correlation,
    NoiseFloor,
    compare_all,
    compare_with_base,
    noise_floor,
    rank_correlation,
    sample_means,
)

__all__ = ["BASE", "DatasetResult", "Found", "Rate", "Rates", "find", "rates_of"]

BASE = "base"
Rates = NDArray[np.float64]
"""Seeds x examples, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A rate of correct answers."""

    rate: float
    examples: int
    by_seed: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetResult:
    """What came of one dataset."""

    name: str
    facts: Facts
    learning_rate: float
    cells: tuple[Cell, ...]
    test: Rate
    others: Mapping[str, Rate]
    gain: float
    forgetting: float | None
    """Change on the other tasks together, each example counting the same; below 0 is forgotten.
    None without other tasks."""

    drift: float | None = None
    """KL(base || tuned) on prompts of the trained task, nats per token, mean over seeds. None
    where it was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything that a study found."""

    base: Mapping[str, Rate]
    datasets: tuple[DatasetResult, ...]
    gains: tuple[Comparison, ...]
    """Every dataset against the base, on the test split."""

    losses: tuple[Comparison, ...]
    """Every dataset against the base, on the other tasks together."""

    pairs: tuple[Comparison, ...]
    """Every pair of datasets, on the test split."""

    kept: tuple[Comparison, ...]
    """Every pair of datasets, on the other tasks together."""

    base_noise: NoiseFloor | None
    seed_noise: NoiseFloor | None
    predicted: Mapping[str, Correlation]
    """Measure -> its rank correlation with the gain over datasets. A measure that falls with
    familiarity predicts by a negative one. `drift` is known only after training."""

    predicted_forgetting: Mapping[str, Correlation]
    """The same with the change on the other tasks; empty without any."""


def rates_of(answers: Sequence[Answer], subjects: Sequence[str], split: str) -> Rates:
    """Return subjects x examples: each example's share of correct samples.

    A failure of the check itself is no wrong answer: the example is left out for all subjects.
    """
    found: list[dict[str, float]] = []
    broken = {a.example_id for a in answers if a.split == split and a.status == "error"}
    for subject in subjects:
        mine = [
            a
            for a in answers
            if a.subject_id == subject and a.split == split and a.example_id not in broken
        ]
        correct = [float(a.status == "correct") for a in mine]
        found.append(sample_means([a.example_id for a in mine], correct))
    ids = sorted(found[0])
    return np.array([[means[each] for each in ids] for means in found], dtype=np.float64)


def find(
    facts: Mapping[str, Facts],
    cells: Mapping[str, Sequence[Cell]],
    answers: Sequence[Answer],
    drifts: Sequence[Drift] = (),
    *,
    base_runs: Sequence[str],
    others: Sequence[str],
) -> Found:
    """Compute a study's result from its rows.

    Args:
        facts: Dataset -> what it is like.
        cells: Dataset -> its cells at the learning rate that was taken, one a seed.
        answers: Of the base model and of those cells.
        drifts: Of those cells.
        base_runs: The subjects that are runs of the base model.
        others: Names of the other tasks.
    """
    ids = {name: [cell.id for cell in group] for name, group in cells.items()}
    splits = ["test", *others]
    base = {split: rates_of(answers, base_runs, split) for split in splits}
    tuned = {
        name: {split: rates_of(answers, subjects, split) for split in splits}
        for name, subjects in ids.items()
    }
    test = {name: rates["test"] for name, rates in tuned.items()}
    together = {name: _together(rates, others) for name, rates in tuned.items()} if others else {}
    base_together = _together(base, others) if others else None
    results = tuple(
        _result(name, facts[name], cells[name], rates, base, others, _drift(ids[name], drifts))
        for name, rates in tuned.items()
    )
    return Found(
        base={split: _rate(rates) for split, rates in base.items()},
        datasets=results,
        gains=tuple(compare_with_base(test, BASE, base["test"])),
        losses=tuple(
            compare_with_base(together, BASE, base_together) if base_together is not None else ()
        ),
        pairs=tuple(compare_all(test)),
        kept=tuple(compare_all(together)),
        base_noise=noise_floor([base["test"]]),
        seed_noise=noise_floor(list(test.values())),
        predicted=_predicted(results, [r.gain for r in results]),
        predicted_forgetting=_predicted(results, [r.forgetting for r in results]),
    )


def _together(rates: Mapping[str, Rates], others: Sequence[str]) -> Rates:
    return np.concatenate([rates[name] for name in others], axis=1)


def _rate(rates: Rates) -> Rate:
    return Rate(
        rate=float(rates.mean()),
        examples=rates.shape[1],
        by_seed=tuple(float(each) for each in rates.mean(axis=1)),
    )


def _result(
    name: str,
    facts: Facts,
    cells: Sequence[Cell],
    rates: Mapping[str, Rates],
    base: Mapping[str, Rates],
    others: Sequence[str],
    drift: float | None,
) -> DatasetResult:
    lost = None
    if others:
        lost = float(_together(rates, others).mean() - _together(base, others).mean())
    return DatasetResult(
        name=name,
        facts=facts,
        learning_rate=cells[0].learning_rate,
        cells=tuple(cells),
        test=_rate(rates["test"]),
        others={other: _rate(rates[other]) for other in others},
        gain=float(rates["test"].mean() - base["test"].mean()),
        forgetting=lost,
        drift=drift,
    )


def _drift(subjects: Sequence[str], drifts: Sequence[Drift]) -> float | None:
    """Return the mean over cells of the KL per token; None where a cell has none."""
    means: list[float] = []
    for subject in subjects:
        mine = [row for row in drifts if row.subject_id == subject]
        if not mine:
            return None
        means.append(sum(row.kl_base_tuned for row in mine) / sum(row.tokens for row in mine))
    return float(np.mean(means))


def _predicted(
    results: Sequence[DatasetResult], outcomes: Sequence[float | None]
) -> dict[str, Correlation]:
    """Return how each measure's order of the datasets agrees with that of an outcome."""
    found: dict[str, Correlation] = {}
    for name in (*MEASURES, "drift"):
        pairs = [
            (value, outcome)
            for result, outcome in zip(results, outcomes, strict=True)
            if outcome is not None and (value := _measured(result, name)) is not None
        ]
        if pairs:
            found[name] = rank_correlation([m for m, _ in pairs], [each for _, each in pairs])
    return found


def _measured(result: DatasetResult, name: str) -> float | None:
    return result.drift if name == "drift" else result.facts.measures.get(name)
