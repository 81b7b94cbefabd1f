"""Checks responses with a Python function of the user's own: `python:module:function`."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from idiolect.errors import ConfigError, nearest
from idiolect.records import Example
from idiolect.verification.base import Finding
from idiolect.verification.command import finding_from

__all__ = ["Function"]


class Function:
    """Calls `function(example, response)`.

    It returns True, False, None (nothing to check), a status, or a `Finding`. What it raises
    becomes an error for that response.

    Args:
        path: `module:function`; the module is looked for in the working directory too.

    Raises:
        ConfigError: the module or the function does not exist.
    """

    def __init__(self, path: str) -> None:
        module_name, colon, name = path.partition(":")
        if not colon or not module_name or not name:
            raise ConfigError(
                f"verifier: found 'python:{path}', expected python:MODULE:FUNCTION, "
                "e.g. python:my_checks:is_right"
            )
        self._function = _load(module_name, name)
        self.name = f"python:{path}"

    def check(self, pairs: Sequence[tuple[Example, str]]) -> list[Finding]:
        """Check each response. Same length, same order."""
        return [self._check(example, response) for example, response in pairs]

    def _check(self, example: Example, response: str) -> Finding:
        try:
            value = self._function(example, response)
        except Exception as error:
            # The user's code may raise anything, and one bad row must not stop the others.
            return Finding(
                status="error", rule="python", detail=f"{type(error).__name__}: {error}"[:300]
            )
        return finding_from(value, rule="python")


def _load(module_name: str, name: str) -> Callable[[Example, str], Any]:
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigError(
            f"verifier: module {module_name!r} could not be imported: {error}; run the command "
            "where the module is, or install it"
        ) from error
    finally:
        sys.path.remove(here)
    function = getattr(module, name, None)
    if not callable(function):
        names = [n for n in vars(module) if callable(getattr(module, n))]
        raise ConfigError(
            f"verifier: module {module_name!r} has no function {name!r}{nearest(name, names)}"
        )
    return function
