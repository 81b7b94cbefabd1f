"""Draws progress: a live bar on a terminal, one plain line every few seconds elsewhere."""

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from idiolect.runs.progress import Progress, ProgressSink, ignore_progress

__all__ = ["describe", "progress"]

_PLAIN_EVERY_S = 5.0


@contextmanager
def progress(*, quiet: bool) -> Generator[ProgressSink]:
    """Give a sink that draws on the error stream, so that results can be piped."""
    if quiet:
        yield ignore_progress
    elif sys.stderr.isatty() and not os.environ.get("CI"):
        with _live() as sink:
            yield sink
    else:
        yield _PlainLines()


def describe(state: Progress) -> str:
    """Return where a step stands, in one line.

    >>> describe(Progress(step="score", done=5, total=20, tokens=800, seconds=2.0))
    'score 5/20, 400 tokens/s, 6 s left'
    """
    parts = [f"{state.step} {state.done}/{state.total}"]
    if state.failed:
        parts.append(f"{state.failed} failed")
    if state.tokens_per_s is not None:
        parts.append(f"{state.tokens_per_s:,.0f} tokens/s")
    if state.spent_usd:
        parts.append(f"${state.spent_usd:,.4f} spent")
    if state.seconds_left is not None and state.done < state.total:
        parts.append(f"{_duration(state.seconds_left)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


class _PlainLines:
    """Prints a line when a step begins and ends, and every few seconds between."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, state: Progress) -> None:
        now = time.monotonic()
        ends = state.done >= state.total
        if ends or now - self._last >= _PLAIN_EVERY_S:
            self._last = now
            print(describe(state), file=sys.stderr, flush=True)


@contextmanager
def _live() -> Generator[ProgressSink]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn
    from rich.progress import Progress as Bars

    tasks: dict[str, TaskID] = {}
    columns = (BarColumn(bar_width=30), TextColumn("{task.description}", markup=False))
    with Bars(*columns, console=Console(stderr=True)) as bars:

        def sink(state: Progress) -> None:
            if state.step not in tasks:
                tasks[state.step] = bars.add_task(state.step, total=state.total)
            bars.update(
                tasks[state.step],
                completed=state.done,
                total=state.total,
                description=describe(state),
            )

        yield sink
