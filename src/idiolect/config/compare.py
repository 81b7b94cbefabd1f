"""`compare`: the pilot."""

from dataclasses import dataclass
from typing import Any, ClassVar

from idiolect.config.base import FORBID

__all__ = ["CompareConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareConfig:
    """The pilot that strategies are compared on."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    prompts: int = 50
    """How many prompts are drawn from the data, by the seed."""

    least_coverage: float = 0.8
    """A strategy is ranked when it has a usable response for this share of the prompts. One with
    less cannot be the only source of a dataset."""
