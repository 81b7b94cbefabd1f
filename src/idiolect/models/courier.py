"""Gets the answer to one request: cache, then purse, then pace, then the server, with retries.

Everything here runs in one event loop.
"""

import asyncio
import math
import weakref
from collections.abc import Awaitable, Callable

from idiolect.errors import BackendError
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest, invalid
from idiolect.models.cache import request_key
from idiolect.models.money import Reservation
from idiolect.models.pace import Gate, Pace, backoff_s
from idiolect.models.service import Service
from idiolect.models.wires.base import Answer, Refusal

__all__ = ["Courier", "most_tokens_in"]

# While the server was never heard from, a wrong address should not take minutes to say so.
_FIRST_TRIES = 3
_LONGEST_RETRY_AFTER_S = 300.0
_MONEY_POLL_S = 0.02
# What a chat format puts around each message, and around all of them: no more than this.
_TOKENS_PER_MESSAGE = 32
_TOKENS_PER_REQUEST = 64
SKIPPED = GenerationFailure(
    reason="not sent: it might have passed the cap on the cost", retryable=True, skipped=True
)


def most_tokens_in(request: GenerationRequest) -> int:
    """Return a number of tokens that no tokenizer passes: a token covers one byte at least."""
    texts = sum(len(m.content.encode("utf-8", "surrogatepass")) for m in request.messages)
    return texts + _TOKENS_PER_MESSAGE * len(request.messages) + _TOKENS_PER_REQUEST


def _failure(refusal: Refusal, tries: int = 1) -> GenerationFailure:
    """Return a refusal as the result of a request."""
    told = f" ({tries} tries)" if tries > 1 else ""
    return GenerationFailure(reason=refusal.reason + told, retryable=refusal.retry)


