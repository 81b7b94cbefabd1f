"""What the configuration holds, read off its dataclasses: keys, types, defaults and docstrings.

`idiolect init` and the reference page are made from it, so neither can say anything else than
the code.
"""

import ast
import dataclasses
import inspect
import textwrap
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from idiolect.config.tree import Config

__all__ = ["Key", "Section", "describe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the configuration."""

    name: str
    type: str
    """In words, e.g. `number`, `auto, cpu or cuda`."""

    default: Any
    text: str
    """Its docstring on one line; empty where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A dataclass of the configuration."""

    name: str
    """Dotted; empty for the root."""

    text: str
    keys: tuple[Key, ...]


def describe(kind: type = Config) -> list[Section]:
    """Return the root's own keys first, then every section in the order of its field."""
    return list(_sections(kind, ""))


def _sections(kind: type, name: str) -> Iterator[Section]:
    hints, texts = get_type_hints(kind), _field_texts(kind)
    inner: list[tuple[str, type]] = []
    keys: list[Key] = []
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            inner.append((f"{name}.{field.name}".lstrip("."), hint))
            continue
        keys.append(
            Key(
                name=field.name,
                type=_type_words(hint),
                default=_default(field),
                text=texts.get(field.name, ""),
            )
        )
    yield Section(name=name, text=_first_paragraph(kind.__doc__ or ""), keys=tuple(keys))
    for path, section in inner:
        yield from _sections(section, path)


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _field_texts(kind: type) -> dict[str, str]:
    """Return the strings that stand under the fields of a dataclass."""
    source = textwrap.dedent(inspect.getsource(kind))
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.ClassDef)
    texts: dict[str, str] = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            texts[field.target.id] = " ".join(text.value.value.split())
    return texts


def _first_paragraph(text: str) -> str:
    return " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())


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
    return _WORDS.get(hint) or str(getattr(hint, "__name__", hint))
