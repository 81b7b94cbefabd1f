"""The paper's statements about perplexity, as paired comparisons with a verdict."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idiolect.statistics import holm, paired_difference
from studies.smollm2.recorded import RECORDED
from studies.smollm2.scoring import ScoredRow

__all__ = ["STATEMENTS", "Comparison", "Holds", "comparisons", "verdict"]

Direction = Literal["more foreign", "more familiar", "no more foreign"]
Holds = Literal["holds", "fails", "cannot tell"]

STATEMENTS: dict[str, tuple[Direction, tuple[tuple[str, str], ...]]] = {
    "references are the most foreign": ("more foreign", (("reference", "*"),)),
    "a paraphrase is more foreign than its original": (
        "more foreign",
        (("gpt4_paraphrase_of_gpt4", "gpt4"),),
    ),
    "a rewrite of the reference is more foreign than a free answer": (
        "more foreign",
        (("gpt4_rewrite_of_reference", "gpt4"),),
    ),
    "minimal changes of another model's answers are more familiar than GPT-4's answers": (
        "more familiar",
        (("llama2_minimal_change", "gpt4"), ("mistral_minimal_change", "gpt4")),
    ),
    "a minimal change is no more foreign than the answer that it corrects": (
        "no more foreign",
        (("llama2_minimal_change", "llama2_own"), ("mistral_minimal_change", "mistral_own")),
    ),
    "step-by-step is no more foreign than the plain answer": (
        "no more foreign",
        (("gpt4_step_by_step", "gpt4"),),
    ),
}
"""Statement -> what the paper leads to expect, and of which variants (`*`: each other one)."""

_LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two variants of one task on the same prompts."""

    statement: str
    task: str
    variant: str
    other: str
    expected: Direction
    n: int
    ratio: float
    """Perplexity of the variant ÷ that of the other, geometric."""

    low: float
    high: float
    """95 % interval, not widened for the number of comparisons."""

    p_holm: float
    """Of the two being equally familiar, corrected for the number of all comparisons."""

    found: Literal["more foreign", "more familiar", "cannot tell"]
    holds: Holds
    recorded: Mapping[str, float]
    """Model -> the same ratio of the recorded arithmetic means, where both are known."""


def comparisons(rows: Sequence[ScoredRow]) -> list[Comparison]:
    """Test every statement on every task that has the variants for it."""
    values: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        values[row.task][row.variant][row.example_id] = row.nll / row.tokens
    asked = [
        (statement, task, variant, other)
        for statement, (_, pairs) in STATEMENTS.items()
        for task, variants in values.items()
        for variant, other in _present(pairs, variants)
    ]
    gaps = [_gap(values[task][variant], values[task][other]) for _, task, variant, other in asked]
    corrected = holm([p for _, _, _, _, p in gaps])
    return [
        _comparison(*names, gap[:4], p)
        for names, gap, p in zip(asked, gaps, corrected, strict=True)
    ]


def verdict(found: Sequence[Comparison]) -> Holds:
    """Put the comparisons of one statement together: one that fails makes it fail."""
    kinds = {each.holds for each in found}
    return "fails" if "fails" in kinds else "cannot tell" if "cannot tell" in kinds else "holds"


def _present(
    pairs: Sequence[tuple[str, str]], variants: Mapping[str, object]
) -> list[tuple[str, str]]:
    found = [
        (variant, each)
        for variant, other in pairs
        for each in (variants if other == "*" else (other,))
    ]
    return [(a, b) for a, b in found if a != b and a in variants and b in variants]


def _gap(
    first: Mapping[str, float], second: Mapping[str, float]
) -> tuple[int, float, float, float, float]:
    """Return n, mean, low, high and p of the paired difference in nats per token."""
    shared = sorted(first.keys() & second.keys())
    ours, theirs = (_row(each, shared) for each in (first, second))
    if len(shared) < 2 or np.ptp(ours - theirs) == 0:  # nothing varies: no interval, no test
        return len(shared), float((ours - theirs).mean()), -math.inf, math.inf, 1.0
    gap = paired_difference(ours, theirs, are_rates=False)
    return gap.examples, gap.mean, gap.low, gap.high, gap.p


def _row(values: Mapping[str, float], names: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[values[name] for name in names]])


def _comparison(
    statement: str,
    task: str,
    variant: str,
    other: str,
    gap: tuple[int, float, float, float],
    p: float,
) -> Comparison:
    n, mean, low, high = gap
    expected = STATEMENTS[statement][0]
    found = "cannot tell" if p > _LEVEL else "more foreign" if mean > 0 else "more familiar"
    return Comparison(
        statement=statement,
        task=task,
        variant=variant,
        other=other,
        expected=expected,
        n=n,
        ratio=math.exp(mean),
        low=math.exp(low),
        high=math.exp(high),
        p_holm=p,
        found=found,
        holds=_holds(expected, found),
        recorded={
            model: tasks[task][variant] / tasks[task][other]
            for model, tasks in RECORDED.items()
            if variant in tasks.get(task, {}) and other in tasks[task]
        },
    )


def _holds(expected: Direction, found: str) -> Holds:
    if found == "cannot tell":
        return "cannot tell"
    if expected == "no more foreign":
        return "fails" if found == "more foreign" else "holds"
    return "holds" if found == expected else "fails"
