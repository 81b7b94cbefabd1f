"""`audit`: is the data foreign to the target?"""

from idiolect.config import Config
from idiolect.data.read import Dataset, read_dataset
from idiolect.pipeline.inputs import default_strategies, open_job
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.outcome import Outcome, outcome
from idiolect.pipeline.steps import run_steps
from idiolect.runs.progress import ProgressSink, ignore_progress

__all__ = ["audit"]


def audit(
    config: Config,
    *,
    dataset: Dataset | None = None,
    options: RunOptions | None = None,
    report: ProgressSink = ignore_progress,
) -> Outcome:
    """Score every response of the data under the target and say which are foreign.

    Strategies default to `reference` and every response column of the data, which is read
    from `config.data` where no `dataset` is given.

    Raises:
        IdiolectError: see `errors`; rows that were done before are kept.
    """
    dataset = dataset or read_dataset(config.data)
    names = config.strategies or default_strategies(dataset)
    job = open_job("audit", config, dataset, strategies=names, options=options or RunOptions())
    with job:
        run_steps(job, report)
        job.write_manifest()
        return outcome(job)
