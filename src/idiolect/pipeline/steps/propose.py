"""Every strategy makes the candidates that are missing."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence

from idiolect.pipeline.job import Job
from idiolect.pipeline.spending import paid_by_candidate
from idiolect.pipeline.steps.clock import Clock
from idiolect.pipeline.steps.verify import verify_step
from idiolect.pipeline.teaching import config_for
from idiolect.records import Candidate, Example, Failure, Spend, Verdict
from idiolect.runs.progress import ProgressSink
from idiolect.strategies.base import Strategy, StrategyContext
from idiolect.verification.base import Finding

__all__ = ["propose_step"]


def propose_step(job: Job, report: ProgressSink) -> None:
    """Let every strategy make the candidates that are missing.

    Strategies that build upon own answers come last, and find them verified.
    """
    verified = False
    for strategy in job.strategies:
        if strategy.needs and not verified:
            verify_step(job, report)
            verified = True
        _propose(job, strategy, report)


def _propose(job: Job, strategy: Strategy, report: ProgressSink) -> None:
    made = [c for c in job.run.all(Candidate) if c.strategy == strategy.name]
    failed = [
        f for f in job.run.all(Failure) if f.step == "generate" and f.strategy == strategy.name
    ]
    done = {c.id for c in made} | {f.subject_id for f in failed}
    results = strategy.propose(job.examples, _context(job, strategy, done))
    if strategy.writer == "dataset":
        # Nothing is computed: all rows land in one transaction.
        job.run.add(*results)
        return
    per_example = job.config.own.samples if strategy.name == "own" else 1
    total = len(job.examples) * per_example
    clock = Clock(report, f"{strategy.name} answers", total, len(done), job.money)
    for place, result in enumerate(results):
        if not place and "target" in strategy.asks:
            job.note_generation()
        job.run.add(result)
        if result.strategy == strategy.name:
            is_failure = isinstance(result, Failure)
            clock.tick(failed=is_failure, tokens=0 if is_failure else result.tokens_out or 0)


def _context(job: Job, strategy: Strategy, done: set[str]) -> StrategyContext:
    own: dict[str, list[Candidate]] = defaultdict(list)
    candidates = [c for c in job.run.all(Candidate) if c.strategy == "own"]
    for candidate in sorted(candidates, key=lambda c: c.sample_index):
        own[candidate.example_id].append(candidate)
    return StrategyContext(
        target=None if job.config.target.server else job.model,
        teacher=job.teachers.get(strategy.teacher),
        config=config_for(strategy, job.config),
        seed=job.config.seed,
        template=job.target.chat.fingerprint,
        done=done,
        own_answers=own,
        own_may_come={
            f.example_id
            for f in job.run.all(Failure)
            if (f.strategy, f.step) == ("own", "generate") and f.retryable
        },
        statuses={
            v.candidate_id: v.status
            for v in job.run.all(Verdict)
            if v.verifier == job.verifier_name
        },
        examples={example.id: example for example in job.examples},
        check=_checker(job),
        wording=job.wording,
        paid=paid_by_candidate(job.run.all(Spend)),
        book=_booker(job),
    )


def _checker(job: Job) -> Callable[[Sequence[tuple[Example, str]]], list[Finding]] | None:
    verifier, chat = job.verifier, job.target.chat
    if verifier is None:
        return None
    return lambda pairs: verifier.check([(e, chat.response_text(text)) for e, text in pairs])


def _booker(job: Job) -> Callable[[Spend], None]:
    """Return what lands a request in the run, counted behind the earlier tries at a candidate."""
    before: dict[str, int] = {}
    for spend in job.run.all(Spend):
        before[spend.subject_id] = max(spend.attempt, before.get(spend.subject_id, 0))

    def book(spend: Spend) -> None:
        attempt = before.get(spend.subject_id, 0) + 1
        job.run.add(dataclasses.replace(spend, attempt=attempt))

    return book
