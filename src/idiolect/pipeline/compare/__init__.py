"""`compare`: which way of producing responses suits the target best, on a pilot."""

from idiolect.pipeline.compare.command import Pilot, compare

__all__ = ["Pilot", "compare"]
