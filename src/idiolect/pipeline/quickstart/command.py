"""`quickstart`: a whole study of the lab's model.

The target is embedded, the problems are drawn, and the teacher answers over HTTP from this very
process, so that nothing is downloaded and nothing is paid.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from idiolect.config import (
    Config,
    DataConfig,
    OwnConfig,
    StudyConfig,
    StudyDataset,
    StudyEvaluation,
    StudySplit,
    TargetConfig,
    TeacherConfig,
    TrainingConfig,
)
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.quickstart.problems import DEFAULT_SIZES, OTHERS, Sizes, write_problems
from idiolect.pipeline.quickstart.teacher import TEACHER, teacher_over_http
from idiolect.pipeline.quickstart.words import sentences
from idiolect.pipeline.study import Study, study
from idiolect.runs.progress import ProgressSink, ignore_progress
from idiolect.runs.store import claim_directory

__all__ = ["DATASETS", "Quickstart", "quickstart"]

_TARGET = "lab:amber"
_MOST_JOBS = 2

DATASETS = {
    "own": StudyDataset(strategies=("own",), correct_only=False),
    "minimal-change": StudyDataset(strategies=("minimal-change",)),
    "reference": StudyDataset(strategies=("reference",)),
    "birch": StudyDataset(strategies=("column:birch",)),
}
"""Own answers, mistakes and all; own answers put right; the textbook's; another model's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quickstart:
    """A finished quickstart."""

    study: Study
    words: tuple[str, ...]
    """What came of each dataset and the verdict, one sentence or two each."""


def quickstart(
    output_dir: Path,
    *,
    seed: int = 0,
    fresh: bool = False,
    sizes: Sizes = DEFAULT_SIZES,
    report: ProgressSink = ignore_progress,
) -> Quickstart:
    """Draw problems, make four datasets of them, train on each, and compare.

    A quickstart that was stopped goes on where it was.

    Args:
        output_dir: Directory of the run; the problems are written into it, too.
        seed: Decides problems and trainings.
        fresh: Forget an earlier run there.
        sizes: How much is trained and tested.
        report: Is told how far the work is.

    Raises:
        RunError: the directory holds something else.
        MissingExtra: what loads or trains a model is not installed.
    """
    claim_directory(output_dir)
    folder = output_dir / "problems"
    write_problems(folder, sizes, seed=seed, fresh=fresh)
    with teacher_over_http() as teacher:
        done = study(
            _config(output_dir, folder, sizes, seed),
            options=RunOptions(fresh=fresh, teacher=teacher),
            # A process takes some seconds to start, which one training does not pay back.
            jobs=min(_MOST_JOBS, os.cpu_count() or 1) if sizes.trainings > 1 else 1,
            report=report,
        )
    return Quickstart(study=done, words=tuple(sentences(done.found)))


def _config(output_dir: Path, folder: Path, sizes: Sizes, seed: int) -> Config:
    """Return the study; rank, learning rate and batch are those of the lab's own (studies/lab)."""

    def data(name: str) -> DataConfig:
        return DataConfig(path=str(folder / f"{name}.jsonl"))

    return Config(
        data=data("train"),
        target=TargetConfig(_TARGET),
        teacher=TeacherConfig(TEACHER),
        own=OwnConfig(max_new_tokens=sizes.max_new_tokens),
        training=TrainingConfig(
            rank=16,
            alpha=32,
            learning_rate=2e-3,
            schedule="linear",
            warmup_share=0.0,
            epochs=sizes.epochs,
            batch_size=10,
            checkpoint_steps=0,
        ),
        study=StudyConfig(
            datasets=DATASETS,
            seeds=tuple(range(seed, seed + sizes.trainings)),
            test=StudySplit(data=data("test")),
            others={name: StudySplit(data=data(name)) for name in OTHERS},
            evaluation=StudyEvaluation(max_new_tokens=sizes.max_new_tokens),
            base_runs=1,
            drift_examples=0,
        ),
        seed=seed,
        output_dir=str(output_dir),
    )
