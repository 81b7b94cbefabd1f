"""The cells of a study: every dataset with every learning rate and every seed.

Training and answering run in processes of their own; this process alone writes rows. A cell's
rows land together when it is done, so a study that is killed goes on with the cells that are not.
"""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from idiolect.config import StudyConfig, TargetConfig, TrainingConfig
from idiolect.models.base import Sampling
from idiolect.pipeline.study.choice import best_on_validation
from idiolect.pipeline.study.datasets import MadeDataset
from idiolect.pipeline.study.splits import Split
from idiolect.records import Answer, Cell, Example, content_id
from idiolect.training import TrainingRow, resolve, steps_of
from idiolect.verification.judge import Ask

__all__ = [
    "Asked",
    "Plan",
    "Questions",
    "Trained",
    "answer",
    "correct_share",
    "plan_cells",
    "train_cell",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What is asked, and how."""

    splits: tuple[Split, ...]
    sampling: Sampling
    samples: int
    seed: int
    confirm_run_unsafe_code: bool
    judge: Ask | None = None
    """What the verifier of that name asks. It lives in one process only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A cell that is to be trained, with all that a process needs for it."""

    dataset: str
    seed: int
    target: TargetConfig
    training: TrainingConfig
    learning_rate: float
    rows: tuple[TrainingRow, ...]
    output: Path
    validation: Questions | None
    """What checkpoints are chosen by, and what learning rates are; None where there is one."""

    @property
    def id(self) -> str:
        """Depends on the dataset's rows and on how they are trained on."""
        return content_id(
            self.dataset,
            self.seed,
            dataclasses.asdict(self.training),
            [[row.response, row.token_ids, row.complete] for row in self.rows],
            [[(m.role, m.content) for m in row.messages] for row in self.rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who is asked what."""

    subject: str
    target: TargetConfig
    questions: Questions


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A cell with the answers to the validation split that it was taken for."""

    cell: Cell
    validation: tuple[Answer, ...]


def train_cell(plan: Plan) -> Trained:
    """Train one cell and take one of its checkpoints.

    Runs in a process of its own. A training that was killed goes on.

    Raises:
        BackendError: the adapter changes nothing, so that the base model would be evaluated.
        ConfigError: what the checkpoint would be chosen by is no validation split.
    """
    from idiolect.training.train import train

    if plan.validation is not None:
        for split in plan.validation.splits:
            split.need("validation")
    began = time.monotonic()
    result = train(plan.target, plan.rows, plan.training, plan.output, seed=plan.seed)
    _require_change(plan, result.adapter)
    adapter, rate, answers = _taken(plan, [*result.checkpoints, result.adapter])
    cell = Cell(
        id=plan.id,
        dataset=plan.dataset,
        learning_rate=plan.learning_rate,
        seed=plan.seed,
        rows=len(plan.rows),
        steps=result.steps,
        first_loss=result.first_loss,
        last_loss=result.losses[-1],
        seconds=time.monotonic() - began,
        adapter=str(adapter.relative_to(plan.output.parent.parent)),
        validation_rate=rate,
    )
    return Trained(cell=cell, validation=tuple(answers))


def _require_change(plan: Plan, adapter: Path) -> None:
    """Stop where a whole training changed nothing. An early checkpoint may: it is the base."""
    from idiolect.evaluation.change import load_changed

    prompts = [Example(id=str(n), messages=row.messages) for n, row in enumerate(plan.rows)]
    load_changed(dataclasses.replace(plan.target, adapter=str(adapter)), prompts)


def _taken(plan: Plan, adapters: Sequence[Path]) -> tuple[Path, float | None, list[Answer]]:
    """Return the adapter that answers the validation split best, its rate and its answers."""
    if plan.validation is None:
        return adapters[-1], None, []
    answers = {
        adapter: answer(
            Asked(
                subject=plan.id,
                target=dataclasses.replace(plan.target, adapter=str(adapter)),
                questions=plan.validation,
            )
        )
        for adapter in dict.fromkeys(adapters)
    }
    rates = {adapter: [correct_share(rows)] for adapter, rows in answers.items()}
    taken = best_on_validation(rates, split=plan.validation.splits[0], what="checkpoints")
    return taken, rates[taken][0], answers[taken]


def correct_share(answers: Sequence[Answer]) -> float:
    """Return the share of correct answers among those that could be checked."""
    checked = [a for a in answers if a.status != "error"]
    return sum(a.status == "correct" for a in checked) / len(checked) if checked else 0.0


def answer(asked: Asked) -> list[Answer]:
    """Let a model answer the splits. Runs in a process of its own."""
    from idiolect.evaluation.accuracy import evaluate
    from idiolect.models.local import load_local_model

    target = load_local_model(asked.target)
    questions = asked.questions
    return [
        row
        for split in questions.splits
        for row in evaluate(
            target,
            target.chat,
            split.examples,
            split.open_verifier(
                confirm_run_unsafe_code=questions.confirm_run_unsafe_code, judge=questions.judge
            ),
            sampling=questions.sampling,
            samples=questions.samples,
            seed=questions.seed,
            subject=asked.subject,
            split=split.name,
        )
    ]


def plan_cells(
    datasets: Sequence[MadeDataset],
    study: StudyConfig,
    *,
    target: TargetConfig,
    training: TrainingConfig,
    folder: Path,
    validation: Questions | None,
) -> list[Plan]:
    """Return the cells of a study, the first seed of every dataset first."""
    recipe = resolve(training)
    steps = steps_of(recipe, len(datasets[0].rows))
    if study.checkpoints > 1:
        every = -(-steps // study.checkpoints)
        training = dataclasses.replace(training, checkpoint_steps=every, keep_checkpoints=0)
    rates = study.learning_rates or (recipe.learning_rate,)
    is_choice = len(rates) > 1 or study.checkpoints > 1
    return [
        Plan(
            dataset=made.name,
            seed=seed,
            target=target,
            training=dataclasses.replace(training, learning_rate=rate),
            learning_rate=rate,
            rows=made.rows,
            output=folder / f"{made.name}-{rate:g}-{seed}",
            validation=validation if is_choice else None,
        )
        for seed in study.seeds
        for rate in rates
        for made in datasets
    ]
