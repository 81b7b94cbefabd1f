"""`explain`: everything a run knows about one example."""

import math
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from idiolect.errors import ConfigError, nearest
from idiolect.familiarity import edit_distance
from idiolect.records import Candidate, Choice, Example, Failure, Measurement, Verdict
from idiolect.runs.store import RunReader

__all__ = ["ExplainedCandidate", "Explanation", "explain", "explain_many"]


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
        known = {example.id for example in run.all(Example)}
        if example_id not in known:
            raise ConfigError(
                f"{run.path}: has no example {example_id!r}{nearest(example_id, known)}"
            )
        return explain_many(run, {example_id})[0]


def explain_many(run: RunReader, example_ids: Collection[str]) -> list[Explanation]:
    """Collect the receipts of some examples, in the order of the run."""
    candidates: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate in run.all(Candidate):
        if candidate.example_id in example_ids:
            candidates[candidate.example_id].append(candidate)
    wanted = [c.id for group in candidates.values() for c in group]
    verdicts = {v.candidate_id: v for v in run.of_candidates(Verdict, wanted)}
    measured = {
        m.candidate_id: m for m in run.of_candidates(Measurement, wanted) if m.context == "prompt"
    }
    choices = {c.candidate_id: c for c in run.of_candidates(Choice, wanted)}
    failures = {f.subject_id: f for f in run.all(Failure)}
    explanations: list[Explanation] = []
    for example in (e for e in run.all(Example) if e.id in example_ids):
        mine = candidates[example.id]
        own = next((c.text for c in mine if c.strategy == "own" and c.sample_index == 0), None)
        explained = [
            _explained(
                c,
                verdicts.get(c.id),
                measured.get(c.id),
                choices.get(c.id),
                failures.get(c.id),
                own,
            )
            for c in mine
        ]
        known = {c.id for c in mine}
        explanations.append(
            Explanation(
                example=example,
                candidates=tuple(
                    sorted(explained, key=lambda e: (not e.chosen, e.perplexity or math.inf))
                ),
                failures=tuple(
                    f.reason
                    for f in failures.values()
                    if f.example_id == example.id and f.subject_id not in known
                ),
            )
        )
    return explanations


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
        perplexity=measurement.perplexity if measurement else None,
        tokens=measurement.tokens if measurement else None,
        edit_distance_to_own=edit_distance(candidate.text, own or "") if comparable else None,
        chosen=choice is not None and choice.chosen,
        reason=choice.reason if choice else None,
        failure=failure.reason if failure else None,
    )
