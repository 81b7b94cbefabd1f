"""`prices`: what a model costs, where the built-in table does not know it or is out of date."""

from dataclasses import dataclass
from typing import Any, ClassVar

from idiolect.config.base import FORBID

__all__ = ["PriceConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceConfig:
    """The price of one model. 0 is free."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    input_usd_per_million: float
    """US dollars for a million tokens of prompt."""

    output_usd_per_million: float
    """US dollars for a million tokens of answer, hidden reasoning included."""
