"""What the configuration holds, read off its dataclasses: keys, types, defaults and docstrings.

`idiolect init` and the reference page are made from it, so neither can say anything else than
the code.
"""

import ast
import dataclasses
import inspect
import re
import textwrap
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from idiolect.config.tree import Config

__all__ = ["Key", "Section", "describe", "describe_whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the configuration."""

    name: str
    type: str
    """In words, e.g. `number`, `auto, cpu or cuda`."""

    default: Any
    text: str
    """Its docstring on one line."""

    is_required: bool = False
    """Whether it has no default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A dataclass of the configuration."""

    name: str
    """Dotted; empty for the root. `NAME` stands where the user chooses a name."""

    text: str
    keys: tuple[Key, ...]
    same_as: str | None = None
    """The section whose keys it has; then they are not repeated."""


def describe(kind: type = Config) -> list[Section]:
    """Return the root's own keys first, then every section that is always there, in order."""
    return list(_sections(kind, "", _first_paragraph(kind.__doc__)))


def describe_whole(kind: type = Config) -> list[Section]:
    """Return the sections of `describe`, and those that a key may hold, each kind of them once."""
    return list(_sections(kind, "", _first_paragraph(kind.__doc__), seen={}))


def _sections(
    kind: type, name: str, text: str, seen: dict[type, str] | None = None
) -> Iterator[Section]:
    """Yield a section and those below it; with `seen` also those that its keys may hold."""
    if seen is not None:
        if kind in seen:
            yield Section(name=name, text=text, keys=(), same_as=seen[kind])
            return
        seen[kind] = name
    hints, texts = get_type_hints(kind), _field_texts(kind)
    below: list[tuple[type, str, str]] = []
    keys: list[Key] = []
    for field in dataclasses.fields(kind):
        path, hint = f"{name}.{field.name}".lstrip("."), hints[field.name]
        if (inner := _dataclass(hint)) is not None:
            below.append((inner, path, texts.get(field.name) or _first_paragraph(inner.__doc__)))
            continue
        if seen is not None and (held := _held(hint)) is not None:
            inner, place = held
            below.append((inner, path + place, _first_paragraph(inner.__doc__)))
        keys.append(
            Key(
                name=field.name,
                type=_type_words(hint),
                default=_default(field),
                text=texts.get(field.name, ""),
                is_required=field.default is field.default_factory is dataclasses.MISSING,
            )
        )
    yield Section(name=name, text=text, keys=tuple(keys))
    for inner, path, words in below:
        yield from _sections(inner, path, words, seen)


def _dataclass(hint: Any) -> type | None:
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None


def _held(hint: Any) -> tuple[type, str] | None:
    """Return the dataclass that a mapping or an option holds, and what its path ends with."""
    for argument in get_args(hint):
        if (inner := _dataclass(argument)) is not None:
            return inner, ".NAME" if get_origin(hint) is dict else ""
    return None


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _field_texts(kind: type) -> dict[str, str]:
    """Return the strings that stand under the fields of a dataclass."""
    texts: dict[str, str] = {}
    for base in kind.__bases__:
        if dataclasses.is_dataclass(base):
            texts |= _field_texts(base)
    source = textwrap.dedent(inspect.getsource(kind))
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.ClassDef)
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            # A file of settings has null where Python has None.
            words = " ".join(text.value.value.split())
            texts[field.target.id] = re.sub(r"\bNone\b", "null", words)
    return texts


def _first_paragraph(text: str | None) -> str:
    return " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())


_WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Any: "any value",
}


def _type_words(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        words = [_type_words(a) for a in arguments if a is not type(None)]
        return " or ".join([*words, *(["null"] if type(None) in arguments else [])])
    if origin is Literal:
        *others, last = [str(a) for a in arguments]
        return f"{', '.join(others)} or {last}" if others else last
    if origin is dict:
        return f"mapping of {_type_words(arguments[0])} to {_type_words(arguments[1])}"
    if origin in (tuple, list):
        return f"list of {_type_words(arguments[0])}"
    if _dataclass(hint) is not None:
        return "section"
    return _WORDS.get(hint) or str(getattr(hint, "__name__", hint))
