"""What an evaluation found, for the screen and for programs."""

from dataclasses import dataclass
from pathlib import Path

from idiolect.evaluation.accuracy import Accuracy

__all__ = ["DriftRow", "EvaluationOutcome", "SuiteRow", "TaskRow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """What came out on one task."""

    task: str
    verifier: str
    counts: Accuracy
    interval: tuple[float, float] | None
    """95 % Wilson interval of the rate, clustered by example where there are several samples;
    None where nothing was judged."""

    tokens_out: float
    """Mean over the answers."""

    cut_off: int
    """Answers that reached the token limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """Drift on one task and kind of response, in nats per token; see `evaluation.drift`."""

    task: str
    source: str
    responses: int
    tokens: int
    kl_base_tuned: float
    kl_tuned_base: float
    base_nll: float
    tuned_nll: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRow:
    """One metric of a public suite."""

    suite: str
    metric: str
    value: float
    stderr: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationOutcome:
    """What an evaluation found, for the screen and for programs."""

    run: Path
    model: str
    revision: str
    tasks: tuple[TaskRow, ...]
    drifts: tuple[DriftRow, ...]
    suites: tuple[SuiteRow, ...]
