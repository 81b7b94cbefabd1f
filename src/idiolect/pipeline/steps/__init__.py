"""The steps that commands are made of. Each does what is missing in the run, row by row."""

from idiolect.pipeline.job import Job
from idiolect.pipeline.steps.choose import choose_step
from idiolect.pipeline.steps.propose import propose_step
from idiolect.pipeline.steps.score import score_step
from idiolect.pipeline.steps.verify import verify_step
from idiolect.records import Failure, Verdict
from idiolect.runs.progress import ProgressSink

__all__ = ["choose_step", "propose_step", "retry", "run_steps", "score_step", "verify_step"]


def run_steps(job: Job, report: ProgressSink) -> None:
    """Make, check and score what is missing in the run."""
    if job.options.retry_failed:
        retry(job)
    propose_step(job, report)
    verify_step(job, report)
    score_step(job, report)


def retry(job: Job) -> None:
    """Forget the failures that may succeed on another try, and checks that failed themselves."""
    job.run.delete(Failure, retryable=1)
    job.run.delete(Verdict, status="error")
