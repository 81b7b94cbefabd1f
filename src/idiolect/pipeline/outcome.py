"""What a command found, summed up from the rows of its run."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from idiolect.familiarity import MEASURES, Measured
from idiolect.pipeline.checking import NOT_ASKED_FOR, SWITCHED_OFF
from idiolect.pipeline.job import Job
from idiolect.pipeline.reading import read_foreignness
from idiolect.pipeline.self_aligned import NAME
from idiolect.pipeline.spending import (
    LadderReport,
    ladder_reports,
    ladder_sentence,
    payments,
    payments_sentences,
    spending,
    spending_sentences,
)
from idiolect.pipeline.steps.self_aligned import answer_pool
from idiolect.pipeline.table import RunRows, StrategyRow, is_rung, mean_nlls, strategy_table
from idiolect.records import Candidate, Choice, Failure, Measurement, Payment, Spend, Verdict
from idiolect.runs.store import Run, RunReader
from idiolect.verification import NO_VERIFIER
from idiolect.verification.hygiene import check_hygiene
from idiolect.verification.self_test import SelfTest

__all__ = ["Outcome", "by_candidate", "load_rows", "outcome", "to_json"]

_SHOWN_REFERENCES = 5
_SHOWN_FAILURES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command found, for the screen and for programs."""

    run: Path
    table: tuple[StrategyRow, ...]
    words: tuple[str, ...]
    warnings: tuple[str, ...]
    mapping: tuple[str, ...]
    verifier: str
    scoring: str
    hygiene: tuple[str, ...]
    """Defects, duplicates and twins in the data, one sentence each."""

    bad_rows: tuple[str, ...]
    """Input that could not be used, one sentence each."""

    examples: int
    chosen: int
    exported: Path | None = None
    spend: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Strategy -> what it asked of the teacher and paid for it."""

    notes: tuple[str, ...] = ()
    """What the strategies with a teacher did, one sentence each."""

    ladders: Mapping[str, LadderReport] = field(default_factory=dict[str, LadderReport])
    """By name: `ladder`, and `ladder@TEACHER` where it asks another one."""

    may_retry: int = 0
    """Rows that failed and may succeed on another try."""

    cap_reached: bool = False
    """The money was used up before everything was asked."""


def load_rows(run: Run | RunReader, verifier: str) -> RunRows:
    """Return the rows of a run, by candidate."""
    return RunRows(
        candidates=run.all(Candidate),
        verdicts={v.candidate_id: v for v in run.all(Verdict) if v.verifier == verifier},
        measurements=by_candidate(run.all(Measurement)),
        choices={c.candidate_id: c for c in run.all(Choice)},
    )


def by_candidate(measurements: Sequence[Measurement]) -> dict[str, Measured]:
    """Return what is known of each candidate that was scored behind its prompt."""
    contexts: dict[str, dict[str, Measurement]] = defaultdict(dict)
    for m in measurements:
        contexts[m.context][m.candidate_id] = m
    draws = [rows for name, rows in sorted(contexts.items()) if name.startswith("self-aligned-")]
    return {
        key: Measured(
            prompt=m,
            none=contexts["none"].get(key),
            local=contexts["local"].get(key),
            # A mean over some of the draws would be another measure.
            self_aligned=tuple(rows[key] for rows in draws) if all(key in d for d in draws) else (),
        )
        for key, m in contexts["prompt"].items()
    }


def outcome(job: Job, *, exported: Path | None = None) -> Outcome:
    """Sum up a run whose steps are done."""
    rows = load_rows(job.run, job.verifier_name)
    failures = job.run.all(Failure)
    given = {c.id for c in rows.candidates if c.finish_reason == "given"}
    bad_input = [f.reason for f in failures if f.subject_id in given and not f.retryable]
    other = [f for f in failures if f.reason not in set(bad_input) and not is_rung(f)]
    candidates, spends = job.run.all(Candidate), job.run.all(Spend)
    spent, ladders = spending(spends), ladder_reports(candidates, failures, spends)
    return Outcome(
        run=job.run.path,
        table=tuple(strategy_table(rows, job.config.measures)),
        words=tuple(read_foreignness(mean_nlls(rows))),
        warnings=tuple(
            [
                *_unverified_warning(job),
                *_reference_warning(job.references),
                *_boundary_warning(job, rows),
                *_rank_warning(job, rows),
                *_self_aligned_warning(job, rows),
                *_failure_warnings(other),
                *_cap_warning(job),
            ]
        ),
        mapping=job.dataset.mapping,
        verifier=f"{job.verifier_name} ({job.verifier_reason})",
        scoring=f"{job.scorer.path}: {job.scorer_reason}",
        hygiene=check_hygiene(job.examples).sentences,
        bad_rows=tuple([*(p.message for p in job.dataset.problems), *bad_input]),
        examples=len(job.examples),
        chosen=sum(choice.chosen for choice in rows.choices.values()),
        exported=exported,
        spend=spent,
        notes=(
            *spending_sentences(spent),
            *payments_sentences(payments(job.run.all(Payment))),
            *(ladder_sentence(name, report) for name, report in ladders.items()),
        ),
        ladders=ladders,
        may_retry=sum(f.retryable for f in other),
        cap_reached=job.money.reached,
    )


def _failure_warnings(failures: Sequence[Failure]) -> list[str]:
    """Return what failed: all of it where it is little, else the first of each strategy."""
    groups: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        groups.setdefault((failure.strategy, failure.step), []).append(failure)
    lines: list[str] = []
    for (strategy, step), group in groups.items():
        lines += [f.reason for f in group[:_SHOWN_FAILURES]]
        if len(group) > _SHOWN_FAILURES:
            lines.append(f"{strategy}: {len(group)} rows failed to {step}, the first are above")
    again = sum(f.retryable for f in failures)
    if again:
        lines.append(f"{again} failed rows may succeed on another try: --retry-failed")
    return lines


def _cap_warning(job: Job) -> list[str]:
    if not job.money.reached:
        return []
    return [
        f"the money is used up (--max-cost {job.config.max_cost}): some requests were not sent; "
        "the same command with a higher --max-cost goes on from here"
    ]


def _unverified_warning(job: Job) -> list[str]:
    """Warn where the data could have been checked, and were not."""
    if job.verifier_name != NO_VERIFIER or job.verifier_reason in (NOT_ASKED_FOR, SWITCHED_OFF):
        return []
    return [f"no response was verified: {job.verifier_reason}"]


def _reference_warning(references: SelfTest | None) -> list[str]:
    """Warn about references that their own verifier does not accept."""
    if references is None or not references.failing:
        return []
    shown = [
        f"{row.example_id} ({row.finding.status}"
        + (f", read {row.finding.extracted!r})" if row.finding.extracted else ")")
        for row in references.failing[:_SHOWN_REFERENCES]
    ]
    hidden = len(references.failing) - len(shown)
    more = f" and {hidden} more" if hidden else ""
    return [
        f"{len(references.failing)} of {references.checked} references do not verify: "
        f"{', '.join(shown)}{more}. Check the rows, or choose another verifier with --verifier"
    ]


def _boundary_warning(job: Job, rows: RunRows) -> list[str]:
    """Warn where a trainer that tokenises the whole conversation would see other ids."""
    chat, examples = job.target.chat, {e.id: e for e in job.examples}
    differing = 0
    for candidate in rows.candidates:
        if candidate.id not in rows.measurements or candidate.finish_reason == "length":
            continue
        messages = examples[candidate.example_id].messages
        rendered = chat.render(messages, candidate.text)
        # What the target generated is scored as it was generated, unless thoughts were cut.
        is_whole = chat.response_text(candidate.text) == candidate.text
        response_ids = (candidate.token_ids if is_whole else None) or rendered.response_ids
        ours = (*rendered.prompt_ids, *response_ids, *chat.suffix_ids)
        differing += ours != chat.joint_ids(messages, candidate.text)
    if not differing:
        return []
    return [
        f"{differing} responses tokenise otherwise when the whole conversation is tokenised in "
        "one piece, as some trainers do (white space at the seam, or tokens that the target "
        "chose otherwise than its tokenizer); their scores are those of the separate ids, which "
        "is what generation sees"
    ]


def _rank_warning(job: Job, rows: RunRows) -> list[str]:
    """Warn where a measure was asked for that the way of scoring cannot give."""
    unknown = any(m.prompt.rank_sum is None for m in rows.measurements.values())
    names = [name for name in job.config.measures if MEASURES[name].needs_ranks]
    if not unknown or not names:
        return []
    return [
        f"{', '.join(names)}: {job.scorer.path} tells no token ranks; score with vLLM, or with the "
        "weights on this machine"
    ]


def _self_aligned_warning(job: Job, rows: RunRows) -> list[str]:
    """Warn where there were too few own answers to put before a prompt."""
    if NAME not in job.config.measures:
        return []
    undefined = sum(not m.self_aligned for m in rows.measurements.values())
    if not undefined:
        return []
    settings, known = job.config.self_aligned, len(answer_pool(job))
    return [
        f"{NAME}: {undefined} of {len(rows.measurements)} responses have no value; it takes "
        f"{settings.examples} correct answers of {settings.answers!r} to other prompts, and "
        f"{known} prompts have one. Draw more (--set own.samples=8 --set own.temperature=0.7), "
        "take more examples, or lower self_aligned.examples"
    ]


def to_json(result: Outcome) -> dict[str, Any]:
    """Return the outcome as plain data."""
    tree = dataclasses.asdict(result)
    return tree | {
        "run": str(result.run),
        "exported": str(result.exported) if result.exported else None,
    }
