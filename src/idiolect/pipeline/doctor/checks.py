"""What a check found."""

from dataclasses import dataclass
from typing import Literal

from idiolect.errors import IdiolectError

__all__ = ["Check", "Diagnosis", "ShownToken", "gibibytes", "problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Literal["ok", "warning", "problem"]
    """A warning is worth knowing. A problem makes a command fail or its result wrong."""

    found: str
    fix: str | None = None
    """What to do; None where all is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownToken:
    """A token of a training row."""

    id: int
    text: str
    trained: bool
    """Whether the loss counts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All checks, and one row as it is trained on."""

    checks: tuple[Check, ...]
    row: tuple[ShownToken, ...] = ()
    """Empty where no template could be used."""

    @property
    def healthy(self) -> bool:
        """Whether no check found a problem."""
        return all(check.status != "problem" for check in self.checks)


def problem(name: str, error: IdiolectError) -> Check:
    """Return the check for an error: behind its last semicolon it says what to do."""
    found, _, fix = str(error).rpartition("; ")
    return Check(name=name, status="problem", found=found or fix, fix=fix if found else None)


def gibibytes(size: float) -> str:
    """Return a number of bytes for people."""
    return f"{size / 2**30:.1f} GiB"
