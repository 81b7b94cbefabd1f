"""Mean surprisal: NLL / tokens, in nats per token. Lower is more familiar."""

from idiolect.familiarity.base import Measure, Measured

__all__ = ["MEAN_NLL"]


def _value(measured: Measured) -> float:
    return measured.prompt.mean_nll


MEAN_NLL = Measure(
    name="mean-nll",
    unit="nats/token",
    familiar="lower",
    needs=frozenset({"prompt"}),
    value=_value,
)
