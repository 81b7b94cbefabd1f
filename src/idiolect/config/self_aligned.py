"""`self_aligned`: what the measure of that name puts before a prompt."""

from dataclasses import dataclass
from typing import Any, ClassVar

from idiolect.config.base import FORBID

__all__ = ["SelfAlignedConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfAlignedConfig:
    """What self-aligned perplexity puts before a prompt (arXiv 2502.11779)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    answers: str = "own"
    """The strategy whose correct answers are shown; `column:NAME` for answers that exist."""

    examples: int = 2
    """Answers in each context; the authors use 2 or 3."""

    draws: int = 3
    """Contexts for each prompt; the measure is their mean."""
