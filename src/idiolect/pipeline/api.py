"""The commands for Python: plain arguments in, a result that can be looked at out."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idiolect.config import Config, DataConfig, OwnConfig, TargetConfig, TeacherConfig
from idiolect.data.read import Dataset
from idiolect.errors import DataError
from idiolect.models.base import Model
from idiolect.pipeline import audit as audit_command
from idiolect.pipeline import build as build_command
from idiolect.pipeline import export as export_command
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.outcome import Outcome
from idiolect.records import Example
from idiolect.runs.progress import ProgressSink, ignore_progress

__all__ = ["Result", "Target", "audit", "build"]

Target = TargetConfig


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run."""

    outcome: Outcome

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.outcome.run

    def table(self) -> list[dict[str, Any]]:
        """Return one row a strategy, as plain data (`pandas.DataFrame` takes it)."""
        return [dataclasses.asdict(row) for row in self.outcome.table]

    def export(self, output: str | Path, *, to: str = "trl") -> int:
        """Write the chosen responses in a trainer's form; return how many there are.

        The config of the trainer is written beside them.
        """
        return export_command.export(self.path, output, to=to).rows


def audit(
    examples: Sequence[Example],
    *,
    target: Target,
    strategies: Sequence[str] = (),
    verifier: str | None = None,
    measures: Sequence[str] = (),
    output_dir: str | Path,
    fresh: bool = False,
    retry_failed: bool = False,
    confirm_run_unsafe_code: bool = False,
    report: ProgressSink = ignore_progress,
) -> Result:
    """Score every response of the examples under the target and say which are foreign.

    Args:
        examples: From `read`, or made by hand.
        target: The model to be fine-tuned.
        strategies: Default: `reference` and every existing response.
        verifier: Default: by what the examples hold.
        measures: Familiarity measures by name. Default: perplexity, bits-per-byte, length.
        output_dir: The run directory; a run that is there is resumed.
        fresh: Forget the run that is there.
        retry_failed: Try failed rows of the run that is there again.
        confirm_run_unsafe_code: Let `code` run the programs of responses in a sandbox.
        report: Is told how far the work is.
    """
    config = _config(target, strategies, verifier, measures, output_dir, OwnConfig(), seed=0)
    options = RunOptions(
        fresh=fresh, retry_failed=retry_failed, confirm_run_unsafe_code=confirm_run_unsafe_code
    )
    return Result(
        audit_command.audit(config, dataset=_dataset(examples), options=options, report=report)
    )


def build(
    examples: Sequence[Example],
    *,
    target: Target,
    teacher: str | TeacherConfig | Model | None = None,
    strategies: Sequence[str] = (),
    verifier: str | None = None,
    measures: Sequence[str] = (),
    output_dir: str | Path,
    max_cost: float | None = None,
    own: OwnConfig | None = None,
    seed: int = 0,
    fresh: bool = False,
    retry_failed: bool = False,
    confirm_run_unsafe_code: bool = False,
    report: ProgressSink = ignore_progress,
) -> Result:
    """Make, verify and score candidates; choose the most familiar correct one of each example.

    Args:
        examples: From `read`, or made by hand.
        target: The model to be fine-tuned.
        teacher: A stronger model that may help: its name, its settings, or anything that
            answers.
        strategies: Default: those of the data, and `own`.
        verifier: Default: by what the examples hold.
        measures: Familiarity measures by name. Default: perplexity, bits-per-byte, length.
        output_dir: The run directory; a run that is there is resumed.
        max_cost: Hard cap on what the run pays, in US dollars.
        own: How the target's own answers are drawn. Default: one, greedy.
        seed: Decides every draw.
        fresh: Forget the run that is there.
        retry_failed: Try failed rows of the run that is there again.
        confirm_run_unsafe_code: Let `code` run the programs of responses in a sandbox.
        report: Is told how far the work is.
    """
    config = _config(
        target, strategies, verifier, measures, output_dir, own or OwnConfig(), seed=seed
    )
    model: Model | None = None
    if isinstance(teacher, str | TeacherConfig):
        named = TeacherConfig(teacher) if isinstance(teacher, str) else teacher
        config = dataclasses.replace(config, teacher=named)
    else:
        model = teacher
    config = dataclasses.replace(config, max_cost=max_cost)
    options = RunOptions(
        fresh=fresh,
        retry_failed=retry_failed,
        confirm_run_unsafe_code=confirm_run_unsafe_code,
        teacher=model,
    )
    return Result(
        build_command.build(config, dataset=_dataset(examples), options=options, report=report)
    )


def _config(
    target: Target,
    strategies: Sequence[str],
    verifier: str | None,
    measures: Sequence[str],
    output_dir: str | Path,
    own: OwnConfig,
    *,
    seed: int,
) -> Config:
    return Config(
        data=DataConfig(path="examples"),
        target=target,
        strategies=tuple(strategies),
        own=own,
        verifier=verifier,
        measures=tuple(measures) or Config().measures,
        seed=seed,
        output_dir=str(output_dir),
    )


def _dataset(examples: Sequence[Example]) -> Dataset:
    seen: set[str] = set()
    for index, example in enumerate(examples):
        if example.id in seen:
            raise DataError(
                f"examples[{index}]: field 'id': found {example.id!r}, which an earlier example "
                "has; give each example an id of its own"
            )
        seen.add(example.id)
    return Dataset(
        source="examples",
        examples=tuple(examples),
        problems=(),
        layout="examples",
        mapping=(f"{len(examples)} examples from Python",),
    )
