"""How much a study trains and answers, before anything is loaded."""

from dataclasses import dataclass

from idiolect.config import Config, StudySplit
from idiolect.data.outline import outline
from idiolect.statistics import minimum_detectable_effect
from idiolect.training import resolve, steps_of

__all__ = ["PlannedTraining", "planned_training"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTraining:
    """The target's own work in a study. It costs time, and no money here."""

    cells: int
    """Adapters that are trained: datasets x seeds x learning rates."""

    rows: int
    """Of each, at most: prompts that not all datasets have are left out, and with
    `study.overlap: drop` those that held-out prompts stand in."""

    steps: int
    """Optimizer steps of each, for so many rows."""

    validation_answers: int
    """To choose checkpoints and learning rates by."""

    test_answers: int
    """Of the base model and of the adapters that were taken."""

    test_examples: int
    """Of the trained task."""

    detectable: float | None
    """Difference of two datasets' rates on the trained task that one comparison finds with 80 %
    probability, where they differ on a quarter of the test examples and seeds do not differ. What
    the study reports in the end knows both. None where no test split is named."""


def planned_training(config: Config, examples: int) -> tuple[PlannedTraining, list[str]]:
    """Return what a study would do, and which data were stood in for.

    Args:
        config: With `study.datasets`.
        examples: Prompts to train on.

    Raises:
        DataError: the data of a split cannot be read, and how much it is is not known.
    """
    study, recipe = config.study, resolve(config.training)
    missing: list[str] = []

    def count(split: StudySplit | None) -> int:
        if split is None:
            return 0
        found = outline(split.data)
        missing.extend([found.missing] if found.missing else [])
        return len(found.dataset.examples)

    rows = min(examples, study.examples or examples)
    examples_of_test = count(study.test)
    tested = examples_of_test + sum(count(split) for split in study.others.values())
    rates = max(1, len(study.learning_rates))
    taken = len(study.datasets) * len(study.seeds)
    is_choice = rates > 1 or study.checkpoints > 1
    validated = count(study.validation) if study.validation else study.validation_examples
    samples = study.evaluation.samples
    planned = PlannedTraining(
        cells=taken * rates,
        rows=rows,
        steps=steps_of(recipe, rows),
        validation_answers=taken * rates * study.checkpoints * validated * samples * is_choice,
        test_answers=(study.base_runs + taken) * tested * samples,
        test_examples=examples_of_test,
        detectable=minimum_detectable_effect(examples_of_test) if examples_of_test else None,
    )
    return planned, missing
