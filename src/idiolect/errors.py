"""The error tree. The command line turns each branch into its documented exit code.

    IdiolectError
    ├── ConfigError       the run was described wrongly; nothing was computed (exit 3)
    │   ├── TemplateError a chat template cannot be used as asked
    │   └── RunError      a run directory is held, or was made from other inputs
    ├── DataError         a file or a row of it is malformed (exit 3)
    ├── MissingExtra      an optional dependency is not installed (exit 3)
    ├── BackendError      a model could not be loaded or could not answer (exit 1)
    ├── StorageError      the disk refused a row; everything before it is kept (exit 1)
    └── BudgetError       the cap on the cost was reached; what was paid for is kept (exit 2)

A message says where, which, what was found and what is allowed, and what to do. Wrong input
raises before the expensive work. A wrong *answer* is a value, never an exception.
"""

import difflib
from collections.abc import Generator, Iterable
from contextlib import contextmanager

__all__ = [
    "BackendError",
    "BudgetError",
    "ConfigError",
    "DataError",
    "IdiolectError",
    "MissingExtra",
    "RunError",
    "StorageError",
    "TemplateError",
    "nearest",
    "needs_local",
]

_LOCAL_PACKAGES = ("torch", "transformers", "safetensors", "jaxtyping")


class IdiolectError(Exception):
    """Root of all errors that idiolect raises on purpose."""

    exit_code = 1


class ConfigError(IdiolectError, ValueError):
    """The run was described wrongly."""

    exit_code = 3


class TemplateError(ConfigError):
    """A chat template is missing, or breaks a property that scoring relies on."""


class RunError(ConfigError):
    """A run directory cannot be used: another process holds it, or its inputs differ."""


class DataError(IdiolectError, ValueError):
    """A file, or a row of it, is malformed."""

    exit_code = 3


class MissingExtra(IdiolectError, ImportError):
    """An optional dependency is not installed. The message carries the install line."""

    exit_code = 3

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed; "
            f'run: pip install "idiolect[{extra}]"'
        )


@contextmanager
def needs_local(purpose: str) -> Generator[None]:
    """Name the extra `local` where one of its packages cannot be imported.

    Raises:
        MissingExtra: that is so.
    """
    try:
        yield
    except ImportError as error:
        if error.name and error.name.split(".")[0] in _LOCAL_PACKAGES:
            raise MissingExtra(error.name, "local", purpose) from None
        raise


class BackendError(IdiolectError, RuntimeError):
    """A model could not be loaded or could not answer."""


class StorageError(IdiolectError, OSError):
    """The run directory could not be written. Rows committed before are kept."""


class BudgetError(IdiolectError, RuntimeError):
    """The cap on the cost was reached before the work was done. What was paid for is kept."""

    exit_code = 2


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the closest allowed name, or an empty string."""
    matches = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]!r}?" if matches else ""
