"""Bits per byte: NLL / (ln 2 · UTF-8 bytes). Lower is more familiar.

Independent of the tokenizer, so it can be compared between targets.
"""

import math

from idiolect.familiarity.base import Measure, Measured

__all__ = ["BITS_PER_BYTE"]


def _value(measured: Measured) -> float:
    return measured.prompt.nll / (measured.prompt.bytes * math.log(2))


BITS_PER_BYTE = Measure(
    name="bits-per-byte",
    unit="bits/byte",
    familiar="lower",
    needs=frozenset({"prompt"}),
    value=_value,
)
