"""What a dialect is, and the checks that every answer must pass before it is a number.

A server may count from another place, tokenise the text again, drop a token or fill a hole with
a stand-in. Each of these gives plausible numbers. So the ids (or, where a server tells only
texts, the texts) of every position are compared with what was asked, and every log-probability
must be one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from idiolect.scoring.base import ScoreRequest

__all__ = [
    "Dialect",
    "Question",
    "Reading",
    "WrongAnswer",
    "check_length",
    "checked_logprobs",
    "field",
    "only_choice",
    "sequence_ids",
]

# Differences of two numbers that were each rounded to float32 may end this far above zero.
_ROUNDING_NATS = 1e-4
# vLLM and others write this where JSON has no minus infinity.
_STAND_IN_FOR_MINUS_INFINITY = -9999.0


class WrongAnswer(ValueError):
    """An answer that must not become a number. It never leaves `scoring`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is sent for one request."""

    route: str
    """Below the server's base URL, or below its root where it begins with `//`."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an answer says about `target_ids`."""

    logprobs: tuple[float, ...]
    """Nats, at most 0."""

    ranks: tuple[int, ...] | None
    """None where the server does not tell."""


class Dialect(Protocol):
    """One way of asking a server for prompt log-probabilities."""

    @property
    def name(self) -> str:
        """The server that speaks it."""
        ...

    @property
    def shares_prompts(self) -> bool:
        """Whether the server computes a prompt once for all its responses, once it has seen it."""
        ...

    def question(self, request: ScoreRequest) -> Question:
        """Return what to send.

        Raises:
            WrongAnswer: the request cannot be said in this dialect.
        """
        ...

    def read(self, answer: object, request: ScoreRequest) -> Reading:
        """Read the log-probabilities out of an answer.

        Raises:
            WrongAnswer: the answer is not one to the request, or holds something else than
                log-probabilities.
        """
        ...


def sequence_ids(request: ScoreRequest) -> tuple[int, ...]:
    """Return all ids that the server sees."""
    return request.prompt_ids + request.target_ids


def field(value: object, name: str) -> Any:
    """Return the value of a key, or None where there is no such key or no object."""
    return cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None


def only_choice(answer: object) -> dict[str, Any]:
    """Return the one choice of an OpenAI-shaped answer."""
    choices = field(answer, "choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        raise WrongAnswer("the answer does not hold exactly one choice")
    return cast("dict[str, Any]", choices[0])


def check_length(answer: object, wanted: int) -> None:
    """Compare the number of prompt tokens that the server counted with what was sent."""
    counted = field(field(answer, "usage"), "prompt_tokens")
    if counted is not None and counted != wanted:
        raise WrongAnswer(
            f"{wanted} tokens were sent, the server counted {counted}: it tokenised the text "
            "again, cut it off, or added a token"
        )


def checked_logprobs(values: Sequence[object], first: int) -> tuple[float, ...]:
    """Return values as log-probabilities.

    Args:
        values: One of each position.
        first: The position of the first value, for messages.

    Raises:
        WrongAnswer: one of them is missing, not finite, or positive.
    """
    found: list[float] = []
    for position, value in enumerate(values, first):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WrongAnswer(f"position {position}: found {value!r} for a log-probability")
        if not math.isfinite(value) or value <= _STAND_IN_FOR_MINUS_INFINITY:
            raise WrongAnswer(
                f"position {position}: log-probability {value}: not finite, or a stand-in for it"
            )
        if value > _ROUNDING_NATS:
            raise WrongAnswer(f"position {position}: log-probability {value} is above 0")
        found.append(min(float(value), 0.0))
    return tuple(found)
