"""What is spent, and a cap that no request may pass.

The worst case of a request is set aside before it is sent, and replaced by what it cost once its
usage is known. So the cap holds however many requests are under way. Where it never becomes known
(a connection was lost, an answer could not be read), the worst case stays set aside: the provider
may bill it.
"""

import threading
from dataclasses import dataclass
from typing import Literal

__all__ = ["Money", "Reservation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What is set aside for one request; None where its price is not known."""

    usd: float | None


class Money:
    """A purse that several models may share. Safe to use from several threads.

    Args:
        cap_usd: US dollars that may be spent; None for no cap.
    """

    def __init__(self, cap_usd: float | None = None) -> None:
        self.cap_usd = cap_usd
        self._lock = threading.Lock()
        self._spent = 0.0
        self._reserved = 0.0
        self._under_way = 0
        self._unsure = 0.0
        self._billed = 0
        self._lost = 0
        self._unknown = 0
        self._reached = False

    @property
    def spent_usd(self) -> float:
        """What was paid, by known prices and the usage that the servers told."""
        return self._spent

    @property
    def unsure_usd(self) -> float:
        """What was perhaps paid on top, at most: for requests whose usage never became known."""
        return self._unsure

    @property
    def billed(self) -> int:
        """Answers that arrived and were paid for, whether or not they were of any use."""
        return self._billed

    @property
    def lost(self) -> int:
        """Requests that no answer arrived for. They may have been billed."""
        return self._lost

    @property
    def unknown(self) -> int:
        """Answers whose cost is not known: no price, or no usage told. Not in `spent_usd`."""
        return self._unknown

    @property
    def reached(self) -> bool:
        """Whether a request was not sent because it might have passed the cap."""
        return self._reached

    def reserve(self, worst_usd: float | None) -> Reservation | Literal["wait", "no"]:
        """Set the worst case of a request aside.

        Returns:
            The reservation, to be settled or released; `wait` where it does not fit now, but may
            once others are settled; `no` where it does not fit.
        """
        with self._lock:
            if self.cap_usd is not None:
                left = self.cap_usd - self._spent - self._unsure
                if worst_usd is None or worst_usd > left:
                    self._reached = True
                    return "no"
                if worst_usd > left - self._reserved:
                    return "wait"
            self._under_way += 1
            self._reserved += worst_usd or 0.0
            return Reservation(usd=worst_usd)

    def settle(self, reservation: Reservation, paid_usd: float | None) -> None:
        """Replace a reservation by what the answer cost; None where that is not known."""
        with self._lock:
            self._take_back(reservation)
            self._billed += 1
            if paid_usd is None:
                self._unknown += 1
                self._unsure += reservation.usd or 0.0
            else:
                self._spent += paid_usd

    def lose(self, reservation: Reservation) -> None:
        """Keep the worst case set aside: no answer arrived, and it may be billed."""
        with self._lock:
            self._take_back(reservation)
            self._lost += 1
            self._unsure += reservation.usd or 0.0

    def release(self, reservation: Reservation) -> None:
        """Give a reservation back: the server refused the request, which costs nothing."""
        with self._lock:
            self._take_back(reservation)

    def _take_back(self, reservation: Reservation) -> None:
        self._under_way -= 1
        # Rounding errors of many sums must not outlive the last of them.
        self._reserved = self._reserved - (reservation.usd or 0.0) if self._under_way else 0.0
