"""Progress as plain lines on the error stream."""

import sys
import time

from idiolect.runs.progress import Progress

__all__ = ["Lines"]

SECONDS_BETWEEN_LINES = 30.0


class Lines:
    """Prints one plain line every now and then."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        """Take note of the progress."""
        if time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            speed = progress.tokens_per_s
            line = f"{progress.step}: {progress.done}/{progress.total}"
            line += f", {speed:.0f} tokens/s" if speed else ""
            print(line, file=sys.stderr, flush=True)
