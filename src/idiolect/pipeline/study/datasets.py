"""The datasets of a study: the same prompts for all, one response a prompt."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from idiolect.config import StudyConfig, StudyDataset
from idiolect.errors import ConfigError
from idiolect.familiarity import MEASURES, Measured, edit_distance
from idiolect.pipeline.drawing import drawn
from idiolect.pipeline.job import Job
from idiolect.pipeline.outcome import load_rows
from idiolect.pipeline.steps.choose import contenders_of
from idiolect.pipeline.table import RunRows
from idiolect.records import Candidate, Example
from idiolect.selection import Contender, choose
from idiolect.training import TrainingRow

__all__ = ["Facts", "MadeDataset", "make_datasets", "strategies_of", "takes_correct_only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a dataset is like before it is trained on: familiarity beside its confounds."""

    available: int
    """Prompts that it has a response for."""

    n: int
    """Prompts that all datasets have, which are trained on."""

    correct: int
    checked: int
    tokens: float
    """Mean length of a response."""

    perplexity: float | None
    """Geometric mean."""

    measures: Mapping[str, float]
    """Mean of each measure over the responses that have it."""

    edit_distance_to_own: float | None
    strategies: Mapping[str, int]
    """How many responses each strategy gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeDataset:
    """A dataset as it is trained on."""

    name: str
    candidates: tuple[Candidate, ...]
    rows: tuple[TrainingRow, ...]
    facts: Facts


def strategies_of(datasets: Mapping[str, StudyDataset]) -> list[str]:
    """Return the strategies that the datasets are made of, each once."""
    return list(dict.fromkeys(name for each in datasets.values() for name in each.strategies))


def takes_correct_only(study: StudyConfig, name: str) -> bool:
    """Return whether a dataset leaves out responses that do not verify."""
    said = study.datasets[name].correct_only
    return study.correct_only if said is None else said


def make_datasets(job: Job) -> list[MadeDataset]:
    """Return the datasets of a study, over the prompts that all of them have a response for.

    Raises:
        ConfigError: no prompt has a response in all of them.
    """
    study = job.config.study
    groups = contenders_of(job)
    taken = {
        name: {
            example: found
            for example, group in groups.items()
            if (found := _take(group, name, job)) is not None
        }
        for name in study.datasets
    }
    shared = [e for e in job.examples if all(e.id in found for found in taken.values())]
    if not shared:
        counts = ", ".join(f"{name} {len(found)}" for name, found in taken.items())
        raise ConfigError(
            f"study.datasets: no prompt has a response in all of them ({counts} of "
            f"{len(job.examples)}); drop a dataset, or set its correct_only to false"
        )
    kept = set(drawn((e.id for e in shared), study.examples, "examples", job.config.seed))
    shared = [e for e in shared if e.id in kept]
    rows = load_rows(job.run, job.verifier_name)
    own = {
        c.example_id: c.text for c in rows.candidates if c.strategy == "own" and not c.sample_index
    }
    return [
        _made(name, [found[e.id] for e in shared], shared, rows, own, available=len(found))
        for name, found in taken.items()
    ]


def _take(group: Sequence[Contender], name: str, job: Job) -> Candidate | None:
    """Return the response that a dataset takes for one prompt."""
    study = job.config.study
    correct_only = takes_correct_only(study, name)
    inside = [c for c in group if c.candidate.strategy in study.datasets[name].strategies]
    if not correct_only:
        # Nothing is known about them, so familiarity alone decides.
        inside = [
            Contender(candidate=c.candidate, verdict=None, measurement=c.measurement)
            for c in inside
        ]
    unchecked = job.config.selection.allow_unchecked or not correct_only
    choices = choose(inside, noise=job.scorer.noise, allow_unchecked=unchecked)
    chosen = {choice.candidate_id for choice in choices if choice.chosen}
    return next((c.candidate for c in inside if c.candidate.id in chosen), None)


def _made(
    name: str,
    candidates: Sequence[Candidate],
    examples: Sequence[Example],
    rows: RunRows,
    own: Mapping[str, str],
    *,
    available: int,
) -> MadeDataset:
    return MadeDataset(
        name=name,
        candidates=tuple(candidates),
        rows=tuple(
            TrainingRow(
                messages=example.messages,
                response=candidate.text,
                token_ids=candidate.token_ids,
                complete=candidate.finish_reason != "length",
            )
            for example, candidate in zip(examples, candidates, strict=True)
        ),
        facts=_facts(candidates, rows, own, available),
    )


def _facts(
    candidates: Sequence[Candidate], rows: RunRows, own: Mapping[str, str], available: int
) -> Facts:
    measured = [rows.measurements[c.id] for c in candidates if c.id in rows.measurements]
    verdicts = [rows.verdicts[c.id].status for c in candidates if c.id in rows.verdicts]
    checked = [status for status in verdicts if status not in ("unchecked", "error")]
    edits = [edit_distance(c.text, own[c.example_id]) for c in candidates if c.example_id in own]
    strategies = sorted(c.strategy for c in candidates)
    nlls = [MEASURES["mean-nll"].value(m) for m in measured]
    return Facts(
        available=available,
        n=len(candidates),
        correct=checked.count("correct"),
        checked=len(checked),
        tokens=float(np.mean([m.prompt.tokens for m in measured])) if measured else math.nan,
        perplexity=math.exp(float(np.mean(nlls))) if nlls else None,
        measures=_means(measured),
        edit_distance_to_own=float(np.mean(edits)) if edits else None,
        strategies={name: len(list(group)) for name, group in groupby(strategies)},
    )


def _means(measured: Sequence[Measured]) -> dict[str, float]:
    means: dict[str, float] = {}
    for name, measure in MEASURES.items():
        values = [measure.value(m) for m in measured if measure.is_defined(m)]
        if values:
            means[name] = float(np.mean(values))
    return means
