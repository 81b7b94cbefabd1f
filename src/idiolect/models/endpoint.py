"""A model behind a server.

`generate` may be called from any thread, also where an event loop runs (a notebook): requests are
sent by one loop in a thread of its own. Answers are yielded in order; a few dozen requests are
sent ahead of whoever takes them, and no more, so that nothing is paid for that nobody waits for.

Identity: `name` is what the configuration says and `revision` is None, because a server does not
prove which version answers. Both stay the same from run to run, and so do the ids of candidates;
name a dated snapshot (`openai:gpt-4.1-2025-04-14`) to pin the version. What the server says it is,
is in `answered_by`.

A provider's batch interface (half the price, hours to wait) would be another `Courier`: it takes
the same requests, fills the same cache, and `EndpointModel` stays as it is.
"""

import asyncio
import concurrent.futures
import itertools
import logging
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from idiolect.models.base import Generation, GenerationFailure, GenerationRequest
from idiolect.models.courier import Courier
from idiolect.models.service import Service

__all__ = ["EndpointModel"]

Result = Generation | GenerationFailure

_DRAIN_S = 30.0
_WINDOW = 64
_log = logging.getLogger(__name__)


class EndpointModel:
    """Answers over a server.

    Args:
        service: Whom to ask, and on what terms.
        drain_s: How long to wait for what is under way when somebody interrupts.
    """

    def __init__(self, service: Service, *, drain_s: float = _DRAIN_S) -> None:
        self._service = service
        self._engine = _Engine(service, drain_s)
        # Also at the end of the process, before its threads are stopped.
        self.close = weakref.finalize(self, self._engine.close)

    @property
    def name(self) -> str:
        """The name that the model was asked for by."""
        return self._service.name

    @property
    def revision(self) -> None:
        """Unknown: a server does not prove which version answers."""
        return None

    @property
    def answered_by(self) -> tuple[str, ...]:
        """What the server calls the models that answered, in order of appearance."""
        return tuple(self._engine.courier.answered_by)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the results should know, one sentence each."""
        others = [name for name in self.answered_by if name != self._service.model]
        said = [f"{self.name} answered as {', '.join(others)}"] if others else []
        return (*said, *self._service.wire.notes)

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[Result]:
        """Yield one result for each request, in order, as soon as it is there.

        Whatever ends it early (Ctrl-C, an error, a caller that has enough), nothing more is sent,
        and what is under way is waited for, a bounded time, so that it reaches the cache.

        Raises:
            BackendError: no request can succeed.
            StorageError: the cache cannot be read.
        """
        order = _Order(requests)
        self._engine.start(order)
        try:
            for index in range(len(requests)):
                yield order.take(index)
        finally:
            self._engine.stop(order)


class _Order:
    """The requests of one call, and what became of them."""

    def __init__(self, requests: Sequence[GenerationRequest]) -> None:
        self.requests = requests
        self.results: list[concurrent.futures.Future[Result]] = [
            concurrent.futures.Future() for _ in requests
        ]
        self.taken = 0
        self.stopping = False
        self.tasks: set[asyncio.Task[None]] = set()
        self.wake: Callable[[], object] = lambda: None

    def take(self, index: int) -> Result:
        """Wait for a result."""
        self.taken = index
        self.wake()
        result = self.results[index].result()
        # A long run's texts are the caller's to keep.
        self.results[index] = concurrent.futures.Future()
        return result


class _Engine:
    """The loop, its thread, and what runs there. Knows nothing of the model that owns it."""

    def __init__(self, service: Service, drain_s: float) -> None:
        self._service = service
        self._drain_s = drain_s
        self._window = max(_WINDOW, 4 * service.max_concurrency)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._orders: set[_Order] = set()
        self.courier = Courier(service)

    def start(self, order: _Order) -> None:
        """Begin with a call's requests."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run, args=(self._loop,), name="idiolect-endpoint", daemon=True
                )
                self._thread.start()
            self._orders.add(order)
        asyncio.run_coroutine_threadsafe(self._feed(order, self._loop), self._loop)

    def stop(self, order: _Order) -> None:
        """Send nothing more of a call; wait for what is under way."""
        with self._lock:
            known = order in self._orders
            self._orders.discard(order)
        if known and self._loop is not None:
            self._wait(self._drain(order))

    def close(self) -> None:
        """Stop every call and give the connections back."""
        for order in tuple(self._orders):
            self.stop(order)
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
        if loop is not None and thread is not None:
            closed = asyncio.run_coroutine_threadsafe(self._service.wire.close(), loop)
            closed.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))
            # The garbage collector may call from anywhere, even from that thread.
            if threading.current_thread() is not thread:
                thread.join(timeout=self._drain_s)
        if self._service.cache is not None:
            self._service.cache.close()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        if threading.current_thread() is not self._thread:
            done.result()

    async def _feed(self, order: _Order, loop: asyncio.AbstractEventLoop) -> None:
        """Start requests in order, a window ahead of the caller."""
        moved = asyncio.Event()
        order.wake = lambda: loop.call_soon_threadsafe(moved.set)
        for index in itertools.count():
            while index - order.taken >= self._window and not order.stopping:
                moved.clear()
                await moved.wait()
            if order.stopping or index == len(order.requests):
                return
            task = asyncio.create_task(self._answer(order, index))
            order.tasks.add(task)
            task.add_done_callback(order.tasks.discard)

    async def _answer(self, order: _Order, index: int) -> None:
        result = order.results[index]
        try:
            found = await self.courier.fetch(order.requests[index], lambda: order.stopping)
        except asyncio.CancelledError:
            result.cancel()
            raise
        except Exception as error:
            # Whatever it is, it is the caller's: it is raised where the result is taken.
            result.set_exception(error)
        else:
            result.set_result(found)

    async def _drain(self, order: _Order) -> None:
        """Cancel what waits, and wait for what is sent."""
        order.stopping = True
        order.wake()
        sent = {task for task in order.tasks if task in self.courier.sending}
        for task in order.tasks - sent:
            task.cancel()
        if not sent:
            return
        _log.warning(
            "%s: waiting for %d answers that are under way, %.0f s at most",
            self._service.name,
            len(sent),
            self._drain_s,
        )
        _, late = await asyncio.wait(sent, timeout=self._drain_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1.0)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()
