"""From scores to tables: perplexities, rank correlations, and the paper's statements as tests."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from idiolect.statistics import mean_interval
from studies.smollm2.recorded import RECORDED
from studies.smollm2.scoring import ScoredRow

__all__ = ["Agreement", "Statement", "VariantRow", "agreements", "statements", "variant_table"]

_FEWEST_VARIANTS = 4
"""Fewer can't be ranked in a way that says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRow:
    """One variant of one task under the target."""

    task: str
    variant: str
    n: int
    tokens: int
    perplexity: float
    """Geometric mean over rows."""

    low: float
    high: float
    """95 % bootstrap interval of it."""

    arithmetic: float
    """Mean of the rows' perplexities, as the authors average."""

    median: float
    rank_surprisal: float
    """Mean rank (at most 100) ÷ mean NLL, over rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How the order of variants agrees with a recorded one."""

    task: str
    model: str
    variants: int
    arithmetic: float | None
    """Spearman's rank correlation, both sides averaged arithmetically; None for under four."""

    geometric: float | None
    """The same with our geometric means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One of the paper's statements on one task, as a paired comparison."""

    statement: str
    task: str
    variant: str
    other: str
    expected: str
    n: int
    ratio: float
    """Perplexity of the variant ÷ that of the other, geometric, on the same prompts."""

    low: float
    high: float
    found: str
    holds: str
    """`yes`, `no`, or `cannot tell`."""


_FOREIGN, _FAMILIAR = "more foreign", "more familiar"
_OWN = ("llama2_own", "mistral_own")
_MINIMAL = ("llama2_minimal_change", "mistral_minimal_change")
_STEPWISE = "step-by-step is no more foreign than the plain answer"


def variant_table(rows: Sequence[ScoredRow]) -> list[VariantRow]:
    """Return one row a task and variant, in order of appearance."""
    groups: dict[tuple[str, str], list[ScoredRow]] = defaultdict(list)
    for row in rows:
        groups[row.task, row.variant].append(row)
    return [_variant(task, variant, group) for (task, variant), group in groups.items()]


def agreements(table: Sequence[VariantRow]) -> list[Agreement]:
    """Compare the order of variants with the recorded ones, task by task."""
    found: list[Agreement] = []
    for model, tasks in RECORDED.items():
        for task, recorded in tasks.items():
            ours = {row.variant: row for row in table if row.task == task}
            shared = [variant for variant in recorded if variant in ours]
            if not shared:
                continue
            theirs = [recorded[v] for v in shared]
            found.append(
                Agreement(
                    task=task,
                    model=model,
                    variants=len(shared),
                    arithmetic=_spearman([ours[v].arithmetic for v in shared], theirs),
                    geometric=_spearman([ours[v].perplexity for v in shared], theirs),
                )
            )
    return found


def statements(rows: Sequence[ScoredRow]) -> list[Statement]:
    """Test the paper's statements on every task that has the variants for it."""
    values: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        values[row.task][row.variant][row.example_id] = row.nll / row.tokens
    found: list[Statement] = []
    for task, variants in values.items():
        for name, variant, other, expected in _comparisons(variants):
            found.append(_tested(name, task, variant, other, expected, variants))
    return found


def _comparisons(variants: Mapping[str, object]) -> list[tuple[str, str, str, str]]:
    """Return statement, variant, what it is compared with, and what the paper leads to expect."""
    wanted = [
        ("references are the most foreign", "reference", other, _FOREIGN)
        for other in variants
        if other != "reference"
    ]
    wanted.append(
        (
            "a paraphrase is more foreign than its original",
            "gpt4_paraphrase_of_gpt4",
            "gpt4",
            _FOREIGN,
        )
    )
    for name in _MINIMAL:
        wanted.append(
            ("another model's answer, minimally changed, beats GPT-4's", name, "gpt4", _FAMILIAR)
        )
    wanted.append((_STEPWISE, "gpt4_step_by_step", "gpt4", "no more foreign"))
    for name in _OWN:
        wanted.append(
            ("another model's own answers are more familiar than GPT-4's", name, "gpt4", _FAMILIAR)
        )
    return [one for one in wanted if one[1] in variants and one[2] in variants]


def _tested(
    name: str,
    task: str,
    variant: str,
    other: str,
    expected: str,
    variants: Mapping[str, Mapping[str, float]],
) -> Statement:
    shared = sorted(variants[variant].keys() & variants[other].keys())
    excess = np.array([variants[variant][e] - variants[other][e] for e in shared])
    low, high = mean_interval(excess)
    found = _FOREIGN if low > 0 else _FAMILIAR if high < 0 else "cannot tell"
    return Statement(
        statement=name,
        task=task,
        variant=variant,
        other=other,
        expected=expected,
        n=len(shared),
        ratio=math.exp(float(excess.mean())),
        low=math.exp(low),
        high=math.exp(high),
        found=found,
        holds=_holds(expected, found),
    )


def _holds(expected: str, found: str) -> str:
    if found == "cannot tell":
        return found
    if expected == "no more foreign":
        return "no" if found == _FOREIGN else "yes"
    return "yes" if found == expected else "no"


def _variant(task: str, variant: str, group: Sequence[ScoredRow]) -> VariantRow:
    logs = np.array([row.nll / row.tokens for row in group])
    low, high = mean_interval(logs)
    ranks = np.array([row.rank_surprisal * row.nll / row.tokens for row in group])
    return VariantRow(
        task=task,
        variant=variant,
        n=len(group),
        tokens=sum(row.tokens for row in group),
        perplexity=math.exp(logs.mean()),
        low=math.exp(low),
        high=math.exp(high),
        arithmetic=float(np.exp(logs).mean()),
        median=math.exp(float(np.median(logs))),
        rank_surprisal=float(ranks.mean() / logs.mean()),
    )


def _spearman(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    if len(ours) < _FEWEST_VARIANTS:
        return None
    return float(stats.spearmanr(ours, theirs).statistic)
