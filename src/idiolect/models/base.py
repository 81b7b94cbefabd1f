"""The model protocol: messages in, one text for each out."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from idiolect.records import Message

__all__ = ["Generation", "GenerationFailure", "GenerationRequest", "Model", "Sampling", "invalid"]


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
    """What was paid for it, useless tries before it included. None is unknown, 0.0 is free."""

    cached: bool = False
    """Taken from the machine-wide cache: nothing was asked and nothing paid."""

    request_key: str | None = None
    """Hash of the whole request; None where no server was asked."""


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


def invalid(request: GenerationRequest) -> str | None:
    """Return why a request cannot be tried, with what is allowed; None if it can."""
    sampling = request.sampling
    if not request.messages:
        return "the request has no messages; give at least one"
    texts = [request.prefix, *(message.content for message in request.messages)]
    if any("\ud800" <= character <= "\udfff" for text in texts for character in text):
        return "the text holds half of a character (a lone surrogate); remove it"
    if sampling.max_new_tokens < 1:
        return f"max_new_tokens: found {sampling.max_new_tokens}, allowed is 1 or more"
    if not 0 <= sampling.temperature < math.inf:
        return f"temperature: found {sampling.temperature}, allowed is 0 (greedy) or more"
    if not 0 < sampling.top_p <= 1:
        return f"top_p: found {sampling.top_p}, allowed is more than 0 and at most 1"
    return None
