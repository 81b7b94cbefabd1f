"""Settings of the strategies."""

from dataclasses import dataclass
from typing import Any, ClassVar

from idiolect.config.base import FORBID

__all__ = [
    "RUNGS",
    "ContinuationConfig",
    "LadderConfig",
    "MinimalChangeConfig",
    "OwnConfig",
    "StyledConfig",
]

RUNGS = ("own", "samples", "hinted", "continue", "minimal-change", "rewrite", "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnConfig:
    """Sampling of the target's own answers."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    samples: int = 1
    """Answers of each example; more than one needs a temperature."""

    temperature: float = 0.0
    """0 is greedy, and then one sample is all there is."""

    top_p: float = 1.0
    """Sample from the most probable tokens that together have this probability."""

    max_new_tokens: int = 512
    """Longest answer, in tokens; what is cut off there is never chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimalChangeConfig:
    """How far a correction may go."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    budget: float = 0.5
    """Largest share of words that may differ from the own answer, in (0, 1]."""

    attempts: int = 3
    """Requests for one example, the first one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuationConfig:
    """How often the target is put right and goes on."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    rounds: int = 3
    """Corrections of one answer at most, from 1 to 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyledConfig:
    """What the teacher sees of the target's style."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    examples: int = 2
    """Own correct answers to other prompts. Fewer are shown where there are fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderConfig:
    """The rungs, cheapest first."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    rungs: tuple[str, ...] = RUNGS
    """`own`, `samples` (more own answers) and names of strategies."""

    samples: int = 4
    """Own answers that the rung `samples` draws at most."""

    temperature: float = 0.8
    """Of those samples."""
