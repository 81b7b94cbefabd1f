"""`quickstart`: a whole study of the lab's model, to see what the method does."""

from idiolect.pipeline.quickstart.command import DATASETS, Quickstart, quickstart
from idiolect.pipeline.quickstart.problems import DEFAULT_SIZES, Sizes

__all__ = ["DATASETS", "DEFAULT_SIZES", "Quickstart", "Sizes", "quickstart"]
