"""The data of the example browser: a stated sample of a run, as plain values for the page."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idiolect.pipeline.explain import ExplainedCandidate, Explanation, explain_many
from idiolect.pipeline.word_diff import word_diff
from idiolect.records import Example, TokenScores
from idiolect.report.facts import drawn
from idiolect.runs.store import RunReader

__all__ = ["Sample", "browser_data", "sample_examples"]

_LONGEST_DIFF = 4000
"""Words; the alignment is quadratic in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Which examples a page holds."""

    ids: frozenset[str]
    of: int
    named: int
    """Examples that are there because the page refers to them."""

    @property
    def words(self) -> str:
        """The sample in a sentence."""
        if len(self.ids) == self.of:
            return f"All {self.of:,} examples."
        named = f", {self.named:,} of them because this page refers to them" if self.named else ""
        return (
            f"{len(self.ids):,} of {self.of:,} examples, drawn at random{named}. "
            "The tables and charts cover all of them."
        )


def sample_examples(ids: Sequence[str], limit: int, *, named: Collection[str], seed: int) -> Sample:
    """Choose the examples of a page: first those that it refers to, then a uniform draw."""
    if len(ids) <= limit:
        return Sample(ids=frozenset(ids), of=len(ids), named=0)
    first = drawn([id_ for id_ in ids if id_ in named], limit, seed=seed)
    rest = drawn([id_ for id_ in ids if id_ not in first], limit - len(first), seed=seed)
    return Sample(ids=frozenset(first | rest), of=len(ids), named=len(first))


def browser_data(run: RunReader, ids: Collection[str]) -> dict[str, Any]:
    """Return the examples with all their candidates as plain data."""
    explanations = explain_many(run, ids)
    wanted = [e.candidate.id for explanation in explanations for e in explanation.candidates]
    scores = {s.candidate_id: s for s in run.of_candidates(TokenScores, wanted)}
    return {"examples": [_example(explanation, scores) for explanation in explanations]}


def _example(explanation: Explanation, scores: Mapping[str, TokenScores]) -> dict[str, Any]:
    example: Example = explanation.example
    own = next(
        (
            e.candidate.text
            for e in explanation.candidates
            if e.candidate.strategy == "own" and e.candidate.sample_index == 0
        ),
        None,
    )
    return {
        "id": example.id,
        "prompt": [[message.role, message.content] for message in example.messages],
        "answer": example.answer,
        "failures": explanation.failures,
        "candidates": [_candidate(e, scores, own) for e in explanation.candidates],
    }


def _candidate(
    explained: ExplainedCandidate, scores: Mapping[str, TokenScores], own: str | None
) -> dict[str, Any]:
    candidate, verdict = explained.candidate, explained.verdict
    tokens = scores.get(candidate.id)
    # Most texts are their tokens; then the page need not hold them twice.
    is_joined = tokens is not None and "".join(tokens.pieces) == candidate.text
    is_own = candidate.strategy == "own" and candidate.sample_index == 0
    return {
        "strategy": candidate.strategy,
        "sample": candidate.sample_index,
        "model": _short(candidate.model),
        "finish": candidate.finish_reason,
        "verdict": verdict.status if verdict else "unchecked",
        "read": verdict.extracted if verdict else None,
        "rule": verdict.rule if verdict else None,
        "detail": verdict.detail if verdict else None,
        "perplexity": _rounded(explained.perplexity, 4),
        "tokens": explained.tokens,
        "edit": _rounded(explained.edit_distance_to_own, 3),
        "cost": candidate.cost_usd,
        "chosen": explained.chosen,
        "reason": explained.reason,
        "failure": explained.failure,
        "text": None if is_joined else candidate.text,
        "diff": None if own is None or is_own else _diff(own, candidate.text),
        "pieces": tokens.pieces if tokens else None,
        "nlls": [round(nll, 2) for nll in tokens.nlls] if tokens else None,
        "ranks": tokens.ranks if tokens else None,
    }


def _diff(own: str, text: str) -> list[list[str]] | None:
    if max(len(own.split()), len(text.split())) > _LONGEST_DIFF:
        return None
    return [[change.kind, change.text] for change in word_diff(own, text)]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _short(model: str | None) -> str | None:
    return Path(model).name if model and Path(model).is_absolute() else model
