"""The run directory: everything one command did, in one place."""

from idiolect.runs.progress import Progress, ProgressSink, ignore_progress
from idiolect.runs.store import Run

__all__ = ["Progress", "ProgressSink", "Run", "ignore_progress"]
