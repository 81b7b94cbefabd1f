"""The steps that commands are made of. Each does what is missing in the run, row by row."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from idiolect.errors import TemplateError
from idiolect.familiarity import MEASURES
from idiolect.pipeline.inputs import Job
from idiolect.records import Candidate, Context, Example, Failure, Measurement, Verdict
from idiolect.runs.progress import Progress, ProgressSink
from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest
from idiolect.selection import Contender, choose
from idiolect.strategies.base import StrategyContext
from idiolect.verification.lint import DefectKind, lint

__all__ = ["choose_step", "propose_step", "retry", "run_steps", "score_step", "verify_step"]

_VERIFY_BATCH = 64
# Defects that a response must not be chosen with, however familiar it is.
_UNFIT: dict[DefectKind, str] = {
    "meta-talk": "talks about a correction or a reference",
    "refusal": "refuses to answer",
    "truncated": "ends in the middle",
}


def run_steps(job: Job, report: ProgressSink) -> None:
    """Make, check and score what is missing in the run."""
    if job.options.retry_failed:
        retry(job)
    propose_step(job, report)
    verify_step(job, report)
    score_step(job, report)


def retry(job: Job) -> None:
    """Forget the failures that may succeed on another try."""
    job.run.delete(Failure, retryable=1)


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
        clock = _Clock(
            report, f"{strategy.name} answers", len(job.examples) * per_example, len(done | failed)
        )
        for result in strategy.propose(job.examples, context):
            job.run.add(result)
            is_failure = isinstance(result, Failure)
            clock.tick(failed=is_failure, tokens=0 if is_failure else result.tokens_out or 0)


def verify_step(job: Job, report: ProgressSink) -> None:
    """Check the candidates that have no verdict yet."""
    verifier, chat = job.verifier, job.target.chat
    if verifier is None:
        return
    examples = {example.id: example for example in job.examples}
    done = {v.candidate_id for v in job.run.all(Verdict) if v.verifier == verifier.name}
    candidates = job.run.all(Candidate)
    todo = [c for c in candidates if c.id not in done]
    clock = _Clock(report, "verify", len(candidates), len(done))
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
            )
        )
        clock.tick(len(batch))


def score_step(job: Job, report: ProgressSink) -> None:
    """Score the candidates that have no measurement yet."""
    examples = {example.id: example for example in job.examples}
    contexts = {context for name in job.config.measures for context in MEASURES[name].needs}
    _score_context(job, examples, "prompt", report)
    if "none" in contexts:
        _score_context(job, examples, "none", report)


def choose_step(job: Job) -> None:
    """Choose one candidate for each example. Cheap and pure, so it is done anew each time."""
    name = job.verifier_name
    verdicts = {v.candidate_id: v for v in job.run.all(Verdict) if v.verifier == name}
    measurements = {m.candidate_id: m for m in job.run.all(Measurement) if m.context == "prompt"}
    examples = {example.id: example for example in job.examples}
    ordered = sorted(job.run.all(Candidate), key=lambda c: c.example_id)
    for _, group in groupby(ordered, key=lambda c: c.example_id):
        contenders = [
            Contender(
                candidate=candidate,
                verdict=verdicts.get(candidate.id),
                measurement=measurements.get(candidate.id),
                defect=_defect(
                    candidate,
                    job.target.chat.response_text(candidate.text),
                    examples[candidate.example_id],
                ),
            )
            for candidate in group
        ]
        job.run.add(
            *choose(
                contenders,
                noise=job.scorer.noise,
                allow_unchecked=job.config.selection.allow_unchecked,
            )
        )


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
    clock = _Clock(report, name, len(work), sum(w.candidate.id in done for w in work))
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


def _defect(candidate: Candidate, text: str, example: Example) -> str | None:
    """Return what must not be trained on in a text, in words; None for a clean one."""
    found = lint(
        text,
        finish_reason=candidate.finish_reason,
        code=example.tests is not None,
        choices=example.choices,
    )
    for defect in found:
        if defect.kind in _UNFIT:
            return f"{_UNFIT[defect.kind]} ({defect.quote.strip()!r})"
    return None


def _in_order(candidates: Sequence[Candidate], examples: Sequence[Example]) -> list[Candidate]:
    """Order candidates by example, so that those of one prompt stand together."""
    place = {example.id: index for index, example in enumerate(examples)}
    return sorted(candidates, key=lambda c: (place[c.example_id], c.strategy, c.sample_index))


def _is_new(result: Candidate | Failure, done: set[str]) -> bool:
    return isinstance(result, Candidate) and result.id not in done


class _Clock:
    """Counts a step's work and reports it."""

    def __init__(self, report: ProgressSink, step: str, total: int, resumed: int) -> None:
        self._report, self._step, self._total = report, step, total
        self._done = self._resumed = resumed
        self._failed = self._tokens = 0
        self._began = time.monotonic()
        self._tell()

    def tick(self, count: int = 1, *, failed: int | bool = 0, tokens: int = 0) -> None:
        self._done += count
        self._failed += int(failed)
        self._tokens += tokens
        self._tell()

    def _tell(self) -> None:
        self._report(
            Progress(
                step=self._step,
                done=self._done,
                total=self._total,
                failed=self._failed,
                tokens=self._tokens,
                seconds=time.monotonic() - self._began,
                resumed=self._resumed,
            )
        )
