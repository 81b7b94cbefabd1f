"""`evaluation`: how a model's answers are drawn when it is tested."""

from dataclasses import dataclass
from typing import Any, ClassVar

from idiolect.config.base import FORBID

__all__ = ["EvaluationConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """How a model's answers are drawn when it is tested, and what else is measured."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    samples: int = 1
    """Answers of each example; more than one needs a temperature."""

    temperature: float = 0.0
    """0 is greedy."""

    top_p: float = 1.0
    """Sample from the most probable tokens that together have this probability."""

    max_new_tokens: int = 512
    """Longest answer, in tokens."""

    drift: bool = False
    """Compare the distributions with those of the base model; needs `target.adapter`."""

    suites: tuple[str, ...] = ()
    """Tasks of lm-evaluation-harness."""
