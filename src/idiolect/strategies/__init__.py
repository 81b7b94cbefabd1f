"""Strategies by name: ways to produce a response. Each lives in its own file."""

from collections.abc import Sequence

from idiolect.errors import ConfigError, nearest
from idiolect.strategies.base import Strategy, StrategyContext
from idiolect.strategies.column import column_strategy
from idiolect.strategies.label import LABEL
from idiolect.strategies.own import OWN
from idiolect.strategies.reference import REFERENCE

__all__ = ["STRATEGIES", "Strategy", "StrategyContext", "get_strategy"]

STRATEGIES: dict[str, Strategy] = {s.name: s for s in (REFERENCE, LABEL, OWN)}


def get_strategy(name: str, columns: Sequence[str]) -> Strategy:
    """Return a strategy by name.

    Args:
        name: A key of `STRATEGIES`, or `column:NAME`.
        columns: Names of the responses that the data holds.

    Raises:
        ConfigError: there is no such strategy, or the data has no such column.
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
    if name not in STRATEGIES:
        allowed = [*STRATEGIES, *(f"column:{column}" for column in columns)]
        raise ConfigError(
            f"strategies: unknown strategy {name!r}{nearest(name, allowed)} "
            f"(allowed: {', '.join(allowed)})"
        )
    return STRATEGIES[name]
