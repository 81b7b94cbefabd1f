"""Read examples from any of the usual formats. The mapping is detected and can be overridden."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

from idiolect.config import DataConfig
from idiolect.data.layouts import LAYOUTS, Layout, LayoutError, Turns, detect_layout, fill
from idiolect.data.named import NamedDataset, find_named
from idiolect.data.rows import Row, RowProblem, read_rows
from idiolect.errors import DataError, nearest
from idiolect.records import CodeTests, Example, content_id

__all__ = ["Dataset", "example_of", "read", "read_dataset"]

# Our field -> columns that fill it when they are there, in this order.
_CHECK_COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "example_id"),
    "answer": ("answer", "final_answer", "expected_answer"),
    "choices": ("choices", "options"),
    "tests": ("tests", "test_list", "test"),
    "test_setup": ("test_setup", "test_setup_code"),
    "code_prompt": ("code_prompt",),
    "entry_point": ("entry_point",),
    "responses": ("responses",),
}
# What `--columns` may name beside the above: these become columns of the pair layouts.
_TURN_FIELDS = ("prompt", "reference", "system")
# What still means the same beside a prompt that `--columns` names.
_KEPT_BESIDE_PROMPT = {"completion", "reference", "answer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Examples, and how they were read."""

    source: str
    examples: tuple[Example, ...]
    problems: tuple[RowProblem, ...]
    """Rows that could not be used."""

    layout: str
    mapping: tuple[str, ...]
    """The mapping in words, one line a field."""

    verifier: str | None = None
    """What suits a known data set; None for others."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change when any example does."""
        return content_id([dataclasses.asdict(example) for example in self.examples])


def read(
    source: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    limit: int | None = None,
    subset: str | None = None,
    split: str = "train",
) -> list[Example]:
    """Read all examples of a file or hub data set.

    Args:
        source: A JSONL, JSON, CSV or Parquet file, or a hub id.
        columns: Overrides of the detected mapping, e.g. `{"prompt": "question"}`.
        limit: Take the first n rows only.
        subset: Name of a configuration of a hub data set.
        split: Split of a hub data set.

    Raises:
        DataError: a row cannot be used; the message names the first and counts the others.
    """
    dataset = read_dataset(
        DataConfig(
            path=str(source), columns=dict(columns or {}), limit=limit, subset=subset, split=split
        )
    )
    if dataset.problems:
        first, *others = dataset.problems
        raise DataError(first.message + (f" (and {len(others)} more rows)" if others else ""))
    return list(dataset.examples)


def read_dataset(config: DataConfig) -> Dataset:
    """Read a source; rows that cannot be used become problems beside the examples.

    Raises:
        DataError: the source does not exist, holds no row, or has columns that no layout fits.
    """
    named = find_named(config)
    source = config.path or (named.name if named else "")
    rows, problems = _mapped_rows(config, named) if named else _sorted_out(read_rows(config))
    if not rows:
        reasons = [problem.message for problem in problems]
        raise DataError(reasons[0] if reasons else f"{source}: holds no rows; check the file")
    renamed = _renamed(config.columns, _columns(rows), source)
    rows = [Row(row.place, renamed(row.fields)) for row in rows]
    layout = _layout(_columns(rows), source)
    examples: list[Example] = []
    seen: dict[str, str] = {}
    for row in rows:
        try:
            example = _example(row, layout, repeats=seen)
        except LayoutError as error:
            problems.append(_problem(row, f"{error}; fix or remove the row"))
            continue
        if example.id in seen:
            problems.append(
                _problem(
                    row,
                    f"field 'id': found {example.id!r}, which {seen[example.id]} has already; "
                    "give each row an id of its own",
                )
            )
            continue
        seen[example.id] = row.place
        examples.append(example)
    return Dataset(
        source=source,
        examples=tuple(examples),
        problems=tuple(problems),
        layout=layout.name,
        mapping=_named_lines(named)
        if named
        else _mapping_lines(layout, _columns(rows), config.columns),
        verifier=named.verifier if named else None,
    )


