"""What else differs between strategies beside familiarity, and could explain a difference.

arXiv 2402.11192 asks whether length, correctness or format explain its gains; later work
adds whether the writer saw the answer. None of them is removed here: they are put beside
the perplexity of the same responses.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from idiolect.familiarity import MEASURES
from idiolect.pipeline.table import RunRows, is_rung
from idiolect.records import Candidate, Status
from idiolect.verification.answers import final_answer_ends

__all__ = ["Confounds", "confounds"]

_FEWEST_FOR_CORRELATION = 8
_ANSWERS = {"answer", "reference"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Confounds:
    """The confounds of one strategy's responses."""

    strategy: str
    n: int
    tokens: float | None
    """Mean length; None where nothing was scored."""

    length_correlation: float | None
    """Spearman's rank correlation of length with NLL per token, inside the strategy. None
    under eight responses, or where one of the two does not vary."""

    perplexity_correct: float | None
    """Geometric mean over the correct responses; None without any."""

    perplexity_wrong: float | None
    """The same over the incorrect and unparsable ones."""

    final_answer: int
    """Responses that have a line `Final Answer: ...`."""

    multi_line: int
    """Responses of more than one line."""

    answer_visible: int | None
    """Responses whose writer was shown the reference or the answer; None for existing texts,
    where nobody knows."""


def confounds(rows: RunRows) -> list[Confounds]:
    """Return one row a strategy, in order of first appearance; rungs of the ladder have none."""
    groups: dict[str, list[Candidate]] = {}
    for candidate in rows.candidates:
        if not is_rung(candidate):
            groups.setdefault(candidate.strategy, []).append(candidate)
    return [_of(name, group, rows) for name, group in groups.items()]


def _of(name: str, group: Sequence[Candidate], rows: RunRows) -> Confounds:
    lengths = {c.id: rows.measurements[c.id].prompt.tokens for c in group if _scored(c, rows)}
    nlls = {
        c.id: MEASURES["mean-nll"].value(rows.measurements[c.id]) for c in group if c.id in lengths
    }
    return Confounds(
        strategy=name,
        n=len(group),
        tokens=float(np.mean(list(lengths.values()))) if lengths else None,
        length_correlation=_rank_correlation(list(lengths.values()), list(nlls.values())),
        perplexity_correct=_perplexity(nlls, rows, {"correct"}),
        perplexity_wrong=_perplexity(nlls, rows, {"incorrect", "unparsable"}),
        final_answer=sum(bool(final_answer_ends(c.text)) for c in group),
        multi_line=sum("\n" in c.text.strip() for c in group),
        answer_visible=_answer_visible(group),
    )


def _scored(candidate: Candidate, rows: RunRows) -> bool:
    return candidate.id in rows.measurements


def _perplexity(
    nlls: Mapping[str, float], rows: RunRows, statuses: Iterable[Status]
) -> float | None:
    wanted = set(statuses)
    values = [
        nll
        for id_, nll in nlls.items()
        if id_ in rows.verdicts and rows.verdicts[id_].status in wanted
    ]
    return float(np.exp(np.mean(values))) if values else None


def _rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    from scipy import stats

    if len(first) < _FEWEST_FOR_CORRELATION or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.asarray(stats.spearmanr(first, second))[0])


def _answer_visible(group: Sequence[Candidate]) -> int | None:
    if all(candidate.finish_reason == "given" for candidate in group):
        return None
    return sum(not _ANSWERS.isdisjoint(candidate.shown) for candidate in group)
