"""`build`: the most familiar correct response for every example, and the training file."""

from idiolect.config import Config
from idiolect.data.read import Dataset, read_dataset
from idiolect.pipeline.export import export_run
from idiolect.pipeline.inputs import default_strategies, open_job
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.outcome import Outcome, outcome
from idiolect.pipeline.steps import choose_step, run_steps
from idiolect.runs.progress import ProgressSink, ignore_progress

__all__ = ["build"]


def build(
    config: Config,
    *,
    dataset: Dataset | None = None,
    options: RunOptions | None = None,
    report: ProgressSink = ignore_progress,
) -> Outcome:
    """Make candidates, check and score them, choose one for each example, write the data.

    Strategies default to those of the data (`reference` and its response columns) and `own`.
    The training file is `train.jsonl` in the run directory, in TRL's form; `train.yaml` beside it
    trains on it.

    Raises:
        IdiolectError: see `errors`; rows that were done before are kept.
    """
    dataset = dataset or read_dataset(config.data)
    names = config.strategies or (*default_strategies(dataset), "own")
    job = open_job(
        "build",
        config,
        dataset,
        strategies=names,
        # What could be checked is checked, or nobody can tell what is trained on.
        may_skip_checks=False,
        options=options or RunOptions(),
    )
    with job:
        run_steps(job, report)
        choose_step(job)
        job.write_manifest()
        exported = export_run(job.run, job.run.path / "train.jsonl", to="trl")
        return outcome(job, exported=exported.path)
