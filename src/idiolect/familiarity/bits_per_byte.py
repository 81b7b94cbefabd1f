"""Bits per byte: NLL / (ln 2 · UTF-8 bytes). Lower is more familiar.

Independent of the tokenizer, so it can be compared between targets.
"""

from idiolect.familiarity.base import Measure, Measured

__all__ = ["BITS_PER_BYTE"]


def _value(measured: Measured) -> float:
    return measured.prompt.bits_per_byte


BITS_PER_BYTE = Measure(
    name="bits-per-byte",
    unit="bits/byte",
    familiar="lower",
    needs=frozenset({"prompt"}),
    value=_value,
)
