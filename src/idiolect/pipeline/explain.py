"""`explain`: everything a run knows about one example."""

import math
from dataclasses import dataclass
from pathlib import Path

from idiolect.errors import ConfigError, nearest
from idiolect.familiarity import edit_distance
from idiolect.records import Candidate, Choice, Example, Failure, Measurement, Verdict
from idiolect.runs.store import RunReader

__all__ = ["ExplainedCandidate", "Explanation", "explain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedCandidate:
    """One candidate with all that was found out about it."""

    candidate: Candidate
    verdict: Verdict | None
    perplexity: float | None
    tokens: int | None
    edit_distance_to_own: float | None
    chosen: bool
    reason: str | None
    """Why it was chosen or not; None where nothing was chosen in the run."""

    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One example with all its candidates, the chosen one first, then by familiarity."""

    example: Example
    candidates: tuple[ExplainedCandidate, ...]
    failures: tuple[str, ...]
    """Candidates that never came to be."""


def explain(run_path: str | Path, example_id: str) -> Explanation:
    """Collect the receipts of one example.

    Raises:
        ConfigError: there is no such run, or no such example in it.
    """
    with RunReader(run_path) as run:
        examples = {example.id: example for example in run.all(Example)}
        if example_id not in examples:
            raise ConfigError(
                f"{run.path}: has no example {example_id!r}{nearest(example_id, examples)}"
            )
        candidates = [c for c in run.all(Candidate) if c.example_id == example_id]
        verdicts = {v.candidate_id: v for v in run.all(Verdict)}
        measured = {m.candidate_id: m for m in run.all(Measurement) if m.context == "prompt"}
        choices = {c.candidate_id: c for c in run.all(Choice)}
        failures = {f.subject_id: f for f in run.all(Failure)}
    own = next((c.text for c in candidates if c.strategy == "own" and c.sample_index == 0), None)
    explained = [
        _explained(
            c, verdicts.get(c.id), measured.get(c.id), choices.get(c.id), failures.get(c.id), own
        )
        for c in candidates
    ]
    known = {c.id for c in candidates}
    return Explanation(
        example=examples[example_id],
        candidates=tuple(sorted(explained, key=lambda e: (not e.chosen, e.perplexity or math.inf))),
        failures=tuple(
            f.reason
            for f in failures.values()
            if f.example_id == example_id and f.subject_id not in known
        ),
    )


def _explained(
    candidate: Candidate,
    verdict: Verdict | None,
    measurement: Measurement | None,
    choice: Choice | None,
    failure: Failure | None,
    own: str | None,
) -> ExplainedCandidate:
    comparable = own is not None and candidate.strategy != "own"
    return ExplainedCandidate(
        candidate=candidate,
        verdict=verdict,
        perplexity=math.exp(measurement.nll / measurement.tokens) if measurement else None,
        tokens=measurement.tokens if measurement else None,
        edit_distance_to_own=edit_distance(candidate.text, own or "") if comparable else None,
        chosen=choice is not None and choice.chosen,
        reason=choice.reason if choice else None,
        failure=failure.reason if failure else None,
    )
