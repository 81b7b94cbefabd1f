"""Candidates without a verdict are checked."""

from idiolect.pipeline.job import Job
from idiolect.pipeline.steps.clock import Clock
from idiolect.records import Candidate, Verdict
from idiolect.runs.progress import ProgressSink

__all__ = ["verify_step"]

_VERIFY_BATCH = 64


def verify_step(job: Job, report: ProgressSink) -> None:
    """Check the candidates that have no verdict yet."""
    verifier, chat = job.verifier, job.target.chat
    if verifier is None:
        return
    examples = {example.id: example for example in job.examples}
    done = {v.candidate_id for v in job.run.all(Verdict) if v.verifier == verifier.name}
    candidates = job.run.all(Candidate)
    todo = [c for c in candidates if c.id not in done]
    clock = Clock(report, "verify", len(candidates), len(done), job.money)
    for start in range(0, len(todo), _VERIFY_BATCH):
        batch = todo[start : start + _VERIFY_BATCH]
        findings = verifier.check(
            [(examples[c.example_id], chat.response_text(c.text)) for c in batch]
        )
        job.run.add(
            *(
                Verdict(
                    candidate_id=candidate.id,
                    verifier=verifier.name,
                    status=finding.status,
                    extracted=finding.extracted,
                    rule=finding.rule,
                    detail=finding.detail,
                )
                for candidate, finding in zip(batch, findings, strict=True)
                if not finding.skipped
            )
        )
        clock.tick(len(batch))
