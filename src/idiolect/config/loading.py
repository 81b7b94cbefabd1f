"""How a configuration is read. An unknown key is an error with the nearest name.

Precedence: defaults < the files that a file `extends`, in their order < the file < flags and
`--set`. What is recorded with a run is the resolved configuration, after all of them.
"""

import dataclasses
import re
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args, get_origin, get_type_hints

from idiolect.config.tree import Config
from idiolect.errors import ConfigError, nearest

__all__ = ["load_config", "parse_override", "to_dict"]

# `target: NAME` is short for `target: {model: NAME}`; below `teachers` every key is a model.
_MODELS = ("target", "teacher", "judge")
_EXTENDS = "extends"


def load_config(
    path: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Read a configuration file, then apply `a.b=c` overrides and flags, in this order.

    Args:
        path: A YAML file, or None for defaults only.
        overrides: Strings of the form `target.model=NAME`; the value is read as YAML.
        flags: Dotted keys with values; a value of None means that the flag was not given.

    Raises:
        ConfigError: the file is missing or not YAML, a key is unknown, a value has the wrong
            type.
    """
    tree = _read_file(Path(path)) if path else {}
    where = str(path) if path else "configuration"
    for text in overrides:
        key, value = parse_override(text)
        _put(tree, key, value)
    for key, value in (flags or {}).items():
        if value is not None:
            _put(tree, key, value)
    _check_keys(tree, Config, prefix="", where=where)
    return _validate(tree, where)


def to_dict(config: Config) -> dict[str, Any]:
    """Return the configuration as plain data that YAML and JSON can hold."""
    return _plain(dataclasses.asdict(config))


def parse_override(text: str) -> tuple[str, Any]:
    """Split `a.b=c` into the dotted key and the value, read as YAML.

    Raises:
        ConfigError: there is no `=`, or the value is not YAML.
    """
    import yaml

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {text}: found no '=', expected KEY=VALUE, e.g. own.samples=4")
    try:
        return _spelled(key.strip()), yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(
            f"--set {text}: the value is not valid YAML; close its brackets and quotes"
        ) from None


def _spelled(dotted: str) -> str:
    """Return a dotted key with underscores for hyphens, but in names that the user chose."""
    kind: Any = Config
    parts: list[str] = []
    for part in dotted.split("."):
        if dataclasses.is_dataclass(kind):
            part = part.replace("-", "_")
            kind = get_type_hints(cast(type, kind)).get(part)
        else:
            kind = get_args(kind)[-1] if get_origin(kind) is dict else None
        parts.append(part)
        if get_origin(kind) is types.UnionType:  # a section or None
            kind = next((k for k in get_args(kind) if dataclasses.is_dataclass(k)), None)
    return ".".join(parts)


def _plain(value: Any) -> Any:
    """Return a value with lists for tuples."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _read_file(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return what a file says, on top of the files that it extends.

    Args:
        path: The file; names of other files in it are relative to its folder.
        above: The files that extend this one.
    """
    if path.resolve() in above:
        raise ConfigError(f"{path}: key 'extends': the file extends itself; remove it there")
    read = _read_yaml(path)
    names = read.pop(_EXTENDS, [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{path}: key 'extends': found {names!r}, expected names of files")
    own = {key: _section(key, value) for key, value in read.items()}
    if not names:
        return own
    tree: dict[str, Any] = {}
    for name in names:
        _merge(tree, _read_file(path.parent / name, (*above, path.resolve())))
    _merge(tree, own)
    return tree


def _merge(tree: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Put one tree over another, as a JSON merge patch does (RFC 7396).

    Sections are merged key by key, null takes a key out, everything else replaces.
    """
    for key, value in over.items():
        below = tree.get(key)
        if value is None:
            tree.pop(key, None)
        elif isinstance(below, dict) and isinstance(value, dict):
            _merge(below, value)
        else:
            tree[key] = value


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such configuration file; check the path") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 ({error.reason}); re-encode the file") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML{_place(error)}; fix the file") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: found {type(tree).__name__}, expected keys and values")
    return tree


def _place(error: Any) -> str:
    """Return where the YAML breaks, and what its parser says of that place."""
    mark, said = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{where} ({said})" if said else where


def _put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    is_model = dotted in _MODELS or re.fullmatch(r"teachers\.[^.]+", dotted)
    if is_model and isinstance(value, str):
        dotted = f"{dotted}.model"
    *parents, leaf = dotted.split(".")
    for key in parents:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            raise ConfigError(f"key {dotted!r}: {key!r} holds {child!r}, not further keys")
        tree = child
    tree[leaf] = value


def _section(key: str, value: Any) -> Any:
    """Return a section; a model's name alone becomes one."""
    if key == "teachers" and isinstance(value, dict):
        return {name: _section("teacher", each) for name, each in value.items()}
    return {"model": value} if key in _MODELS and isinstance(value, str) else value


def _check_keys(tree: Mapping[str, Any], kind: type, *, prefix: str, where: str) -> None:
    """Refuse keys that the dataclass does not have, before types are looked at."""
    hints = get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]
    for key, value in tree.items():
        if key not in names:
            raise ConfigError(
                f"{where}: unknown key {prefix + str(key)!r}{nearest(str(key), names)} "
                f"(allowed here: {', '.join(names)})"
            )
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, Mapping):
            _check_keys(value, hints[key], prefix=f"{prefix}{key}.", where=where)


def _validate(tree: dict[str, Any], where: str) -> Config:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Config).validate_python(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{where}: key {key!r}: found {first['input']!r}, expected {_expected(first)}; "
            "change the value"
        ) from None


def _expected(error: Mapping[str, Any]) -> str:
    """Say in words what pydantic wanted."""
    text = str(error["msg"])
    return text.removeprefix("Input should be ").removeprefix("a valid ")