def example_of(named: NamedDataset, fields: Mapping[str, Any]) -> Example:
    """Return one row of a known data set's as an example.

    Raises:
        DataError: it is no row of it.
    """
    row = named.mapped(Row(named.name, fields))
    return _example(row, _layout(list(row.fields), named.name), repeats={})


def _sorted_out(items: Iterable[Row | RowProblem]) -> tuple[list[Row], list[RowProblem]]:
    found = list(items)
    rows = [item for item in found if isinstance(item, Row)]
    return rows, [item for item in found if isinstance(item, RowProblem)]


def _mapped_rows(config: DataConfig, named: NamedDataset) -> tuple[list[Row], list[RowProblem]]:
    """Read the rows of a known data set and give them our columns."""
    located, skipped = named.located(config)
    rows, problems = _sorted_out(islice(read_rows(located), skipped, None))
    mapped: list[Row] = []
    for row in rows:
        try:
            mapped.append(named.mapped(row))
        except DataError as error:
            problems.append(RowProblem(row.place, str(error)))
    return mapped, problems


def _named_lines(named: NamedDataset) -> tuple[str, ...]:
    revision = named.revision or "not pinned"
    return (f"{named.name}: as {named.hub} has it (revision {revision}, {named.licence})",)


def _columns(rows: Sequence[Row]) -> list[str]:
    """Return every column that occurs, in order of first appearance."""
    return list(dict.fromkeys(key for row in rows for key in row.fields))


def _renamed(overrides: Mapping[str, str], columns: Sequence[str], source: str) -> Any:
    """Return a function that applies `--columns field=column` to the fields of a row."""
    allowed = (*_TURN_FIELDS, *_CHECK_COLUMNS)
    for name, column in overrides.items():
        if name not in allowed:
            raise DataError(
                f"--columns {name}={column}: unknown field {name!r}{nearest(name, allowed)} "
                f"(allowed: {', '.join(allowed)})"
            )
        if column not in columns:
            raise DataError(
                f"{source}: --columns {name}={column}: found no column {column!r}"
                f"{nearest(column, columns)} (the data has: {', '.join(columns)})"
            )
    # A prompt named by hand is the prompt, whatever other prompts the data holds.
    prompts = {c for layout in LAYOUTS for c in layout.required} - _KEPT_BESIDE_PROMPT
    hidden = prompts if "prompt" in overrides else set[str]()

    def rename(fields: Mapping[str, Any]) -> dict[str, Any]:
        taken = {column: name for name, column in overrides.items()}
        kept = {k: v for k, v in fields.items() if k not in taken and k not in hidden}
        named = {name: fields.get(column) for name, column in overrides.items()}
        if "reference" in named and "prompt" in named:
            named["completion"] = named.pop("reference")
        return kept | named

    return rename


def _layout(columns: Sequence[str], source: str) -> Layout:
    layout = detect_layout(columns)
    if layout is None:
        known = "; ".join(" + ".join(layout.required) for layout in LAYOUTS)
        raise DataError(
            f"{source}: found the columns {', '.join(columns)}, expected one of: {known}; "
            "name them with --columns prompt=...,reference=..."
        )
    return layout


def _example(row: Row, layout: Layout, *, repeats: Mapping[str, str]) -> Example:
    fields = row.fields
    for column, value in fields.items():
        if _is_torn(value):
            raise LayoutError(column, "half of a surrogate pair", "valid Unicode")
    for column in layout.required:
        if fields.get(column) is None and column == layout.required[0]:
            raise LayoutError(column, "nothing", "a prompt")
    turns, reference = _split(layout.turns(fields), layout)
    checks = {name: _first(fields, names) for name, names in _CHECK_COLUMNS.items()}
    answer = _answer(fields, layout, reference)
    choices = _texts(checks["choices"], "choices")
    tests = _tests(checks)
    responses = _responses(checks["responses"])
    used = {*layout.uses, *(name for names in _CHECK_COLUMNS.values() for name in names)}
    body: dict[str, Any] = {
        "messages": tuple(turns),
        "reference": reference,
        "answer": answer,
        "choices": choices,
        "tests": tests,
        "responses": responses,
        "metadata": _plain({k: v for k, v in fields.items() if k not in used and v is not None}),
    }
    given = checks["id"]
    return Example(id=str(given) if given is not None else _derived_id(body, repeats), **body)


