"""Mean rank of the response's tokens; 1 means that greedy decoding would have written it."""

from idiolect.familiarity.base import Measure, Measured

__all__ = ["MEAN_RANK"]


def _value(measured: Measured) -> float:
    return measured.prompt.rank_sum / measured.prompt.tokens


MEAN_RANK = Measure(
    name="mean-rank",
    unit="",
    familiar="lower",
    needs=frozenset({"prompt"}),
    value=_value,
)
