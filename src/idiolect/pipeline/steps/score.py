"""Candidates without a measurement are scored under the target."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import numpy as np

from idiolect.errors import TemplateError
from idiolect.familiarity import MEASURES
from idiolect.models.pieces import TokenTexts
from idiolect.pipeline.job import Job
from idiolect.pipeline.steps.clock import Clock
from idiolect.pipeline.steps.contexts import Work, local_work, prompt_work, unconditional_work
from idiolect.pipeline.steps.self_aligned import forget_outdated, self_aligned_messages
from idiolect.records import Candidate, Context, Example, Failure, Measurement, TokenScores
from idiolect.runs.progress import ProgressSink
from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest

__all__ = ["score_step"]

RANK_CLIP = 100
"""Ranks above this count as this in `clipped_rank_sum` (the authors' code of 2601.14249)."""

# Candidates whose steps are scored together: they land when all their steps are there.
_LOCAL_CANDIDATES = 64

_NAMES = {
    "prompt": "score",
    "none": "score without prompt",
    "local": "score step by step",
    "self-aligned": "score behind own answers",
}


def score_step(job: Job, report: ProgressSink) -> None:
    """Score the candidates that have no measurement yet."""
    kinds = {kind for name in job.config.measures for kind in MEASURES[name].needs}
    texts = TokenTexts(job.target.tokenizer)
    work = _prompt_work(job)
    _score_context(job, "prompt", work, texts, report)
    if "none" in kinds:
        made = _made(job, work, "none", lambda w: unconditional_work(job, w))
        _score_context(job, "none", made, texts, report)
    if "local" in kinds:
        made = _made(job, work, "local", lambda w: local_work(texts, w))
        _score_context(job, "local", made, texts, report)
    if "self-aligned" in kinds:
        forget_outdated(job)
        for draw in range(job.config.self_aligned.draws):
            context = f"self-aligned-{draw}"
            made = _self_aligned_work(job, work, context, draw)
            _score_context(job, context, made, texts, report)


def _prompt_work(job: Job) -> list[Work]:
    """Return the work behind prompts; what cannot be rendered is recorded as failed."""
    examples = {example.id: example for example in job.examples}
    work: list[Work] = []
    for candidate in _in_order(job.run.all(Candidate), job.examples):
        try:
            work.append(prompt_work(job, examples[candidate.example_id], candidate))
        except TemplateError as error:
            job.run.add(_failure(candidate, "prompt", str(error)))
    return work


def _made(
    job: Job, work: Sequence[Work], context: Context, make: Callable[[Work], Work]
) -> list[Work]:
    """Return the work of another context; what cannot be made is recorded as failed."""
    made: list[Work] = []
    for one in work:
        try:
            made.append(make(one))
        except TemplateError as error:
            job.run.add(_failure(one.candidate, context, str(error)))
    return made


def _self_aligned_work(job: Job, work: Sequence[Work], context: Context, draw: int) -> list[Work]:
    """Return the work behind own answers to other prompts, where there are enough of them."""
    messages = self_aligned_messages(job, draw)
    examples = {example.id: example for example in job.examples}

    def make(one: Work) -> Work:
        example = examples[one.candidate.example_id]
        return prompt_work(
            job, example, one.candidate, context=context, messages=messages[example.id]
        )

    enough = [one for one in work if one.candidate.example_id in messages]
    return _made(job, enough, context, make)


def _score_context(
    job: Job, context: Context, work: Sequence[Work], texts: TokenTexts, report: ProgressSink
) -> None:
    """Score all that is not yet done in one context; rows land as soon as they are whole."""
    done = {m.candidate_id for m in job.run.all(Measurement) if m.context == context}
    failed = {f.subject_id for f in job.run.all(Failure) if f.step == "score"}
    done |= {w.candidate.id for w in work if failed & {w.candidate.id, _subject(w)}}
    name = _NAMES[context if context in _NAMES else "self-aligned"]
    clock = Clock(report, name, len(work), sum(w.candidate.id in done for w in work))
    for portion in _portions(work, context):
        requests = [request for w in portion for request in w.requests]
        owners = [index for index, w in enumerate(portion) for _ in w.requests]
        missing = [len(w.requests) for w in portion]
        starts = [0, *accumulate(missing)]
        found: dict[int, Score | ScoreFailure] = {}
        # Batches are made from all the work, done or not, so that a resumed run computes
        # every number beside the same others as an undisturbed one.
        for indices in job.scorer.batches(requests):
            if all(portion[owners[index]].candidate.id in done for index in indices):
                continue
            results = job.scorer.score([requests[index] for index in indices])
            found.update(zip(indices, results, strict=True))
            for index in indices:
                missing[owners[index]] -= 1
            touched = dict.fromkeys(owners[index] for index in indices)
            whole = [
                owner
                for owner in touched
                if not missing[owner] and portion[owner].candidate.id not in done
            ]
            records: list[Measurement | TokenScores | Failure] = []
            for owner in whole:
                scores = [found[starts[owner] + n] for n in range(len(portion[owner].requests))]
                records += _records(portion[owner], scores, job.scorer.path, texts)
            job.run.add(*records)
            clock.tick(
                len(whole),
                failed=sum(isinstance(record, Failure) for record in records),
                tokens=sum(_length(requests[index]) for index in indices),
            )


def _portions(work: Sequence[Work], context: Context) -> Iterator[Sequence[Work]]:
    """Divide work whose candidates take several requests, so that they get whole early."""
    size = _LOCAL_CANDIDATES if context == "local" else len(work)
    for start in range(0, len(work), size or 1):
        yield work[start : start + size]


def _records(
    work: Work, results: Sequence[Score | ScoreFailure], path: str, texts: TokenTexts
) -> list[Measurement | TokenScores | Failure]:
    """Return what is to be written about one candidate in one context."""
    for result in results:
        if isinstance(result, ScoreFailure):
            return [
                _failure(work.candidate, work.context, result.reason, retryable=result.retryable)
            ]
    scores = [result for result in results if isinstance(result, Score)]
    if work.context == "local":
        return [_local_measurement(work, scores, path)]
    (score,) = scores
    measurement = Measurement(
        candidate_id=work.candidate.id,
        context=work.context,
        nll=score.nll,
        tokens=score.tokens,
        bytes=len(work.text.encode("utf-8")),
        rank_sum=score.rank_sum,
        terminator_nll=score.terminator_nll,
        path=path,
        clipped_rank_sum=_clipped_rank_sum(score),
    )
    if work.context != "prompt":
        return [measurement]
    pieces = texts.pieces(work.requests[0].response_ids, work.text)
    return [measurement, *([_token_scores(work, score, pieces)] if pieces is not None else [])]


def _token_scores(work: Work, score: Score, pieces: tuple[str, ...]) -> TokenScores:
    ranks = score.token_ranks
    return TokenScores(
        candidate_id=work.candidate.id,
        pieces=pieces,
        nlls=tuple(np.round(score.token_nlls, 4).tolist()),
        ranks=None if ranks is None else tuple(ranks.tolist()),
    )


def _local_measurement(work: Work, scores: Sequence[Score], path: str) -> Measurement:
    nlls = np.concatenate([score.token_nlls for score in scores])
    return Measurement(
        candidate_id=work.candidate.id,
        context="local",
        nll=float(nlls.sum()),
        tokens=len(nlls),
        bytes=len(work.text.encode("utf-8")),
        rank_sum=None,
        terminator_nll=None,
        path=path,
        step_nll_sum=float(sum(nlls[start:stop].mean() for start, stop in work.spans)),
        steps=len(work.spans),
    )


def _clipped_rank_sum(score: Score) -> int | None:
    ranks = score.token_ranks
    return None if ranks is None else int(np.minimum(ranks, RANK_CLIP).sum())


def _length(request: ScoreRequest) -> int:
    return len(request.target_ids)


def _subject(work: Work) -> str:
    return _subject_id(work.candidate, work.context)


def _subject_id(candidate: Candidate, context: Context) -> str:
    """Return what fails: the candidate, or one of its further measurements."""
    return candidate.id if context == "prompt" else f"{candidate.id}:{context}"


def _failure(
    candidate: Candidate, context: Context, reason: str, *, retryable: bool = False
) -> Failure:
    where = "" if context == "prompt" else f" ({context})"
    return Failure(
        subject_id=_subject_id(candidate, context),
        example_id=candidate.example_id,
        step="score",
        strategy=candidate.strategy,
        reason=f"{candidate.example_id}: response {candidate.strategy!r}{where}: {reason}",
        retryable=retryable,
    )


def _in_order(candidates: Sequence[Candidate], examples: Sequence[Example]) -> list[Candidate]:
    """Order candidates by example, so that those of one prompt stand together."""
    place = {example.id: index for index, example in enumerate(examples)}
    return sorted(candidates, key=lambda c: (place[c.example_id], c.strategy, c.sample_index))
