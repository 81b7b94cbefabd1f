"""How the frozen values become SQLite rows and come back.

Each value type has one table, with a column for each field. Text, numbers and truth values
are stored as they are, everything else as JSON, so that the file can be read with any SQLite
tool. A column `at` holds the time of writing; it is no part of the value.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from idiolect.records import (
    Answer,
    Candidate,
    Cell,
    Choice,
    Drift,
    Example,
    Failure,
    Measurement,
    Payment,
    Spend,
    TokenScores,
    Verdict,
)

__all__ = ["TABLES", "Record", "Table", "from_row", "table_of", "to_row"]

Record = (
    Example
    | Candidate
    | Verdict
    | Measurement
    | TokenScores
    | Choice
    | Failure
    | Spend
    | Payment
    | Cell
    | Answer
    | Drift
)


@dataclass(frozen=True, slots=True)
class Table:
    """A value type and how it is stored."""

    name: str
    kind: type
    key: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, `at` left out."""
        return tuple(field.name for field in dataclasses.fields(self.kind))

    @property
    def schema(self) -> str:
        """The statement that makes the table."""
        columns = ", ".join(f'"{name}" {_sql_type(self.kind, name)}' for name in self.columns)
        return (
            f'CREATE TABLE IF NOT EXISTS "{self.name}" '
            f"({columns}, at REAL, PRIMARY KEY ({', '.join(self.key)}))"
        )


TABLES: tuple[Table, ...] = (
    Table("examples", Example, ("id",)),
    Table("candidates", Candidate, ("id",)),
    Table("verdicts", Verdict, ("candidate_id", "verifier")),
    Table("measurements", Measurement, ("candidate_id", "context")),
    Table("token_scores", TokenScores, ("candidate_id",)),
    Table("choices", Choice, ("candidate_id",)),
    Table("cells", Cell, ("id",)),
    Table("answers", Answer, ("subject_id", "split", "example_id", "sample_index")),
    Table("drifts", Drift, ("subject_id", "split", "example_id", "source")),
    Table("failures", Failure, ("subject_id", "step", "strategy")),
    Table("spend", Spend, ("subject_id", "attempt", "request")),
    Table("payments", Payment, ("id",)),
)


def table_of(kind: type) -> Table:
    """Return the table that stores a value type."""
    return next(table for table in TABLES if table.kind is kind)


def to_row(record: Record) -> tuple[Any, ...]:
    """Return the values of the columns, in their order."""
    kind = type(record)
    return tuple(_encode(getattr(record, name), kind, name) for name in table_of(kind).columns)


def from_row(kind: type, row: Sequence[Any]) -> Any:
    """Return the value that `to_row` made the row from."""
    names = table_of(kind).columns
    return kind(
        **{name: _decode(value, kind, name) for name, value in zip(names, row, strict=True)}
    )


def _encode(value: Any, kind: type, name: str) -> Any:
    if value is None or _is_scalar(kind, name):
        return value
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _decode(value: Any, kind: type, name: str) -> Any:
    if value is None:
        return None
    hint = _hint(kind, name)
    if hint is bool:
        return bool(value)
    return value if _is_scalar(kind, name) else _restore(json.loads(value), hint)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _restore(value: Any, hint: Any) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return hint(**{key: _restore(item, hints[key]) for key, item in value.items()})
    if get_origin(hint) is tuple:
        return tuple(_restore(item, get_args(hint)[0]) for item in value)
    return value


@cache
def _hint(kind: type, name: str) -> Any:
    """Return the type of a field, with `| None` taken off."""
    hint = get_type_hints(kind)[name]
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (arg for arg in get_args(hint) if arg is not type(None))
    return hint


@cache
def _is_scalar(kind: type, name: str) -> bool:
    return _sql_type(kind, name) != "JSON"


@cache
def _sql_type(kind: type, name: str) -> str:
    hint = _hint(kind, name)
    if hint in (int, bool):
        return "INTEGER"
    if hint is float:
        return "REAL"
    # Literals of this project are text.
    is_text = hint is str or (get_args(hint) and all(isinstance(a, str) for a in get_args(hint)))
    return "TEXT" if is_text else "JSON"
