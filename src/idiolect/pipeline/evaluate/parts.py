"""The parts of an evaluation: answers to a task, drift on it, public suites.

Each does what is missing in the run, and makes its rows of the tables from what is there.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from idiolect.config import Config
from idiolect.data.read import Dataset
from idiolect.evaluation.accuracy import accuracy, evaluate
from idiolect.models.base import Sampling
from idiolect.pipeline.evaluate.outcome import DriftRow, SuiteRow, TaskRow
from idiolect.records import Answer, Drift
from idiolect.runs.manifest import write_atomically
from idiolect.runs.progress import ProgressSink
from idiolect.runs.store import Run
from idiolect.statistics import clustered_rate_interval, rate_interval, sample_means
from idiolect.verification import Verifier

__all__ = ["Task", "drifts", "evaluated", "suites"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Test data, and what checks the answers to it."""

    name: str
    dataset: Dataset
    verifier: Verifier


def evaluated(run: Run, config: Config, task: Task, model: Any, report: ProgressSink) -> TaskRow:
    """Let the model answer what it has not, and count the answers."""
    settings = config.evaluation
    rows = evaluate(
        model,
        model.chat,
        task.dataset.examples,
        task.verifier,
        sampling=Sampling(
            temperature=settings.temperature,
            top_p=settings.top_p,
            max_new_tokens=settings.max_new_tokens,
        ),
        samples=settings.samples,
        seed=config.seed,
        done={
            (row.example_id, row.sample_index): row
            for row in run.all(Answer)
            if row.split == task.name
        },
        land=lambda new: run.add(*new),
        report=report,
        subject=model.revision,
        split=task.name,
    )
    counts = accuracy(rows)
    answers = [row for row in rows if row.finish_reason is not None]
    return TaskRow(
        task=task.name,
        verifier=task.verifier.name,
        counts=counts,
        interval=_interval(rows, settings.samples),
        tokens_out=sum(row.tokens_out for row in answers) / max(1, len(answers)),
        cut_off=sum(row.finish_reason == "length" for row in answers),
    )


def _interval(rows: Sequence[Answer], samples: int) -> tuple[float, float] | None:
    judged = [row for row in rows if row.status not in ("unchecked", "error")]
    if not judged:
        return None
    correct = [float(row.status == "correct") for row in judged]
    if samples == 1:
        return rate_interval(int(sum(correct)), len(correct))
    means = sample_means([row.example_id for row in judged], correct)
    return clustered_rate_interval(np.array(list(means.values())), len(judged))


def drifts(
    run: Run, task: Task, base: Any, tuned: Any, max_new_tokens: int, report: ProgressSink
) -> list[DriftRow]:
    """Measure how far the tuned model lies from its base, on answers of the base and references."""
    from idiolect.evaluation.drift import drift, means, own_answers, references

    rows = [row for row in run.all(Drift) if row.split == task.name]
    if not rows:
        examples = task.dataset.examples
        items = own_answers(base, examples, max_new_tokens=max_new_tokens)
        items += references(base, examples)
        rows = drift(base, tuned, items, subject=tuned.revision, split=task.name, report=report)
        run.add(*rows)
    found: list[DriftRow] = []
    for source in ("own", "reference"):
        mine = [row for row in rows if row.source == source]
        if mine:
            mean = dataclasses.asdict(means(mine))
            found.append(DriftRow(task=task.name, source=source, **mean))
    return found


def suites(run: Run, config: Config, model: Any) -> list[SuiteRow]:
    """Run the public suites; their items go into `suites.jsonl`, all at once at the end."""
    if not config.evaluation.suites:
        return []
    noted: list[dict[str, Any]] | None = run.recall("suites")
    if noted is None:
        from idiolect.evaluation.suites import run_suites

        scores = run_suites(
            model, config.evaluation.suites, limit=config.data.limit, seed=config.seed
        )
        items = [dataclasses.asdict(item) for score in scores for item in score.items]
        text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
        write_atomically(run.path / "suites.jsonl", text)
        noted = [
            {
                "suite": f"{score.task} (version {score.version})",
                "metric": f"{score.metric},{score.filter}",
                "value": score.value,
                "stderr": score.stderr,
                "n": score.n,
            }
            for score in scores
        ]
        run.note("suites", noted)
    return [SuiteRow(**row) for row in noted]
