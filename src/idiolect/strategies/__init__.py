"""Strategies by name: ways to produce a response. Each lives in its own file."""

from collections.abc import Sequence
from dataclasses import replace

from idiolect.config import Config
from idiolect.errors import ConfigError, nearest
from idiolect.strategies.base import Strategy, StrategyContext
from idiolect.strategies.column import column_strategy
from idiolect.strategies.continuation import CONTINUE
from idiolect.strategies.detailed import DETAILED
from idiolect.strategies.hinted import HINTED
from idiolect.strategies.label import LABEL
from idiolect.strategies.ladder import ladder_strategy
from idiolect.strategies.minimal_change import MINIMAL_CHANGE
from idiolect.strategies.own import OWN
from idiolect.strategies.paraphrase import PARAPHRASE
from idiolect.strategies.reference import REFERENCE
from idiolect.strategies.rewrite import REWRITE
from idiolect.strategies.step_by_step import STEP_BY_STEP
from idiolect.strategies.styled import STYLED
from idiolect.strategies.teacher import TEACHER
from idiolect.strategies.teacher_paraphrase import TEACHER_PARAPHRASE
from idiolect.strategies.teacher_rewrite import TEACHER_REWRITE

__all__ = ["STRATEGIES", "Strategy", "StrategyContext", "get_strategy", "with_needed"]

_ALL = (
    REFERENCE,
    LABEL,
    OWN,
    HINTED,
    REWRITE,
    MINIMAL_CHANGE,
    CONTINUE,
    TEACHER,
    STYLED,
    TEACHER_REWRITE,
    STEP_BY_STEP,
    DETAILED,
    PARAPHRASE,
    TEACHER_PARAPHRASE,
)
STRATEGIES: dict[str, Strategy] = {s.name: s for s in _ALL}
"""All but `column:NAME` and `ladder`, which are made to measure."""


def get_strategy(name: str, columns: Sequence[str], config: Config | None = None) -> Strategy:
    """Return a strategy by name.

    Args:
        name: A key of `STRATEGIES`, `ladder` or `column:NAME`. With `@NAME` behind it, a
            strategy asks that one of `teachers`.
        columns: Names of the responses that the data holds.
        config: Has the rungs of the ladder and the teachers; default: the default ones.

    Raises:
        ConfigError: there is no such strategy or teacher, or the data has no such column.
    """
    prefix, colon, column = name.partition(":")
    if colon and prefix == "column":
        if column not in columns:
            has = f"the data has: {', '.join(columns)}" if columns else "the data has none"
            raise ConfigError(
                f"strategies: {name}: found no response {column!r}"
                f"{nearest(column, columns)} ({has})"
            )
        return column_strategy(column)
    kind, at, teacher = name.rpartition("@")
    if at:
        return _asking(get_strategy(kind, columns, config), teacher, config or Config())
    if name == "ladder":
        return ladder_strategy(config or Config(), STRATEGIES)
    if name not in STRATEGIES:
        allowed = [*STRATEGIES, "ladder", *(f"column:{column}" for column in columns)]
        raise ConfigError(
            f"strategies: unknown strategy {name!r}{nearest(name, allowed)} "
            f"(allowed: {', '.join(allowed)})"
        )
    return STRATEGIES[name]


def _asking(strategy: Strategy, teacher: str, config: Config) -> Strategy:
    """Return a strategy that asks another teacher.

    Raises:
        ConfigError: there is no such teacher, or the strategy asks none.
    """
    name = f"{strategy.name}@{teacher}"
    if "teacher" not in strategy.asks:
        raise ConfigError(f"strategies: {name}: {strategy.name} asks no teacher; drop @{teacher}")
    if teacher not in config.teachers:
        raise ConfigError(
            f"strategies: {name}: unknown teacher {teacher!r}{nearest(teacher, config.teachers)} "
            f"(teachers: {', '.join(config.teachers) or 'none'})"
        )
    return replace(strategy, name=name, teacher=teacher)


def with_needed(strategies: Sequence[Strategy]) -> tuple[Strategy, ...]:
    """Return strategies in the order of their work, with `own` where others build upon it."""
    chosen = {strategy.name: strategy for strategy in strategies}
    first = [s for s in chosen.values() if not s.needs]
    later = [s for s in chosen.values() if s.needs]
    if any("own" in s.needs for s in later) and "own" not in chosen:
        first.append(OWN)
    return (*first, *later)
