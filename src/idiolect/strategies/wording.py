"""The prompts of the strategies: Jinja files beside the code, which a user may word otherwise.

Texts of examples and models enter as variables and are never read as templates. The
environment is sandboxed, and a template that uses a variable which its strategy does not
offer is an error: what a writer sees can't be widened by a prompt.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from idiolect.errors import ConfigError, nearest
from idiolect.records import content_id

__all__ = ["VARIABLES", "Wording"]

_HINT = frozenset({"question", "reference", "answer"})
VARIABLES: dict[str, frozenset[str]] = {
    "hinted": _HINT,
    "rewrite": frozenset({"question", "reference"}),
    "minimal-change": _HINT | {"own"},
    "minimal-change-again": frozenset({"problem", "budget"}),
    "continue": _HINT | {"own"},
    "teacher": frozenset({"question", "answer"}),
    "styled": frozenset({"question", "others"}),
    "teacher-rewrite": _HINT,
    "step-by-step": _HINT,
    "detailed": _HINT,
    "paraphrase": _HINT,
}
"""Prompt -> the variables that it is given. `others` is a list of `question` and `answer`."""

_FILE_NAMES = (".jinja", ".j2", ".txt", ".md")


class Wording:
    """The prompts by name.

    Args:
        overrides: Name -> a file or the text itself.

    Raises:
        ConfigError: a name or a file does not exist, or a template is wrong.
    """

    def __init__(self, overrides: Mapping[str, str] | None = None) -> None:
        self._sources = {name: _shipped(name) for name in VARIABLES}
        for name, value in (overrides or {}).items():
            if name not in VARIABLES:
                raise ConfigError(
                    f"prompts: unknown prompt {name!r}{nearest(name, VARIABLES)} "
                    f"(allowed: {', '.join(VARIABLES)})"
                )
            self._sources[name] = _read(name, value)
            _check(name, self._sources[name])

    def render(self, name: str, **values: Any) -> str:
        """Return a prompt with its variables filled in.

        Raises:
            ConfigError: the template fails on these values.
        """
        from jinja2 import TemplateError

        assert values.keys() == VARIABLES[name]
        try:
            return _compiled(self._sources[name]).render(values).strip()
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise ConfigError(f"prompts.{name}: cannot be filled in ({error}); fix it") from None

    def hash_of(self, *names: str) -> str:
        """Return a fingerprint of the wording of some prompts."""
        return content_id([self._sources[name] for name in names])


@cache
def _shipped(name: str) -> str:
    return (files("idiolect.strategies") / "prompts" / f"{name}.jinja").read_text(encoding="utf-8")


def _read(name: str, value: str) -> str:
    """Return the text of an override: of the file, where it names one."""
    is_name = "\n" not in value and value.endswith(_FILE_NAMES)
    if not is_name:
        return value
    try:
        return Path(value).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"prompts.{name}: {value}: cannot be read ({error})") from None


def _check(name: str, source: str) -> None:
    from jinja2 import TemplateError, meta

    try:
        used = meta.find_undeclared_variables(_environment().parse(source))
    except TemplateError as error:
        raise ConfigError(f"prompts.{name}: not a valid template ({error}); fix it") from None
    if unknown := sorted(used - VARIABLES[name]):
        raise ConfigError(
            f"prompts.{name}: found the variable {unknown[0]!r}, which is not shown to this "
            f"writer (allowed: {', '.join(sorted(VARIABLES[name]))})"
        )


@cache
def _compiled(source: str) -> Any:
    return _environment().from_string(source)


@cache
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
