"""What a study directory adds to a report: gain, forgetting and what predicted them.

`study.json` is written by the study. This module checks the part of it that a report shows.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from idiolect.errors import DataError

__all__ = ["Correlation", "Effect", "StudyFacts", "StudyRow", "load_study"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A paired difference to the base model, in percentage points."""

    value: float
    low: float
    """Lower end of the 95 % interval."""

    high: float
    n: int
    """Pairs."""

    seeds: int
    verdict: Literal["better", "worse", "cannot tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """What training on one dataset did."""

    dataset: str
    gain: Effect
    """On the trained task."""

    forgetting: Effect | None
    """On the other tasks; below 0 something was lost. None where none was measured."""

    drift: float | None
    """KL(base || tuned), nats per token. None where it was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Rank correlation of a measure with the gain over datasets."""

    n: int
    value: float | None
    """None where it is not defined."""

    interval: tuple[float, float] | None
    """95 %; None where there are too few datasets to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """A study, as far as a report shows it."""

    rows: tuple[StudyRow, ...]
    words: tuple[str, ...]
    """The verdicts in sentences, the most important one first."""

    predicted: Mapping[str, Correlation]
    """By measure, as it was before training, and by drift."""

    predicted_forgetting: Mapping[str, Correlation]
    """The same with the change on the other tasks; empty without any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difference:
    mean: float
    low: float
    high: float
    examples: int
    seeds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    first: str
    verdict: Literal["better", "worse", "cannot tell"]
    difference: _Difference

    @property
    def effect(self) -> Effect:
        gap = self.difference
        return Effect(
            value=100 * gap.mean,
            low=100 * gap.low,
            high=100 * gap.high,
            n=gap.examples,
            seeds=gap.seeds,
            verdict=self.verdict,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dataset:
    name: str
    drift: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """The parts of `study.json` that are read; comparisons are with the base model."""

    gains: tuple[_Comparison, ...]
    losses: tuple[_Comparison, ...]
    predicted: Mapping[str, Correlation]
    words: tuple[str, ...]
    predicted_forgetting: Mapping[str, Correlation] = field(default_factory=dict[str, Correlation])
    datasets: tuple[_Dataset, ...] = ()


def load_study(path: Path) -> StudyFacts | None:
    """Return the study that a file describes; None where there is no such file.

    Raises:
        DataError: the file is something else.
    """
    try:
        study = TypeAdapter(_File).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except ValueError as error:
        detail = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise DataError(
            f"{path}: is no result of a study ({detail}); run `idiolect study` again, or move "
            "the file away"
        ) from None
    drifts = {each.name: each.drift for each in study.datasets}
    lost = {each.first: each.effect for each in study.losses}
    return StudyFacts(
        rows=tuple(
            StudyRow(
                dataset=each.first,
                gain=each.effect,
                forgetting=lost.get(each.first),
                drift=drifts.get(each.first),
            )
            for each in study.gains
        ),
        words=study.words,
        predicted=study.predicted,
        predicted_forgetting=study.predicted_forgetting,
    )
