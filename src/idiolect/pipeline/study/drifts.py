"""How far each adapter of a study has drifted from its base on prompts of the trained task.

Measured on the base model's own greedy answers; see `evaluation.drift`. Nothing is chosen by it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idiolect.config import TargetConfig
from idiolect.pipeline.drawing import drawn
from idiolect.pipeline.job import Job
from idiolect.pipeline.steps.clock import Clock
from idiolect.pipeline.study.splits import Split
from idiolect.pipeline.study.workers import Workers
from idiolect.records import Cell, Drift, Example
from idiolect.runs.progress import ProgressSink

if TYPE_CHECKING:  # it loads torch
    from idiolect.evaluation.drift import DriftItem

__all__ = ["BaseQuestions", "DriftPiece", "base_answers", "drift_of", "measure_drifts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseQuestions:
    """What the base model is asked."""

    target: TargetConfig
    examples: tuple[Example, ...]
    max_new_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPiece:
    """An adapter, and the base model's answers that it is compared with it on."""

    subject: str
    target: TargetConfig
    split: str
    items: tuple["DriftItem", ...]


def base_answers(questions: BaseQuestions) -> list["DriftItem"]:
    """Let the base model answer. Runs in a process of its own."""
    from idiolect.evaluation.drift import own_answers
    from idiolect.models.local import load_local_model

    base = load_local_model(questions.target)
    return own_answers(base, questions.examples, max_new_tokens=questions.max_new_tokens)


def drift_of(piece: DriftPiece) -> list[Drift]:
    """Compare an adapter with its base. Runs in a process of its own."""
    from idiolect.evaluation.drift import drift
    from idiolect.models.local import load_local_model

    base = load_local_model(dataclasses.replace(piece.target, adapter=None))
    tuned = load_local_model(piece.target)
    return drift(base, tuned, piece.items, subject=piece.subject, split=piece.split)


def measure_drifts(
    job: Job,
    taken: Mapping[str, Sequence[Cell]],
    test: Split,
    pool: Workers,
    report: ProgressSink,
) -> None:
    """Measure what is missing. The rows of an adapter land together."""
    config = job.config
    if not config.study.drift_examples:
        return
    ids = drawn((e.id for e in test.examples), config.study.drift_examples, "drift", config.seed)
    done: dict[str, set[str]] = {}
    for row in job.run.all(Drift):
        done.setdefault(row.subject_id, set()).add(row.example_id)
    cells = [cell for group in taken.values() for cell in group]
    before = job.run.recall("drift", {})
    wanted = before["answered"] if before.get("asked") == ids else ids
    todo = [cell for cell in cells if not done.get(cell.id, set()).issuperset(wanted)]
    clock = Clock(report, "drift", len(cells), len(cells) - len(todo))
    if not todo:
        return
    questions = BaseQuestions(
        target=config.target,
        examples=tuple(e for e in test.examples if e.id in set(ids)),
        max_new_tokens=config.study.evaluation.max_new_tokens,
    )
    (items,) = pool.run(base_answers, [questions])
    job.run.note("drift", {"asked": ids, "answered": [item.example_id for item in items]})
    if not items:
        return
    pieces = [
        DriftPiece(
            subject=cell.id,
            target=dataclasses.replace(
                config.target, adapter=str(job.run.path.resolve() / cell.adapter)
            ),
            split=test.name,
            items=tuple(items),
        )
        for cell in todo
    ]
    for rows in pool.run(drift_of, pieces):
        job.run.add(*rows)
        clock.tick(tokens=sum(row.tokens for row in rows))
