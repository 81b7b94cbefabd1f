"""The scorer of a local model."""

from idiolect.models.local import LocalModel
from idiolect.scoring.base import Scorer
from idiolect.scoring.plain import PlainScorer

__all__ = ["local_scorer"]


def local_scorer(model: LocalModel) -> Scorer:
    """Return the scorer for a loaded model."""
    return PlainScorer(model.module, model.max_length)
