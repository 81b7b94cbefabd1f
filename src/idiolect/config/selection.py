"""`selection`: how one candidate is chosen."""

from dataclasses import dataclass
from typing import Any, ClassVar

from idiolect.config.base import FORBID

__all__ = ["SelectionConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionConfig:
    """How one candidate is chosen for each example."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    allow_unchecked: bool = True
    """Let candidates of examples without any answer to check against be chosen."""
