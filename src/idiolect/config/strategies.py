"""Settings of the strategies."""

from dataclasses import dataclass
from typing import Any, ClassVar

from idiolect.config.base import FORBID

__all__ = ["OwnConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnConfig:
    """Sampling of the target's own answers."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    samples: int = 1
    temperature: float = 0.0
    """0 is greedy, and then one sample is all there is."""

    top_p: float = 1.0
    max_new_tokens: int = 512
