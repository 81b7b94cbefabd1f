"""The strategies table: one row a strategy, computed from the rows of a run."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from idiolect.familiarity import MEASURES, Measured, Summary, edit_distance, summarise_perplexity
from idiolect.records import Candidate, Choice, Failure, Measurement, Status, Verdict
from idiolect.statistics import mean_interval

__all__ = ["RunRows", "StrategyRow", "WorstRow", "is_rung", "mean_nlls", "strategy_table"]

_WORST = 3
# `ladder/hinted`; `ladder@mini/hinted` where the ladder asks a teacher of that name.
_RUNG = re.compile(r"ladder(@[^/]+)?/")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRows:
    """The rows of a run that tables are made from."""

    candidates: Sequence[Candidate]
    verdicts: Mapping[str, Verdict]
    measurements: Mapping[str, Measured]
    choices: Mapping[str, Choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstRow:
    """One of the most foreign responses of a strategy."""

    example_id: str
    perplexity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRow:
    """What a run found out about one strategy."""

    strategy: str
    n: int
    """Candidates."""

    verdicts: Mapping[Status, int]
    """Counts; candidates without a verdict are not in it."""

    truncated: int
    scored: int
    perplexity: Summary | None
    """None where nothing was scored."""

    bits_per_byte: float | None
    """Over all bytes of the strategy."""

    tokens: float | None
    """Mean length."""

    terminator_nll: float | None
    """Mean, in nats, over the responses that end their turn."""

    measures: Mapping[str, float]
    """The other measures that were asked for, over the responses that have them."""

    edit_distance_to_own: float | None
    """Mean word edit distance to the target's first own answer; None without own answers."""

    cost_usd: float | None
    """None where any part of it is unknown."""

    chosen: int
    worst: tuple[WorstRow, ...]


def strategy_table(rows: RunRows, measures: Sequence[str]) -> list[StrategyRow]:
    """Return one row a strategy, in order of first appearance."""
    by_strategy: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in rows.candidates:
        if not is_rung(candidate):
            by_strategy[candidate.strategy].append(candidate)
    own = {c.example_id: c.text for c in by_strategy.get("own", ()) if c.sample_index == 0}
    return [_row(name, group, rows, measures, own) for name, group in by_strategy.items()]


def is_rung(row: Candidate | Failure) -> bool:
    """Tell a row of one rung of the ladder, which exists for the hard examples only."""
    return _RUNG.match(row.strategy) is not None


def mean_nlls(rows: RunRows) -> dict[str, dict[str, float]]:
    """Return strategy -> example -> mean NLL (nats per token), averaged over samples."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for candidate in rows.candidates:
        measured = rows.measurements.get(candidate.id)
        if measured is not None and not is_rung(candidate):
            value = MEASURES["mean-nll"].value(measured)
            found[candidate.strategy][candidate.example_id].append(value)
    return {
        strategy: {example: float(np.mean(values)) for example, values in examples.items()}
        for strategy, examples in found.items()
    }


def _row(
    name: str,
    group: Sequence[Candidate],
    rows: RunRows,
    measures: Sequence[str],
    own: Mapping[str, str],
) -> StrategyRow:
    scored = [(c, rows.measurements[c.id]) for c in group if c.id in rows.measurements]
    prompts = [measured.prompt for _, measured in scored]
    verdicts: Counter[Status] = Counter(
        rows.verdicts[c.id].status for c in group if c.id in rows.verdicts
    )
    distances = [edit_distance(c.text, own[c.example_id]) for c in group if c.example_id in own]
    costs = [c.cost_usd for c in group if c.cost_usd is not None]
    terminators = [m.terminator_nll for m in prompts if m.terminator_nll is not None]
    return StrategyRow(
        strategy=name,
        n=len(group),
        verdicts=dict(verdicts),
        truncated=sum(c.finish_reason == "length" for c in group),
        scored=len(scored),
        perplexity=summarise_perplexity(prompts, mean_interval) if prompts else None,
        bits_per_byte=_bits_per_byte(prompts),
        tokens=_mean([m.tokens for m in prompts]),
        terminator_nll=_mean(terminators),
        measures=_other_measures([measured for _, measured in scored], measures),
        edit_distance_to_own=_mean(distances) if name != "own" else None,
        cost_usd=sum(costs) if len(costs) == len(group) else None,
        chosen=sum(c.id in rows.choices and rows.choices[c.id].chosen for c in group),
        worst=_worst(scored),
    )


def _bits_per_byte(prompts: Sequence[Measurement]) -> float | None:
    total = sum(m.bytes for m in prompts)
    return sum(m.nll for m in prompts) / (total * float(np.log(2))) if total else None


def _other_measures(measured: Sequence[Measured], names: Sequence[str]) -> dict[str, float]:
    shown = {"perplexity", "bits-per-byte", "length"}
    values: dict[str, float] = {}
    for name in names:
        usable = [m for m in measured if MEASURES[name].is_defined(m)]
        if name not in shown and usable:
            values[name] = MEASURES[name].over(usable)
    return values


def _worst(scored: Sequence[tuple[Candidate, Measured]]) -> tuple[WorstRow, ...]:
    value: Callable[[Measured], float] = MEASURES["perplexity"].value
    rows = [WorstRow(example_id=c.example_id, perplexity=value(m)) for c, m in scored]
    return tuple(sorted(rows, key=lambda row: -row.perplexity)[:_WORST])


def _mean(values: Sequence[Any]) -> float | None:
    return float(np.mean(values)) if values else None
