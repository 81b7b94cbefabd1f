"""`init`: a commented `idiolect.yaml`, written from the code that reads it."""

import textwrap
from pathlib import Path
from typing import Any

import yaml

from idiolect.config.describe import Key, Section, describe
from idiolect.errors import ConfigError

__all__ = ["config_text", "init"]

_HEAD = """\
# idiolect.yaml: what a run needs to know. Every key stands here with its default, commented out.
# To change one, take away its `#` and that of its section's name above it.
# Flags and --set win over this file.
#
#   idiolect doctor -c idiolect.yaml    is everything there?
#   idiolect build -c idiolect.yaml     make the data set
"""


def init(output: str | Path, *, data: str | None = None, target: str | None = None) -> Path:
    """Write a commented configuration file; never over one that is there.

    Args:
        output: The file.
        data: Goes into `data.path`.
        target: Goes into `target.model`.

    Raises:
        ConfigError: the file is there already, or cannot be written.
    """
    path = Path(output)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(config_text(data=data, target=target))
    except FileExistsError:
        raise ConfigError(
            f"{path}: is there already and is left as it is; name another file with --output, or "
            "move this one away"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}); name another file with --output"
        ) from None
    return path


def config_text(*, data: str | None = None, target: str | None = None) -> str:
    """Return the file: every key of the configuration with its docstring and its default."""
    given = {"data.path": data, "target.model": target}
    root, *sections = describe()
    blocks = [_HEAD, *(_section_text(section, given) for section in sections)]
    blocks.append("\n\n".join(_key_text(key, "", "") for key in root.keys) + "\n")
    return "\n".join(blocks)


def _section_text(section: Section, given: dict[str, str | None]) -> str:
    depth = "  " * section.name.count(".")
    used = any(given.get(f"{section.name}.{key.name}") for key in section.keys)
    mark = "" if used else "#"
    head = f"{_comment(section.text, depth)}{depth}{mark}{section.name.rpartition('.')[2]}:\n"
    keys = [
        _key_text(key, depth + "  ", given.get(f"{section.name}.{key.name}") or "")
        for key in section.keys
    ]
    return head + "\n".join(keys) + "\n"


def _key_text(key: Key, indent: str, given: str) -> str:
    about = " ".join(part for part in (key.text, f"({key.type})") if part)
    value = _yaml(given) if given else _yaml(key.default)
    return f"{_comment(about, indent)}{indent}{'' if given else '#'}{key.name}: {value}"


def _comment(text: str, indent: str) -> str:
    lines = textwrap.wrap(text, 94 - len(indent))
    return "".join(f"{indent}# {line}\n" for line in lines)


def _yaml(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=10**6)
    return text.removesuffix("\n").removesuffix("...").strip()
