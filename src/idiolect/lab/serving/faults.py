"""Faults of the server, on demand: by share and seed, in a fixed order, or by request header."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from idiolect.errors import ConfigError, nearest
from idiolect.lab.dice import Dice

__all__ = ["FAULTS", "HEADER", "Fault", "Faults", "parse_faults"]

Fault = Literal["429", "429-retry-after", "500", "slow", "drop", "truncated", "empty", "cut"]
"""What goes wrong with one request.

- `429`, `429-retry-after`: too many requests, without and with the header.
- `500`: an internal error.
- `slow`: a right answer, after `slow_s` seconds.
- `drop`: the connection is closed, before the answer or in the middle of a stream.
- `truncated`: the JSON ends in the middle, in a complete HTTP response.
- `empty`: no choices.
- `cut`: the answer is cut off in the middle and still says `stop`.
"""
FAULTS: tuple[Fault, ...] = get_args(Fault)
HEADER = "X-Lab-Fault"
"""A request with this header gets the fault it names, whatever the shares are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Which requests go wrong.

    Raises:
        ConfigError: A fault does not exist, or the shares add up to more than 1.
    """

    shares: Mapping[Fault, float] = field(default_factory=dict[Fault, float])
    """Share of requests for each fault."""

    order: tuple[Fault | None, ...] = ()
    """Faults of the first requests, one by one; None is no fault. Then the shares decide."""

    seed: int = 0
    by_request: bool = False
    """Let the request decide, and how often it was made before, and not its place among all: so
    the order in which requests arrive changes nothing. An answer that is `cut` is cut each time."""

    slow_s: float = 2.0
    retry_after_s: int = 1

    def __post_init__(self) -> None:
        for name in (*self.shares, *self.order):
            if name is not None and name not in FAULTS:
                raise ConfigError(
                    f"lab serve: fault {name!r} does not exist; allowed: {', '.join(FAULTS)}"
                    f"{nearest(name, FAULTS)}"
                )
        if sum(self.shares.values()) > 1 or any(share < 0 for share in self.shares.values()):
            raise ConfigError(
                f"lab serve: shares of faults: found {dict(self.shares)}, allowed are shares "
                f"from 0 that add up to 1 at most; make them smaller"
            )

    def of(self, number: int, request: str = "", before: int = 0) -> Fault | None:
        """Return the fault of a request.

        Args:
            number: Its place among all requests, from 0.
            request: A name for its content.
            before: How often the same was asked before.
        """
        if number < len(self.order):
            return self.order[number]
        spared = 1 - sum(self.shares.values())
        weights: dict[Fault | None, float] = {None: spared, **self.shares}
        if not self.by_request:
            return Dice("fault", self.seed, number).weighted(weights)
        if Dice("fault", self.seed, request, 0).weighted(weights) == "cut":
            return "cut"
        fault = Dice("fault", self.seed, request, before).weighted(weights)
        return None if fault == "cut" else fault


def parse_faults(text: str, *, seed: int = 0) -> Faults:
    """Return the faults that a text such as `429=0.1,drop=0.05` asks for.

    Raises:
        ConfigError: A part has no share, or names no fault.
    """
    shares: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, share = part.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            raise ConfigError(
                f"lab serve: --faults: found {part!r}, allowed are parts such as 429=0.1; "
                f"write a share behind each name"
            ) from None
    return Faults(shares=shares, seed=seed)  # pyright: ignore[reportArgumentType]
