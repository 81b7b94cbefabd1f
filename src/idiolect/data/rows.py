"""Rows of a file or of a hub data set, each with the place it came from."""

import csv
import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from idiolect.config import DataConfig
from idiolect.errors import DataError, MissingExtra

__all__ = ["Row", "RowProblem", "read_rows", "without_network"]

_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
_LONGEST_CSV_FIELD = 2**31 - 1
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a source, before it is understood."""

    place: str
    """`file:line` or `file:row n`, for messages."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that could not be used, with the sentence that says why."""

    place: str
    message: str


def read_rows(config: DataConfig) -> Iterator[Row | RowProblem]:
    """Yield the rows of a source in order; broken ones as problems.

    Raises:
        DataError: there is no such source, or it cannot be read at all.
    """
    source = config.path
    if not source:
        raise DataError("no data was given; name a file, a data set of the hub or a known one")
    if config.limit is not None and config.limit < 1:
        raise DataError(f"data.limit: found {config.limit}, expected at least 1; change the value")
    path = Path(source)
    rows: Iterable[Row | RowProblem]
    if path.is_file():
        rows = _file_rows(path)
    elif path.is_dir() or (path.suffix not in _SUFFIXES and source.count("/") == 1):
        rows = _hub_rows(source, config)
    else:
        raise DataError(f"{source}: there is no such file; check the path")
    return islice(iter(rows), config.limit)


@contextmanager
def without_network() -> Generator[None]:
    """Let data sets of the hub come from the cache of this machine alone.

    Raises:
        MissingExtra: `datasets` is not installed, so there is no such cache.
    """
    try:
        from datasets import config
    except ImportError:
        raise MissingExtra("datasets", "hub", "reading data sets of the hub") from None
    settings: Any = config
    before = settings.HF_HUB_OFFLINE
    settings.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        settings.HF_HUB_OFFLINE = before


def _file_rows(path: Path) -> Iterable[Row | RowProblem]:
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return _jsonl(path)
    if suffix == ".json":
        return _json(path)
    if suffix == ".csv":
        return _csv(path)
    if suffix == ".parquet":
        return _parquet(path)
    raise DataError(
        f"{path}: found the ending {suffix!r}, expected one of {', '.join(_SUFFIXES)}; "
        "rename or convert the file"
    )


def _jsonl(path: Path) -> Iterator[Row | RowProblem]:
    # Bytes, so that one line that is not UTF-8 does not hide the others.
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            place = f"{path}:{number}"
            try:
                fields = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
            except UnicodeDecodeError as error:
                yield RowProblem(place, f"{place}: not UTF-8 ({error.reason}); re-encode the file")
                continue
            except json.JSONDecodeError as error:
                yield RowProblem(
                    place,
                    f"{place}: not valid JSON ({error.msg}, column {error.colno}); "
                    "fix or remove the line",
                )
                continue
            yield _checked(place, fields)


def _json(path: Path) -> Iterator[Row | RowProblem]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: not valid JSON ({error}); fix the file") from None
    if not isinstance(rows, list):
        raise DataError(
            f"{path}: found {type(rows).__name__}, expected a list of rows; "
            "for one object a line use the ending .jsonl"
        )
    for index, fields in enumerate(rows):
        yield _checked(f"{path}:row {index}", fields)


def _csv(path: Path) -> Iterator[Row | RowProblem]:
    csv.field_size_limit(_LONGEST_CSV_FIELD)
    # Bytes that are not UTF-8 become half surrogates, so that only their row is lost.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file)
        for fields in reader:
            place = f"{path}:{reader.line_num}"
            if None in fields:
                yield RowProblem(
                    place,
                    f"{place}: found more values than the {len(reader.fieldnames or [])} columns "
                    "of the header; fix or remove the row",
                )
            elif any(_ESCAPED_BYTE.search(value or "") for value in fields.values()):
                yield RowProblem(place, f"{place}: not UTF-8; re-encode the file")
            else:
                yield Row(place, {key: value or None for key, value in fields.items()})


def _parquet(path: Path) -> Iterator[Row | RowProblem]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingExtra("pyarrow", "hub", "reading Parquet files") from None
    import pyarrow

    try:
        batches = parquet.ParquetFile(path).iter_batches()
        index = 0
        for batch in batches:
            for fields in batch.to_pylist():
                yield _checked(f"{path}:row {index}", fields)
                index += 1
    except pyarrow.ArrowInvalid as error:
        raise DataError(f"{path}: not a Parquet file ({error}); check the file") from None


def _hub_rows(source: str, config: DataConfig) -> Iterator[Row | RowProblem]:
    try:
        import datasets
        from datasets.exceptions import DatasetsError
    except ImportError:
        raise MissingExtra("datasets", "hub", f"reading the data set {source!r}") from None
    try:
        rows: Any = datasets.load_dataset(
            source, name=config.subset, split=config.split, revision=config.revision
        )
    except (OSError, ValueError, DatasetsError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise DataError(
            f"{source}: no such file, and it could not be loaded as a data set "
            f"(subset {config.subset!r}, split {config.split!r}): {first_line}"
        ) from None
    for index, fields in enumerate(rows):
        yield _checked(f"{source}:{config.split} row {index}", fields)


def _checked(place: str, fields: Any) -> Row | RowProblem:
    if isinstance(fields, dict):
        return Row(place, fields)
    return RowProblem(
        place,
        f"{place}: found {type(fields).__name__}, expected an object with named fields; "
        "fix or remove the row",
    )
