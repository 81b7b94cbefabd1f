"""The lab behind a real OpenAI-compatible HTTP server, with faults on demand."""

from pathlib import Path

from idiolect.errors import ConfigError, MissingExtra, nearest
from idiolect.lab.serving.backends import Backend, Teacher
from idiolect.lab.serving.faults import FAULTS, Fault, Faults, parse_faults
from idiolect.lab.serving.server import Counts, LabServer, running
from idiolect.lab.targets import TARGETS, target_folder
from idiolect.lab.teacher import Knobs

__all__ = [
    "FAULTS",
    "MODELS",
    "Backend",
    "Counts",
    "Fault",
    "Faults",
    "LabServer",
    "Teacher",
    "backend",
    "folder_backend",
    "parse_faults",
    "running",
]

MODELS = ("lab:teacher", *(f"lab:{name}" for name in TARGETS))


def backend(name: str, knobs: Knobs | None = None) -> Backend:
    """Return the backend of `lab:teacher`, `lab:amber` or `lab:birch`.

    Raises:
        ConfigError: There is no such model.
        MissingExtra: A target was asked for, and torch is not installed.
    """
    if name not in MODELS:
        raise ConfigError(
            f"lab serve: model {name!r} does not exist; allowed: {', '.join(MODELS)}"
            f"{nearest(name, MODELS)}"
        )
    return Teacher(knobs) if name == "lab:teacher" else folder_backend(target_folder(name))


def folder_backend(folder: Path) -> Backend:
    """Return a backend for a causal model in any Hugging Face folder.

    Raises:
        MissingExtra: torch is not installed.
    """
    try:
        from idiolect.lab.serving.local import Local
    except ImportError as error:
        raise MissingExtra("torch", "local", "serving a target") from error
    return Local(folder)
