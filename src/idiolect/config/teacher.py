"""`teacher` and `judge`: models that may help."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from idiolect.config.base import FORBID

__all__ = ["HelperConfig", "TeacherConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperConfig:
    """A model that is asked for help, and how it answers."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    model: str | None = field(default=None, kw_only=False)
    """`openai:NAME`, `openai:NAME@URL`, `anthropic:NAME`, `lab:teacher`, a folder or a hub id."""

    temperature: float = 0.0
    """0 is greedy."""

    top_p: float = 1.0
    """Sample from the most probable tokens that together have this probability."""

    max_new_tokens: int = 1024
    """Longest answer, in tokens."""

    max_concurrency: int = 16
    """Requests to a server that are under way at once, at most. The number that is used adapts
    to what the server takes."""

    timeout_s: float = 600.0
    """How long a server may take for one answer."""

    retries: int = 8
    """How often a request that may succeed later is sent again."""

    cache: bool = True
    """Keep the answers of servers in the machine-wide cache, and take them from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherConfig(HelperConfig):
    """A stronger model that may help; never needed."""

    show_answer: bool = False
    """Let the strategy `teacher` see the example's answer."""
