"""Instruction-following difficulty: mean NLL given the prompt ÷ mean NLL without it.

Below 1 the prompt helps to predict the response; near or above 1 it does not.
Source: arXiv 2308.12032 §2.2 (a ratio of losses). Differs in one point: numerator and
denominator cover the same tokens. The response without its prompt follows one boundary
token, so its first token is scored too; the authors' code skips it.
"""

from idiolect.familiarity.base import Measure, Measured

__all__ = ["IFD"]


def _value(measured: Measured) -> float:
    if measured.none is None:
        raise ValueError(
            f"ifd of {measured.prompt.candidate_id}: it was not scored without its prompt"
        )
    return measured.prompt.mean_nll / measured.none.mean_nll


IFD = Measure(
    name="ifd",
    unit="",
    familiar="lower",
    needs=frozenset({"prompt", "none"}),
    value=_value,
)
