"""Work in parallel processes, results as soon as they are there."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

__all__ = ["Workers", "workers"]

R = TypeVar("R")


class Workers:
    """Runs pieces of work in processes of their own, or here where there is one only."""

    def __init__(self, pool: ProcessPoolExecutor | None) -> None:
        self._pool = pool

    def run(self, work: Callable[[Any], R], pieces: Iterable[Any]) -> Iterator[R]:
        """Yield the results in the order in which they are done.

        The first error ends the run: what was yielded before is kept by who asked for it.
        """
        if self._pool is None:
            yield from map(work, pieces)
            return
        waiting: set[Future[R]] = {self._pool.submit(work, piece) for piece in pieces}
        try:
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def workers(jobs: int) -> Generator[Workers]:
    """Give processes to work in; one job needs none.

    Processes are started anew, not forked: torch's threads do not survive a fork. The cores are
    divided among them.
    """
    if jobs <= 1:
        yield Workers(None)
        return
    threads = max(1, _cores() // jobs)
    pool = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(threads,)
    )
    try:
        yield Workers(pool)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _cores() -> int:
    """Return how many cores this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _begin(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
