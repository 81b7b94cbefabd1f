"""Do the references verify? A verifier that rejects the right answers cannot be trusted.

A reference that its own label contradicts is a defect of the data; a reference that cannot be
read is a defect of the verifier for this data. Both show here, before anything is computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from idiolect.errors import DataError
from idiolect.records import Example
from idiolect.verification.base import Finding, Verifier

__all__ = ["MINIMUM", "FailingReference", "SelfTest", "require_references", "self_test"]

MINIMUM = 0.98
"""The share of references that has to verify."""

_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingReference:
    """A reference that did not verify as correct."""

    example_id: str
    finding: Finding

    @property
    def contradicts_label(self) -> bool:
        """The reference was read, and says something else than the label."""
        return self.finding.status == "incorrect"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What a verifier made of a dataset's references."""

    verifier: str
    checked: int
    """References that there was something to check against."""

    correct: int
    failing: tuple[FailingReference, ...]

    @property
    def rate(self) -> float | None:
        """Share of references that verified; None when none was checked."""
        return self.correct / self.checked if self.checked else None


def self_test(verifier: Verifier, examples: Sequence[Example]) -> SelfTest:
    """Check the references of the examples that have one."""
    # An empty reference is a row of bad input; it says nothing about the verifier.
    pairs = [
        (e, e.reference or "") for e in examples if (e.reference or "").strip() and _has_label(e)
    ]
    findings = verifier.check(pairs)
    failing = tuple(
        FailingReference(example_id=example.id, finding=finding)
        for (example, _), finding in zip(pairs, findings, strict=True)
        if finding.status not in ("correct", "unchecked") and not finding.skipped
    )
    checked = sum(finding.status != "unchecked" and not finding.skipped for finding in findings)
    return SelfTest(
        verifier=verifier.name, checked=checked, correct=checked - len(failing), failing=failing
    )


def _has_label(example: Example) -> bool:
    """Leave out references that would only be compared with themselves."""
    return bool((example.answer or "").strip()) or example.tests is not None


def require_references(result: SelfTest, *, minimum: float = MINIMUM) -> None:
    """Stop where too few references verified.

    Raises:
        DataError: less than `minimum` of the references verified; the message shows the rows.
    """
    if result.rate is None or result.rate >= minimum:
        return
    rows = "; ".join(
        f"{row.example_id}: {row.finding.status}"
        + (f", read {row.finding.extracted[:60]!r}" if row.finding.extracted else "")
        + (f", {row.finding.detail[:120]}" if row.finding.detail else "")
        for row in result.failing[:_SHOWN]
    )
    more = len(result.failing) - _SHOWN
    raise DataError(
        f"verifier {result.verifier!r}: {result.correct} of {result.checked} references verify "
        f"({result.rate:.1%}), expected at least {minimum:.0%}: {rows}"
        + (f"; and {more} more" if more > 0 else "")
        + "; choose another verifier, fix the labels, or pass --allow-failing-references"
    )
