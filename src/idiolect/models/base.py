"""The model protocol: messages in, one text for each out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from idiolect.records import Message

__all__ = ["Generation", "GenerationFailure", "GenerationRequest", "Model", "Sampling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are drawn."""

    temperature: float
    """0 is greedy."""

    top_p: float
    max_new_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One answer that is wanted."""

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int
    """Decides the draw, whatever else is generated beside it."""

    prefix: str = ""
    """Text that the answer begins with. The generation holds only what follows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """An answer."""

    text: str
    finish_reason: Literal["stop", "length"]
    token_ids: tuple[int, ...] | None
    """Without the end of turn; None where the model does not tell."""

    tokens_in: int
    tokens_out: int
    """End of turn included, where there was one."""

    cost_usd: float | None = 0.0
    """What was paid for it. None is unknown, 0.0 is free."""

    cached: bool = False
    """Taken from the machine-wide cache: nothing was asked and nothing paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationFailure:
    """Why there is no answer."""

    reason: str
    retryable: bool
    skipped: bool = False
    """It was never tried, because the money is used up. Nothing is recorded for it, so that
    the same command with more money makes it."""


class Model(Protocol):
    """Anything that answers."""

    @property
    def name(self) -> str:
        """The name that the model was asked for by."""
        ...

    @property
    def revision(self) -> str | None:
        """The exact version that answers, where it is known."""
        ...

    def generate(
        self, requests: Sequence[GenerationRequest]
    ) -> Iterator[Generation | GenerationFailure]:
        """Yield one result for each request, in order, as soon as it is there."""
        ...
