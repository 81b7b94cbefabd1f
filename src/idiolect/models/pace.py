"""How many requests are under way at once, and how long to wait before the next try.

Additive increase, multiplicative decrease: one more request a round trip while the server
answers, half as many when it asks for fewer. Source: D.-M. Chiu and R. Jain, "Analysis of the
increase and decrease algorithms for congestion avoidance", Computer Networks 17 (1989).
"""

import asyncio
import math
import random
import time
from collections.abc import Callable

__all__ = ["Gate", "Pace", "backoff_s"]

_START = 8
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 60.0


def backoff_s(attempt: int, draw: Callable[[float, float], float] = random.uniform) -> float:
    """Return seconds to wait after a failed attempt, the first being 0.

    Exponential with full jitter. Source: M. Brooker, "Exponential Backoff And Jitter", AWS
    Architecture Blog (2015).
    """
    return draw(0.0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**attempt))


class Pace:
    """How many requests one endpoint gets at once.

    Args:
        most: Never more than this.
        clock: Seconds that only grow.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._paused_until = -math.inf
        self._cut_at = -math.inf
        self.limit = float(min(_START, most))
        self.running = 0

    def wait_s(self) -> float:
        """Return seconds until a request may start: 0 for now, infinity for when one has ended."""
        pause = self._paused_until - self._clock()
        if pause > 0:
            return pause
        return 0.0 if self.running < int(self.limit) else math.inf

    def now(self) -> float:
        """Return the time that `pushed_back` reckons with."""
        return self._clock()

    def start(self) -> None:
        """Count a request."""
        self.running += 1

    def end(self) -> None:
        """Count it out."""
        self.running -= 1

    def answered(self) -> None:
        """Allow one more request a round trip."""
        self.limit = min(float(self._most), self.limit + 1 / self.limit)

    def pushed_back(self, started: float, retry_after_s: float | None) -> None:
        """Halve the number, once for all requests that were under way; pause where asked to."""
        now = self._clock()
        if started >= self._cut_at:
            self.limit = max(1.0, self.limit / 2)
            self._cut_at = now
        if retry_after_s is not None:
            self._paused_until = max(self._paused_until, now + retry_after_s)


class Gate:
    """Where requests wait until the pace allows them. Belongs to one event loop."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._changed = asyncio.Event()

    async def enter(self) -> None:
        """Wait for a place, and take it."""
        while (wait_s := self.pace.wait_s()) > 0:
            try:
                timeout = None if math.isinf(wait_s) else wait_s
                await asyncio.wait_for(self._changed.wait(), timeout)
            except TimeoutError:
                continue
        self.pace.start()

    def leave(self) -> None:
        """Give the place to whoever waits."""
        self.pace.end()
        self._changed.set()
        self._changed = asyncio.Event()