class Courier:
    """Answers requests, one at a time for each caller.

    Args:
        service: Whom to ask, and how.
        sleep: Waits seconds; another clock in tests.
    """

    def __init__(
        self, service: Service, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.service = service
        self.gate = Gate(Pace(service.max_concurrency))
        self.sending: set[asyncio.Task[object]] = set()
        """Tasks whose request is under way: perhaps paid for already."""

        self.answered_by: dict[str, None] = {}
        self._sleep = sleep
        self._heard = -math.inf
        self._succeeded = False
        self._dead: BackendError | None = None
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def fetch(
        self, request: GenerationRequest, stopping: Callable[[], bool]
    ) -> Generation | GenerationFailure:
        """Return the answer, or why there is none.

        Args:
            request: What is asked.
            stopping: Whether nothing more is to be sent.

        Raises:
            BackendError: no request can succeed.
            StorageError: the cache cannot be read.
        """
        if (reason := invalid(request)) is not None:
            return GenerationFailure(reason=reason, retryable=False)
        if request.prefix:
            return GenerationFailure(
                reason=f"{self.service.name} cannot continue a given start of an answer: chat "
                "servers begin a new one; use a model on this machine",
                retryable=False,
            )
        service = self.service
        key = request_key(service.kind, service.wire.url, service.model, request)
        if service.cache is None:
            return await self._ask(request, stopping, key)
        # The same request twice at once is paid once.
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            kept = service.cache.get(key)
            if kept is not None:
                service.money.found(key, self._cost_of(kept))
                result = self._result(kept, request, key)
                may_mend = isinstance(result, GenerationFailure) and result.retryable
                if not (service.ask_again and may_mend):
                    return result
            return await self._ask(request, stopping, key)

    async def _ask(
        self, request: GenerationRequest, stopping: Callable[[], bool], key: str
    ) -> Generation | GenerationFailure:
        """Send the request until there is an answer, or no hope of one."""
        worst = self._cost(most_tokens_in(request), request.sampling.max_new_tokens)
        if worst is None and self.service.money.cap_usd is not None:
            return GenerationFailure(
                reason="the prompt is longer than its price is known for, and the cost is "
                "capped; shorten it, or give the price",
                retryable=False,
            )
        began = asyncio.get_running_loop().time()
        attempt = 0
        while True:
            reply = await self._send(request, worst, stopping, key)
            if reply is None:
                return SKIPPED
            if isinstance(reply, Answer):
                return self._judged(reply, request, key)
            attempt += 1
            wait_s = self._wait_s(reply, attempt)
            if wait_s is None:
                self._check_alive(reply, began)
                return _failure(reply, attempt)
            if stopping():
                raise asyncio.CancelledError
            await self._sleep(wait_s)

    async def _send(
        self,
        request: GenerationRequest,
        worst: float | None,
        stopping: Callable[[], bool],
        key: str,
    ) -> Answer | Refusal | None:
        """Send once, and pay; return the reply, or None where the money is used up."""
        reservation = await self._begin(worst, stopping, key)
        if reservation is None:
            return None
        task = asyncio.current_task()
        assert task is not None
        started = self.gate.pace.now()
        self.sending.add(task)
        try:
            reply = await self.service.wire.ask(request)
            self._keep(key, reply)
        except BaseException:
            self.service.money.lose(reservation)
            raise
        finally:
            self.sending.discard(task)
            self.gate.leave()
        self._learn(reply, started)
        self._settle(reservation, reply)
        return reply

    def _keep(self, key: str, reply: Answer | Refusal) -> None:
        """Write down what is paid for and final, before anybody sees it."""
        cache = self.service.cache
        is_final = isinstance(reply, Answer) or (reply.bill == "paid" and not reply.retry)
        if cache is not None and is_final:
            cache.put(key, reply)

    async def _begin(
        self, worst: float | None, stopping: Callable[[], bool], key: str
    ) -> Reservation | None:
        """Wait for a place and for money."""
        while True:
            if self._dead is not None:
                raise self._dead
            await self.gate.enter()
            try:
                if stopping():
                    raise asyncio.CancelledError
                reservation = self.service.money.reserve(
                    worst, request_key=key, model=self.service.name
                )
            except BaseException:
                self.gate.leave()
                raise
            if isinstance(reservation, Reservation):
                return reservation
            self.gate.leave()
            if reservation == "no":
                return None
            await asyncio.sleep(_MONEY_POLL_S)

    def _settle(self, reservation: Reservation, reply: Answer | Refusal) -> None:
        """Pay for a reply."""
        money = self.service.money
        bill = "paid" if isinstance(reply, Answer) else reply.bill
        if bill == "paid":
            money.settle(reservation, self._cost_of(reply))
        elif bill == "lost":
            money.lose(reservation)
        else:
            money.release(reservation)

    def _cost_of(self, reply: Answer | Refusal) -> float | None:
        """Return what an answer costs; None where its price or its usage is not known."""
        usage = reply.usage
        if usage.tokens_in is None or usage.tokens_out is None:
            return None
        return self._cost(usage.tokens_in, usage.tokens_out)

    def _cost(self, tokens_in: int, tokens_out: int) -> float | None:
        price = self.service.price
        return None if price is None else price.cost_usd(tokens_in, tokens_out)

    def _learn(self, reply: Answer | Refusal, started: float) -> None:
        """Adapt the pace, and note that the server lives."""
        if isinstance(reply, Answer):
            self.gate.pace.answered()
            self._succeeded = True
            if reply.model is not None:
                self.answered_by[reply.model] = None
        elif reply.busy:
            # A pause of hours is waited for by nobody: neither by this request nor by the others.
            asked = reply.retry_after_s or 0.0
            pause = reply.retry_after_s if asked <= _LONGEST_RETRY_AFTER_S else None
            self.gate.pace.pushed_back(started, pause)
        if isinstance(reply, Answer) or reply.status is not None:
            self._heard = asyncio.get_running_loop().time()

    def _wait_s(self, refusal: Refusal, attempt: int) -> float | None:
        """Return seconds until the next try; None where there is none."""
        heard = self._heard > -math.inf
        tries = self.service.retries if heard else min(_FIRST_TRIES, self.service.retries)
        asked = refusal.retry_after_s or 0.0
        if not refusal.retry or attempt > tries or asked > _LONGEST_RETRY_AFTER_S:
            return None
        return max(backoff_s(attempt - 1), asked)

    def _check_alive(self, refusal: Refusal, began: float) -> None:
        """Stop where every further request would fail too: what is answered is kept.

        Raises:
            BackendError: no request can succeed.
        """
        service = self.service
        again = "then start the same command again: what is answered is kept"
        if refusal.fatal or (refusal.status == 403 and not self._succeeded):
            self._dead = BackendError(
                f"{service.name}: {service.wire.url} refuses requests ({refusal.reason}); "
                f"check {service.help}, {again}"
            )
        elif refusal.status is None and refusal.retry and self._heard < began:
            # Nobody else was answered either in all that time.
            self._dead = BackendError(
                f"{service.name}: {service.wire.url} does not answer ({refusal.reason}); check "
                f"the address and the server, {again}"
            )
        if self._dead is not None:
            raise self._dead

    def _result(
        self, kept: Answer | Refusal, request: GenerationRequest, key: str
    ) -> Generation | GenerationFailure:
        """Return what the cache has kept, as the result of a request."""
        return _failure(kept) if isinstance(kept, Refusal) else self._judged(kept, request, key)

    def _judged(
        self, answer: Answer, request: GenerationRequest, key: str
    ) -> Generation | GenerationFailure:
        """Return what an answer is worth. Servers say `stop` at the limit too, so count."""
        limit = request.sampling.max_new_tokens
        tokens_out = answer.usage.tokens_out
        cut = answer.stopped == "length" or (tokens_out is not None and tokens_out >= limit)
        if not answer.text.strip():
            return GenerationFailure(
                reason=f"all of the {limit} tokens were used before there was an answer; raise "
                "max_new_tokens"
                if cut
                else "the answer is empty",
                retryable=not cut,
            )
        # Not None either for a cached answer that a killed process paid for.
        paid = self.service.money.take(key)
        known = paid is None or self._cost_of(answer) is not None
        return Generation(
            text=answer.text,
            finish_reason="length" if cut else "stop",
            token_ids=None,
            tokens_in=answer.usage.tokens_in or 0,
            tokens_out=tokens_out or 0,
            cost_usd=(paid or 0.0) if known else None,
            cached=paid is None,
            request_key=key,
        )