def _derived_id(body: Mapping[str, Any], repeats: Mapping[str, str]) -> str:
    """Return an id from content. Equal rows are told apart by counting."""
    base = content_id(
        [(message.role, message.content) for message in body["messages"]],
        body["reference"],
        body["answer"],
        dict(body["responses"]),
    )
    count, unique = 1, base
    while unique in repeats:
        count += 1
        unique = f"{base}-{count}"
    return unique


def _split(turns: Turns, layout: Layout) -> tuple[Turns, str | None]:
    """Take the reference off the end and check that a prompt is left."""
    column = layout.required[0]
    reference = None
    if turns and turns[-1].role == "assistant":
        reference, turns = turns[-1].content, turns[:-1]
    if not any(turn.role == "user" and turn.content.strip() for turn in turns):
        raise LayoutError(column, "no user turn with text", "at least one")
    if turns[-1].role == "system":
        raise LayoutError(column, "a prompt that ends with a system turn", "a user or tool turn")
    return turns, reference


def _first(fields: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _answer(fields: Mapping[str, Any], layout: Layout, reference: str | None) -> str | None:
    names = [name for name in _CHECK_COLUMNS["answer"] if name not in layout.uses]
    value = _first(fields, names)
    if value is not None:
        return fill({"answer": value}, "answer")
    # GSM8K as published holds the rationale and, after '####', the answer in one column.
    return reference.rpartition("####")[2].strip() if reference and "####" in reference else None


def _texts(value: Any, column: str) -> tuple[str, ...] | None:
    if isinstance(value, Mapping):  # the hub's {"label": [...], "text": [...]}
        value = cast(Mapping[str, Any], value).get("text")
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise LayoutError(column, type(value).__name__, "a list of texts")
    return tuple(str(item) for item in cast(Sequence[Any], value))


def _tests(checks: Mapping[str, Any]) -> CodeTests | None:
    tests = checks["tests"]
    if tests is None:
        return None
    return CodeTests(
        tests=(tests,) if isinstance(tests, str) else _texts(tests, "tests") or (),
        setup=str(checks["test_setup"] or ""),
        prompt=str(checks["code_prompt"] or ""),
        entry_point=checks["entry_point"],
    )


def _responses(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise LayoutError("responses", type(value).__name__, "an object of name -> text")
    texts = cast(Mapping[str, Any], value)
    return {name: text for name in texts if (text := fill(texts, name)) is not None}


def _is_torn(value: Any) -> bool:
    """Say whether a text in a value is none that a file could hold."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _plain(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return metadata as the run can store it; dates and bytes, e.g. of Parquet, as text."""
    return json.loads(json.dumps(metadata, default=str))


def _problem(row: Row, message: str) -> RowProblem:
    return RowProblem(row.place, f"{row.place}: {message}")


def _mapping_lines(
    layout: Layout, columns: Sequence[str], overrides: Mapping[str, str]
) -> tuple[str, ...]:
    lines = [f"{layout.name}: {layout.mapping}"]
    for name, candidates in _CHECK_COLUMNS.items():
        found = next((c for c in candidates if c in columns and c not in layout.uses), None)
        if found:
            lines.append(f"{name} <- {found}")
    lines += [f"{name} <- {column} (--columns)" for name, column in overrides.items()]
    return tuple(lines)
