"""What is spent, and a cap that no request may pass.

The worst case of a request is set aside before it is sent, and replaced by what it cost once its
usage is known. So the cap holds however many requests are under way. Where it never becomes known
(a connection was lost, an answer could not be read, the process was killed), the worst case stays
set aside: the provider may bill it.

In a run every payment is written down before its request is sent, so all of this holds over any
number of processes.
"""

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from idiolect.records import Payment, Spend
from idiolect.runs.payments import PaymentBook

__all__ = ["Money", "Reservation"]

# Dollars: less than any token costs, more than sums of floats are off.
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What is set aside for one request."""

    payment: Payment

    @property
    def usd(self) -> float | None:
        """US dollars; None where the price is not known."""
        return self.payment.worst_usd


class Money:
    """A purse that several models may share. Safe to use from several threads.

    Args:
        cap_usd: US dollars that may be spent; None for no cap.
    """

    def __init__(self, cap_usd: float | None = None) -> None:
        self.cap_usd = cap_usd
        self._lock = threading.Lock()
        self._book: PaymentBook | None = None
        self._next_id = 0
        self._spent = 0.0
        self._reserved = 0.0
        self._under_way = 0
        self._unsure = 0.0
        self._billed = 0
        self._lost = 0
        self._unknown = 0
        self._reached = False
        self._unbooked: defaultdict[str, float] = defaultdict(float)
        self._killed: dict[str, Payment] = {}

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

    def keep_in(self, book: PaymentBook, booked: Iterable[Spend] = ()) -> None:
        """Write every payment into a book from now on, and begin with what stands there.

        What an earlier process sent and saw no reply to is marked as `killed`.

        Args:
            book: The payments of a run that this process holds.
            booked: What the run has recorded as the costs of its candidates.
        """
        with self._lock:
            self._book = book
            for payment in book.all():
                if payment.state == "sent":
                    payment = dataclasses.replace(payment, state="killed")
                    book.write(payment)
                self._count(payment)
                self._next_id = payment.id + 1
            for spend in booked:
                if spend.request_key in self._unbooked:
                    self._unbooked[spend.request_key] -= spend.cost_usd or 0.0
                    if self._unbooked[spend.request_key] <= _NOTHING:
                        del self._unbooked[spend.request_key]

    def close(self) -> None:
        """Write nothing down any more."""
        with self._lock:
            book, self._book = self._book, None
            if book is not None:
                book.close()

    def reserve(
        self, worst_usd: float | None, *, request_key: str = "", model: str = ""
    ) -> Reservation | Literal["wait", "no"]:
        """Set the worst case of a request aside.

        Args:
            worst_usd: The most that it can cost; None where the price is not known.
            request_key: Hash of the whole request.
            model: Who is asked.

        Returns:
            The reservation, to be settled or released; `wait` where it does not fit now, but may
            once others are settled; `no` where it does not fit.

        Raises:
            StorageError: it cannot be written down. The request must not be sent.
        """
        with self._lock:
            if self.cap_usd is not None:
                left = self.cap_usd - self._spent - self._unsure
                if worst_usd is None or worst_usd > left:
                    self._reached = True
                    return "no"
                if worst_usd > left - self._reserved:
                    return "wait"
            payment = Payment(
                id=self._next_id,
                request_key=request_key,
                model=model,
                state="sent",
                worst_usd=worst_usd,
            )
            if self._book is not None:
                self._book.write(payment)
            self._next_id += 1
            self._killed.pop(request_key, None)
            self._under_way += 1
            self._reserved += worst_usd or 0.0
            return Reservation(payment=payment)

    def settle(self, reservation: Reservation, paid_usd: float | None) -> None:
        """Replace a reservation by what the answer cost; None where that is not known."""
        with self._lock:
            self._take_back(reservation)
            self._close_payment(reservation.payment, "paid", paid_usd)

    def lose(self, reservation: Reservation) -> None:
        """Keep the worst case set aside: no answer arrived, and it may be billed."""
        with self._lock:
            self._take_back(reservation)
            self._close_payment(reservation.payment, "lost", None)

    def release(self, reservation: Reservation) -> None:
        """Give a reservation back: the server refused the request, which costs nothing."""
        with self._lock:
            self._take_back(reservation)
            if self._book is not None:
                self._book.erase(reservation.payment)

    def found(self, request_key: str, paid_usd: float | None) -> None:
        """Settle what a killed process sent, where its answer had been kept all the same.

        Args:
            request_key: Hash of the request whose answer is in the cache.
            paid_usd: What that answer cost; None where that is not known.
        """
        with self._lock:
            payment = self._killed.pop(request_key, None)
            if payment is not None:
                self._lost -= 1
                self._unsure -= payment.worst_usd or 0.0
                self._close_payment(payment, "paid", paid_usd)

    def take(self, request_key: str) -> float | None:
        """Return what was paid for a request and is in no candidate's costs yet; None for nothing.

        Tries whose answer was of no use are in it, and what an earlier process paid.
        """
        with self._lock:
            return self._unbooked.pop(request_key, None)

    def _close_payment(
        self, payment: Payment, state: Literal["paid", "lost"], paid_usd: float | None
    ) -> None:
        payment = dataclasses.replace(payment, state=state, paid_usd=paid_usd)
        self._count(payment)
        if self._book is not None:
            self._book.write(payment)

    def _count(self, payment: Payment) -> None:
        """Add up a payment that is done."""
        key = payment.request_key
        if payment.state == "paid":
            self._billed += 1
            self._unbooked[key] += payment.paid_usd or 0.0
            self._killed.pop(key, None)
        else:
            self._lost += 1
            self._killed.pop(key, None)
            if payment.state == "killed":
                self._killed[key] = payment
        if payment.paid_usd is not None:
            self._spent += payment.paid_usd
            return
        self._unknown += payment.state == "paid"
        self._unsure += payment.worst_usd or 0.0

    def _take_back(self, reservation: Reservation) -> None:
        self._under_way -= 1
        # Rounding errors of many sums must not outlive the last of them.
        self._reserved = self._reserved - (reservation.usd or 0.0) if self._under_way else 0.0
