"""The run directory: everything one command did, in one place."""

from idiolect.runs.progress import Progress, ProgressSink, ignore_progress
from idiolect.runs.store import Run, RunReader

__all__ = ["Progress", "ProgressSink", "Run", "RunReader", "ignore_progress"]
