"""What a study directory adds to a report: gain, forgetting and what predicted them.

`study.json` is written by the study; this module only checks its shape and types it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from idiolect.errors import DataError

__all__ = ["Effect", "Predictor", "StudyFacts", "StudyRow", "load_study"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A paired difference to the base model, in percentage points."""

    value: float
    low: float
    """Lower end of the 95 % interval."""

    high: float
    n: int
    """Pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """What training on one strategy's responses did."""

    strategy: str
    gain: Effect
    """On the trained task."""

    forgetting: Effect | None = None
    """On the other tasks; below 0 something was lost. None where none was measured."""

    seeds: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """How well a measure, taken before training, ordered the gains."""

    measure: str
    correlation: float
    """Spearman's rank correlation with the gain over the strategies."""

    n: int
    """Strategies."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """A study, as far as a report shows it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    rows: tuple[StudyRow, ...]
    words: tuple[str, ...] = ()
    """The verdict in sentences, the most important one first."""

    predictors: tuple[Predictor, ...] = ()


def load_study(path: Path) -> StudyFacts | None:
    """Return the study that a file describes; None where there is no such file.

    Raises:
        DataError: the file is something else.
    """
    try:
        tree: Any = json.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(StudyFacts).validate_python(tree)
    except FileNotFoundError:
        return None
    except (ValidationError, ValueError) as error:
        detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise DataError(
            f"{path}: is no result of a study ({detail}); run `idiolect study` again, or move "
            "the file away"
        ) from None
