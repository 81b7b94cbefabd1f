"""`idiolect.yaml` as dataclasses. An unknown key is an error with the nearest name.

Precedence: defaults < file < flags and `--set`. What is recorded with a run is the resolved
configuration, after all of them.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, get_type_hints

from idiolect.errors import ConfigError, nearest

__all__ = [
    "Config",
    "DataConfig",
    "OwnConfig",
    "SelectionConfig",
    "TargetConfig",
    "load_config",
    "parse_override",
    "to_dict",
]

_FORBID: dict[str, Any] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Where the examples come from."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _FORBID

    path: str | None = None
    """A JSONL, JSON, CSV or Parquet file, or the id of a data set on the hub."""

    columns: dict[str, str] = field(default_factory=dict[str, str])
    """Overrides of the detected mapping: our field -> column of the data."""

    limit: int | None = None
    """Take the first n rows only."""

    subset: str | None = None
    split: str = "train"
    revision: str | None = None
    """Of a data set on the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetConfig:
    """The model that is about to be fine-tuned."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _FORBID

    model: str | None = field(default=None, kw_only=False)
    """A folder or a hub id."""

    server: str | None = None
    """Base URL of a server that scores; then only the tokenizer of `model` is loaded."""

    server_model: str | None = None
    """Name on the server; None takes the first that it offers."""

    revision: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: float32 on a CPU, bfloat16 on a GPU."""

    format: str | None = None
    """A plain format by name, for base models without a chat template."""

    template_kwargs: dict[str, Any] = field(default_factory=dict[str, Any])
    """Handed to the chat template, e.g. `enable_thinking: false`."""

    thinking: Literal["keep", "strip"] = "keep"
    """What happens to a `<think>` block at the start of a response."""

    trust_remote_code: bool = False
    """Run Python code that comes with the model. Off unless asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnConfig:
    """Sampling of the target's own answers."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _FORBID

    samples: int = 1
    temperature: float = 0.0
    """0 is greedy, and then one sample is all there is."""

    top_p: float = 1.0
    max_new_tokens: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionConfig:
    """How one candidate is chosen for each example."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _FORBID

    allow_unchecked: bool = True
    """Let candidates of examples without any answer to check against be chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that a command needs to know."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _FORBID

    data: DataConfig = field(default_factory=DataConfig)
    target: TargetConfig = field(default_factory=TargetConfig)
    strategies: tuple[str, ...] = ()
    """Names of strategies; empty takes the command's default."""

    own: OwnConfig = field(default_factory=OwnConfig)
    verifier: str | None = None
    """None: chosen from what the examples hold."""

    measures: tuple[str, ...] = ("perplexity", "bits-per-byte", "length")
    """Familiarity measures; `ifd` scores every response a second time, without its prompt."""

    selection: SelectionConfig = field(default_factory=SelectionConfig)
    seed: int = 0
    output_dir: str | None = None


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
    tree = _read_yaml(Path(path)) if path else {}
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
    tree = dataclasses.asdict(config)
    return tree | {"strategies": list(config.strategies), "measures": list(config.measures)}


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
        return key.strip().replace("-", "_"), yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(
            f"--set {text}: the value is not valid YAML; close its brackets and quotes"
        ) from None


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
        raise ConfigError(f"{path}: not valid YAML ({error}); fix the file") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: found {type(tree).__name__}, expected keys and values")
    return tree


def _put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, leaf = dotted.split(".")
    for key in parents:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            raise ConfigError(f"key {dotted!r}: {key!r} holds {child!r}, not further keys")
        tree = child
    tree[leaf] = value


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
