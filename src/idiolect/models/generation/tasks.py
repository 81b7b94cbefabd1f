"""What an engine is asked for, and what it gives back: ids only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from idiolect.models.base import Sampling

__all__ = ["Done", "Engine", "Task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One answer that is wanted."""

    index: int
    """Place of the request."""

    prompt_ids: tuple[int, ...]
    """At least one; the start of the answer, where there is one, included."""

    sampling: Sampling
    limit: int
    """New tokens at most, at least 1; prompt and new tokens fit into the context together."""

    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a task."""

    index: int
    ids: tuple[int, ...] = ()
    """New tokens, with the one that ended the answer."""

    failure: str | None = None
    """Why there is no answer."""

    retryable: bool = False


class Engine(Protocol):
    """Anything that continues ids."""

    @property
    def path(self) -> str:
        """The way it goes, for the record of a run."""
        ...

    def run(self, tasks: Iterable[Task]) -> Iterator[Done]:
        """Yield each task's result as soon as it is there, in any order."""
        ...
