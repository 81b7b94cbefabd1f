"""Whom an endpoint model asks, and on what terms."""

from dataclasses import dataclass

from idiolect.models.cache import ResponseCache
from idiolect.models.money import Money
from idiolect.models.prices import Price
from idiolect.models.wires.base import Wire

__all__ = ["Service"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A model behind a server, and on what terms it is asked."""

    name: str
    """As the configuration names it."""

    kind: str
    model: str
    """Name on the server."""

    wire: Wire
    price: Price | None
    money: Money
    cache: ResponseCache | None
    max_concurrency: int
    retries: int
    help: str
    """What to check where the server refuses every request."""

    ask_again: bool = False
    """Send a request again where the kept answer is empty and the next may not be."""
