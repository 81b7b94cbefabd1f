"""One adapter for each dataset and seed: same prompts, same order, same steps. Resumable."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from idiolect.config import TargetConfig, TrainingConfig
from idiolect.runs.progress import ProgressSink
from idiolect.training.train import TrainingResult, train
from studies.smollm2.forgetting.responses import Responses

__all__ = ["Cell", "recipe", "train_cells"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One trained adapter."""

    dataset: str
    seed: int
    result: TrainingResult

    @property
    def name(self) -> str:
        """`own-1`."""
        return f"{self.dataset}-{self.seed}"


def recipe(steps: int) -> TrainingConfig:
    """Return idiolect's default, but for fewer steps of smaller batches, to end on two cores.

    Rows go through the model one at a time, which computes no padding; gradients add up.
    """
    return TrainingConfig(max_steps=steps, batch_size=8, rows_at_once=1, checkpoint_steps=5)


def train_cells(
    target: str,
    datasets: Sequence[Responses],
    runs: Path,
    *,
    seeds: Sequence[int],
    steps: int,
    report: ProgressSink,
) -> Iterator[Cell]:
    """Train what is missing, all datasets of a seed before the next seed.

    The seed decides an adapter's first values and the order of the rows, so that the datasets of
    one seed differ in their responses alone.
    """
    for seed in seeds:
        for dataset in datasets:
            result = train(
                TargetConfig(target),
                dataset.rows,
                recipe(steps),
                runs / f"{dataset.name}-{seed}",
                seed=seed,
                report=report,
            )
            yield Cell(dataset=dataset.name, seed=seed, result=result)
