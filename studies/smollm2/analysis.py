"""From scores to tables: perplexities, and how their order agrees with recorded ones."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from idiolect.statistics import Correlation, mean_interval, rank_correlation
from studies.smollm2.recorded import RECORDED
from studies.smollm2.scoring import ScoredRow

__all__ = ["Agreement", "Order", "VariantRow", "agreements", "orders", "variant_table"]

_SHUFFLES = 10_000


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
    """How the order of a task's variants agrees with a recorded one, by Spearman's coefficient."""

    task: str
    model: str
    arithmetic: Correlation
    """Both sides averaged arithmetically."""

    geometric: Correlation
    """Our geometric means with their arithmetic ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How often two variants of one task stand in the recorded order, over all tasks."""

    model: str
    tasks: int
    variants: int
    pairs: int
    same: int
    """Pairs in the same order, ours by the geometric mean."""

    p: float
    """How often a random order within each task has as many pairs the same way round."""


def variant_table(rows: Sequence[ScoredRow]) -> list[VariantRow]:
    """Return one row a task and variant, in order of appearance."""
    groups: dict[tuple[str, str], list[ScoredRow]] = defaultdict(list)
    for row in rows:
        groups[row.task, row.variant].append(row)
    return [_variant(task, variant, group) for (task, variant), group in groups.items()]


def agreements(table: Sequence[VariantRow]) -> list[Agreement]:
    """Compare the order of variants with the recorded ones, task by task."""
    found: list[Agreement] = []
    for model, task, shared in _shared(table):
        theirs = [RECORDED[model][task][row.variant] for row in shared]
        found.append(
            Agreement(
                task=task,
                model=model,
                arithmetic=rank_correlation([row.arithmetic for row in shared], theirs),
                geometric=rank_correlation([row.perplexity for row in shared], theirs),
            )
        )
    return found


def orders(table: Sequence[VariantRow], *, seed: int = 0) -> list[Order]:
    """Put the tasks together: each of them has too few variants to say anything alone.

    The p value is that of a permutation test, one-sided, in which our values are shuffled within
    each task.
    """
    found: list[Order] = []
    for model in RECORDED:
        tasks = [
            (
                np.array([row.perplexity for row in shared]),
                np.array([RECORDED[model][task][row.variant] for row in shared]),
            )
            for each, task, shared in _shared(table)
            if each == model and len(shared) > 1
        ]
        if not tasks:
            continue
        same = sum(_same(ours, theirs) for ours, theirs in tasks)
        dice = np.random.default_rng(seed)
        drawn = [
            sum(_same(dice.permutation(ours), theirs) for ours, theirs in tasks)
            for _ in range(_SHUFFLES)
        ]
        reached = sum(each >= same for each in drawn)
        found.append(
            Order(
                model=model,
                tasks=len(tasks),
                variants=sum(len(ours) for ours, _ in tasks),
                pairs=sum(math.comb(len(ours), 2) for ours, _ in tasks),
                same=same,
                p=(1 + reached) / (1 + _SHUFFLES),
            )
        )
    return found


def _shared(table: Sequence[VariantRow]) -> list[tuple[str, str, list[VariantRow]]]:
    """Return model, task and the rows whose variant that model has a value for."""
    found: list[tuple[str, str, list[VariantRow]]] = []
    for model, tasks in RECORDED.items():
        for task, recorded in tasks.items():
            rows = [row for row in table if row.task == task and row.variant in recorded]
            if rows:
                found.append((model, task, rows))
    return found


def _same(ours: np.ndarray, theirs: np.ndarray) -> int:
    """Return how many pairs stand the same way round."""
    pairs = combinations(range(len(ours)), 2)
    return sum(bool((ours[a] - ours[b]) * (theirs[a] - theirs[b]) > 0) for a, b in pairs)


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
