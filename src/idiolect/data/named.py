"""Data sets by name: where their rows are, and how a row becomes an example.

The sets stand in `named.toml`, one table each and no code for any of them. A local file in the
shape of the hub's rows works in the place of the hub: `data.path` names the file then, and
`data.dataset` the set.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from idiolect.config import DataConfig
from idiolect.data.rows import Row
from idiolect.errors import DataError, nearest

__all__ = ["NamedDataset", "Split", "find_named", "named_datasets"]

_NAME = re.compile(r"[\w-]+")
_FIELDS = (
    *("id", "reference", "answer", "choices"),
    *("tests", "test_setup", "code_prompt", "entry_point"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A split of the hub's, or some rows of it."""

    hub: str
    rows: tuple[int, int] | None = None
    """First row, and the one after the last; None for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDataset:
    """A data set that is known by name."""

    name: str
    hub: str
    """Id on the hub."""

    subset: str | None = None
    revision: str | None = None
    """Commit on the hub, or a branch of it; None where none is known."""

    licence: str
    licence_source: str
    """Where it was read."""

    verifier: str
    splits: Mapping[str, Split]
    rows: Mapping[str, int]
    """Split of the hub's -> how many rows it has."""

    sample: Mapping[str, Any]
    """An invented row in the shape of the hub's, about as long as theirs are."""

    prompt: str
    """Jinja template over a row's columns."""

    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    """Our field -> Jinja expression over a row's columns."""

    def located(self, config: DataConfig) -> tuple[DataConfig, int]:
        """Return where the rows are, and how many of the first ones are not wanted.

        Args:
            config: What the user asked for; what they set themselves wins.
        """
        split = self.splits.get(config.split, Split(hub=config.split))
        start, stop = split.rows or (0, None)
        limits = [n for n in (stop, config.limit and start + config.limit) if n is not None]
        found = replace(
            config,
            path=config.path if self.is_local(config) else self.hub,
            dataset=None,
            subset=config.subset or self.subset,
            split=split.hub,
            revision=config.revision or self.revision,
            limit=min(limits, default=None),
        )
        return found, start

    def is_local(self, config: DataConfig) -> bool:
        """Return whether a file has the rows, and not the hub."""
        return config.path is not None and config.path != self.name

    def count(self, config: DataConfig) -> int:
        """Return how many rows the hub has for a configuration.

        Raises:
            DataError: that is not known.
        """
        located, start = self.located(config)
        if located.split not in self.rows or located.subset != self.subset:
            raise DataError(
                f"{self.name}: it is not on this machine, and how many rows split "
                f"{located.split!r} of subset {located.subset!r} has is not known (known: "
                f"{', '.join(self.splits)}); read it once, e.g. with `idiolect verify`"
            )
        rows = self.rows[located.split]
        return min(rows, located.limit if located.limit is not None else rows) - start

    def mapped(self, row: Row) -> Row:
        """Return a row of the hub's as one with our columns.

        Raises:
            DataError: a column is missing, or holds something else than this set's.
        """
        import jinja2

        template, expressions = _compiled(self.name)
        try:
            fields: dict[str, Any] = {"prompt": template.render(row.fields).strip()}
            for name, expression in expressions.items():
                value = expression(**row.fields)
                if isinstance(value, jinja2.Undefined):
                    raise LookupError(f"found no column for {name!r}")
                fields[name] = str(value) if name == "answer" else value
        except (jinja2.UndefinedError, TypeError, ValueError, LookupError) as error:
            raise DataError(
                f"{row.place}: is no row of {self.hub} ({error}); check data.dataset, or leave it "
                "out and name the columns with --columns"
            ) from None
        if "responses" in row.fields:
            fields["responses"] = row.fields["responses"]
        return Row(row.place, fields)


@cache
def named_datasets() -> Mapping[str, NamedDataset]:
    """Return all named data sets."""
    text = Path(__file__).with_name("named.toml").read_text(encoding="utf-8")
    return {name: _named(name, entry) for name, entry in tomllib.loads(text).items()}


def find_named(config: DataConfig) -> NamedDataset | None:
    """Return the named data set that a configuration means, or None.

    A file or folder of that name goes before the name.

    Raises:
        DataError: `data.dataset` names none.
    """
    known = named_datasets()
    if config.dataset is not None:
        if config.dataset not in known:
            raise DataError(
                f"data.dataset: unknown data set {config.dataset!r}"
                f"{nearest(config.dataset, known)} (allowed: {', '.join(known)})"
            )
        return known[config.dataset]
    path = config.path or ""
    if Path(path).exists():
        return None
    if path not in known and _NAME.fullmatch(path) and (hint := nearest(path, known)):
        raise DataError(
            f"{path}: there is no such file and no known data set{hint} "
            f"(known: {', '.join(known)}); check the name"
        )
    return known.get(path)


def _named(name: str, entry: Mapping[str, Any]) -> NamedDataset:
    splits = {key: _split(value) for key, value in entry["splits"].items()}
    return NamedDataset(
        name=name,
        hub=entry["hub"],
        subset=entry.get("subset"),
        revision=entry.get("revision"),
        licence=entry["licence"],
        licence_source=entry["licence_source"],
        verifier=entry["verifier"],
        splits=splits,
        rows=entry["rows"],
        sample=entry["sample"],
        prompt=entry["prompt"],
        fields={key: entry[key] for key in _FIELDS if key in entry},
    )


def _split(value: str | Mapping[str, Any]) -> Split:
    if isinstance(value, str):
        return Split(hub=value)
    start, stop = value["rows"]
    return Split(hub=value["hub"], rows=(start, stop))


@cache
def _compiled(name: str) -> tuple[Any, dict[str, Any]]:
    """Return the template and the expressions of a set. Rows are data to them, never code."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment: Any = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters |= {"before": _before, "after": _after, "boxed": _boxed}
    named = named_datasets()[name]
    expressions = {
        key: environment.compile_expression(text.replace("\n", "\\n"), undefined_to_none=False)
        for key, text in named.fields.items()
    }
    return environment.from_string(named.prompt), expressions


def _before(text: str, mark: str) -> str:
    """Return what stands before the last mark."""
    return text.rpartition(mark)[0].strip()


def _after(text: str, mark: str) -> str:
    """Return what stands after the last mark; ValueError where there is none."""
    if mark not in text:
        raise ValueError(f"found no {mark!r}")
    return text.rpartition(mark)[2].strip()


def _boxed(text: str) -> str:
    r"""Return the content of the last `\boxed`, braces balanced."""
    start = max(text.rfind(r"\boxed"), text.rfind(r"\fbox"))
    if start < 0:
        raise ValueError(r"found no \boxed")
    body = text[start:].partition("xed" if text.startswith(r"\boxed", start) else "box")[2]
    body = body.lstrip()
    if not body.startswith("{"):
        return body.split("$")[0].split()[0]  # `\boxed 5` holds the next word
    depth = 0
    for place, char in enumerate(body):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return body[1:place]
    raise ValueError(r"found a \boxed that never closes")
