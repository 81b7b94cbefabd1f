"""What a command found, summed up from the rows of its run."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idiolect.familiarity import Measured
from idiolect.pipeline.inputs import Job
from idiolect.pipeline.reading import read_foreignness
from idiolect.pipeline.table import RunRows, StrategyRow, mean_nlls, strategy_table
from idiolect.records import Candidate, Choice, Failure, Measurement, Verdict
from idiolect.runs.store import Run

__all__ = ["Outcome", "load_rows", "outcome", "to_json"]

_SHOWN_REFERENCES = 5


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
    bad_rows: tuple[str, ...]
    """Input that could not be used, one sentence each."""

    examples: int
    chosen: int
    exported: Path | None = None


def load_rows(run: Run, verifier: str) -> RunRows:
    """Return the rows of a run, by candidate."""
    measurements = run.all(Measurement)
    unconditional = {m.candidate_id: m for m in measurements if m.context == "none"}
    return RunRows(
        candidates=run.all(Candidate),
        verdicts={v.candidate_id: v for v in run.all(Verdict) if v.verifier == verifier},
        measurements={
            m.candidate_id: Measured(prompt=m, none=unconditional.get(m.candidate_id))
            for m in measurements
            if m.context == "prompt"
        },
        choices={c.candidate_id: c for c in run.all(Choice)},
    )


def outcome(job: Job, *, exported: Path | None = None) -> Outcome:
    """Sum up a run whose steps are done."""
    rows = load_rows(job.run, job.verifier)
    failures = job.run.all(Failure)
    given = {c.id for c in rows.candidates if c.finish_reason == "given"}
    bad_input = [f.reason for f in failures if f.subject_id in given and not f.retryable]
    other = [f.reason for f in failures if f.reason not in set(bad_input)]
    return Outcome(
        run=job.run.path,
        table=tuple(strategy_table(rows, job.config.measures)),
        words=tuple(read_foreignness(mean_nlls(rows))),
        warnings=tuple([*_reference_warning(rows), *_boundary_warning(job, rows), *other]),
        mapping=job.dataset.mapping,
        verifier=f"{job.verifier} ({job.verifier_reason})",
        scoring=job.scorer.path,
        bad_rows=tuple([*(p.message for p in job.dataset.problems), *bad_input]),
        examples=len(job.examples),
        chosen=sum(choice.chosen for choice in rows.choices.values()),
        exported=exported,
    )


def _reference_warning(rows: RunRows) -> list[str]:
    """Warn about references that their own verifier does not accept."""
    checked = [
        (c, rows.verdicts[c.id])
        for c in rows.candidates
        if c.strategy == "reference" and c.id in rows.verdicts
    ]
    failing = [(c, v) for c, v in checked if v.status not in ("correct", "unchecked")]
    if not failing:
        return []
    shown = [
        f"{c.example_id} ({v.status}{f', read {v.extracted!r}' if v.extracted else ''})"
        for c, v in failing[:_SHOWN_REFERENCES]
    ]
    more = f" and {len(failing) - len(shown)} more" if len(failing) > len(shown) else ""
    return [
        f"{len(failing)} of {len(checked)} references do not verify: {', '.join(shown)}{more}. "
        "Check the rows, or choose another verifier with --verifier"
    ]


def _boundary_warning(job: Job, rows: RunRows) -> list[str]:
    """Warn where a trainer that tokenises the whole conversation would see other ids."""
    chat, examples = job.target.chat, {e.id: e for e in job.examples}
    differing = 0
    for candidate in rows.candidates:
        if candidate.id not in rows.measurements or candidate.token_ids is not None:
            continue
        messages = examples[candidate.example_id].messages
        rendered = chat.render(messages, candidate.text)
        ours = (*rendered.prompt_ids, *rendered.response_ids, *chat.suffix_ids)
        differing += ours != chat.joint_ids(messages, candidate.text)
    if not differing:
        return []
    return [
        f"{differing} responses tokenise otherwise when prompt and response are tokenised in "
        "one piece, as some trainers do (often white space at the seam); their scores are those "
        "of the separate ids, which is what generation sees"
    ]


def to_json(result: Outcome) -> dict[str, Any]:
    """Return the outcome as plain data."""
    tree = dataclasses.asdict(result)
    return tree | {
        "run": str(result.run),
        "exported": str(result.exported) if result.exported else None,
    }
