"""Candidates without a measurement are scored under the target."""

from collections.abc import Sequence
from dataclasses import dataclass

from idiolect.errors import TemplateError
from idiolect.familiarity import MEASURES
from idiolect.pipeline.inputs import Job
from idiolect.pipeline.steps.clock import Clock
from idiolect.records import Candidate, Context, Example, Failure, Measurement
from idiolect.runs.progress import ProgressSink
from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest

__all__ = ["score_step"]


def score_step(job: Job, report: ProgressSink) -> None:
    """Score the candidates that have no measurement yet."""
    examples = {example.id: example for example in job.examples}
    contexts = {context for name in job.config.measures for context in MEASURES[name].needs}
    _score_context(job, examples, "prompt", report)
    if "none" in contexts:
        _score_context(job, examples, "none", report)


@dataclass(frozen=True, slots=True)
class _Work:
    """A candidate with what is to be scored of it."""

    candidate: Candidate
    request: ScoreRequest
    bytes: int


def _score_context(
    job: Job, examples: dict[str, Example], context: Context, report: ProgressSink
) -> None:
    """Score all candidates behind their prompts, or behind nothing."""
    work: list[_Work] = []
    for candidate in _in_order(job.run.all(Candidate), job.examples):
        try:
            work.append(_work(job, examples[candidate.example_id], candidate, context))
        except TemplateError as error:
            job.run.add(_failure(candidate, str(error)))
    done = {m.candidate_id for m in job.run.all(Measurement) if m.context == context}
    done |= {f.subject_id for f in job.run.all(Failure) if f.step == "score"}
    name = "score" if context == "prompt" else "score without prompt"
    clock = Clock(report, name, len(work), sum(w.candidate.id in done for w in work))
    # Batches are made from all the work, done or not, so that a resumed run computes every
    # number beside the same others as an undisturbed one.
    for indices in job.scorer.batches([w.request for w in work]):
        batch = [work[index] for index in indices]
        if all(w.candidate.id in done for w in batch):
            continue
        results = job.scorer.score([w.request for w in batch])
        job.run.add(
            *(
                _measured(w, result, context, job.scorer.path)
                for w, result in zip(batch, results, strict=True)
            )
        )
        clock.tick(
            sum(w.candidate.id not in done for w in batch),
            failed=sum(isinstance(r, ScoreFailure) for r in results),
            tokens=sum(len(w.request.target_ids) for w in batch),
        )


def _work(job: Job, example: Example, candidate: Candidate, context: Context) -> _Work:
    chat = job.target.chat
    text = chat.response_text(candidate.text)
    rendered = chat.render(
        example.messages, candidate.text, complete=candidate.finish_reason != "length"
    )
    # Ids that the target generated are scored as they are; its text could tokenise otherwise.
    response_ids = candidate.token_ids if text == candidate.text else None
    return _Work(
        candidate,
        ScoreRequest(
            prompt_ids=rendered.prompt_ids if context == "prompt" else chat.unconditional_ids(),
            response_ids=(response_ids or rendered.response_ids) if text.strip() else (),
            terminator_id=rendered.terminator_id,
        ),
        len(text.encode("utf-8")),
    )


def _measured(
    work: _Work, result: Score | ScoreFailure, context: Context, path: str
) -> Measurement | Failure:
    candidate = work.candidate
    if isinstance(result, ScoreFailure):
        return _failure(candidate, result.reason, retryable=result.retryable)
    return Measurement(
        candidate_id=candidate.id,
        context=context,
        nll=result.nll,
        tokens=result.tokens,
        bytes=work.bytes,
        rank_sum=result.rank_sum,
        terminator_nll=result.terminator_nll,
        path=path,
    )


def _failure(candidate: Candidate, reason: str, *, retryable: bool = False) -> Failure:
    return Failure(
        subject_id=candidate.id,
        example_id=candidate.example_id,
        step="score",
        strategy=candidate.strategy,
        reason=f"{candidate.example_id}: response {candidate.strategy!r}: {reason}",
        retryable=retryable,
    )


def _in_order(candidates: Sequence[Candidate], examples: Sequence[Example]) -> list[Candidate]:
    """Order candidates by example, so that those of one prompt stand together."""
    place = {example.id: index for index, example in enumerate(examples)}
    return sorted(candidates, key=lambda c: (place[c.example_id], c.strategy, c.sample_index))
