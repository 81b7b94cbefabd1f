"""Length of a response in tokens of the target, end of turn left out.

No measure of familiarity, but its most common confound: it is shown beside every one.
"""

from idiolect.familiarity.base import Measure, Measured

__all__ = ["LENGTH"]


def _value(measured: Measured) -> float:
    return float(measured.prompt.tokens)


LENGTH = Measure(
    name="length",
    unit="tokens",
    familiar="neither",
    needs=frozenset({"prompt"}),
    value=_value,
)
