"""The verifier protocol: does a response answer the example correctly?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from idiolect.records import Example, Status

__all__ = ["Finding", "Verifier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a verifier says about one response. The pipeline stores it as a Verdict."""

    status: Status
    extracted: str | None = None
    rule: str | None = None
    detail: str | None = None
    skipped: bool = False
    """It was never tried, because the money is used up. Nothing is recorded for it."""


class Verifier(Protocol):
    """Checks responses against their examples.

    `check` takes pairs of example and response text and returns one Finding for each, in
    order. It never raises for a bad response: `unparsable` says that no answer could be read
    out of it, `error` that the check itself failed, `unchecked` that the example holds
    nothing to check against.
    """

    @property
    def name(self) -> str:
        """The name that the verifier is chosen by, e.g. `numeric`."""
        ...

    def check(self, pairs: Sequence[tuple[Example, str]]) -> list[Finding]:
        """Check each response. Same length, same order."""
        ...
