"""Every strategy makes the candidates that are missing."""

from idiolect.pipeline.inputs import Job
from idiolect.pipeline.steps.clock import Clock
from idiolect.records import Candidate, Failure
from idiolect.runs.progress import ProgressSink
from idiolect.strategies.base import StrategyContext

__all__ = ["propose_step"]


def propose_step(job: Job, report: ProgressSink) -> None:
    """Let every strategy make the candidates that are missing."""
    failed = {f.subject_id for f in job.run.all(Failure) if f.step == "generate"}
    for strategy in job.strategies:
        done = {c.id for c in job.run.all(Candidate) if c.strategy == strategy.name}
        context = StrategyContext(
            target=job.model if strategy.writer == "target" else None,
            own=job.config.own,
            seed=job.config.seed,
            template=job.target.chat.fingerprint,
            done=done | failed,
        )
        if strategy.writer == "dataset":
            # Nothing is computed: all rows land in one transaction.
            job.run.add(*(c for c in strategy.propose(job.examples, context) if _is_new(c, done)))
            continue
        per_example = job.config.own.samples
        clock = Clock(
            report, f"{strategy.name} answers", len(job.examples) * per_example, len(done | failed)
        )
        for result in strategy.propose(job.examples, context):
            job.run.add(result)
            is_failure = isinstance(result, Failure)
            clock.tick(failed=is_failure, tokens=0 if is_failure else result.tokens_out or 0)


def _is_new(result: Candidate | Failure, done: set[str]) -> bool:
    return isinstance(result, Candidate) and result.id not in done
