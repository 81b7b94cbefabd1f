"""What every section has in common."""

from typing import Any

__all__ = ["FORBID"]

FORBID: dict[str, Any] = {"extra": "forbid"}
"""For pydantic: an unknown key is an error."""
