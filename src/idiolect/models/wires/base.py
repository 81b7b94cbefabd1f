"""What a server says to one request: an answer, or a refusal that knows whether to try again."""

from dataclasses import dataclass
from typing import Literal, Protocol, cast

from idiolect.models.base import GenerationRequest

__all__ = ["Answer", "Refusal", "Usage", "Wire", "count", "entry", "line"]

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, as the server counts them; None where it does not tell."""

    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A text that was written in full, or cut off at the limit."""

    text: str
    stopped: Literal["stop", "length"]
    """As the server says; servers say `stop` at the limit too."""

    usage: Usage
    model: str | None
    """Which model the server says answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why there is no answer."""

    reason: str
    status: int | None = None
    """Of HTTP; None where no answer arrived."""

    retry: bool = False
    """The same request may succeed later."""

    busy: bool = False
    """The server asks for fewer requests."""

    fatal: bool = False
    """No request can succeed: a wrong key, no such model, no credit."""

    retry_after_s: float | None = None
    bill: Literal["none", "lost", "paid"] = "none"
    """`lost`: nobody knows here whether it is billed. `paid`: it is, for nothing."""

    usage: Usage = Usage()
    body: str = ""
    """What the server sent, for whoever has to find out which parameter it refuses."""


class Wire(Protocol):
    """One server, asked over its own protocol. `ask` is called many times at once."""

    @property
    def url(self) -> str:
        """Base URL."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the server did not accept as it was asked for, one sentence each."""
        ...

    async def ask(self, request: GenerationRequest) -> Answer | Refusal:
        """Send one request, once."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


def entry(tree: object, key: str) -> object:
    """Return an entry of a JSON object; None where there is none, or no object."""
    return cast("dict[str, object]", tree).get(key) if isinstance(tree, dict) else None


def count(tree: object, key: str) -> int | None:
    """Return a number of tokens; None where there is none."""
    value = entry(tree, key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def line(text: str) -> str:
    """Return the first characters of a text, on one line."""
    flat = " ".join(text.split())
    return flat[:_SHOWN_CHARACTERS] + ("..." if len(flat) > _SHOWN_CHARACTERS else "")
