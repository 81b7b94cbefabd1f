"""Work on candidates, written as conversations and driven together.

A strategy writes down what happens to one example as a generator: it yields what it wants to
ask or have checked, and gets the result back. `drive` runs many of them side by side, so that
each round is one batch for the model, however many rounds an example takes.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeVar

from idiolect.models.base import GenerationRequest, Model
from idiolect.records import Candidate, Example, Failure
from idiolect.verification.base import Finding

__all__ = [
    "Ask",
    "Check",
    "GaveUp",
    "Result",
    "Role",
    "Skipped",
    "Steps",
    "Task",
    "drive",
    "finished",
]

Role = Literal["target", "teacher"]
Result = Candidate | Failure
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request to a model. The result is its generation or the failure of it."""

    role: Role
    request: GenerationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A question to the verifier. The result is its finding."""

    example: Example
    text: str


Steps = Generator[Ask | Check, Any, T]
"""A conversation that ends with a `T`."""


class GaveUp(Exception):
    """Ends a conversation without a candidate. It becomes a `Failure`."""

    def __init__(self, reason: str, *, retryable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


class Skipped(Exception):
    """Ends a conversation that the money was used up for. Nothing is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The work on one candidate."""

    id: str
    """Of the candidate that will come of it."""

    example_id: str
    strategy: str
    work: Steps[list[Result]]

    def failure(self, error: GaveUp) -> Failure:
        """Return the record of a conversation that was given up."""
        return Failure(
            subject_id=self.id,
            example_id=self.example_id,
            step="generate",
            strategy=self.strategy,
            reason=f"{self.example_id}: {error.reason}",
            retryable=error.retryable,
        )


def finished(results: list[Result]) -> Steps[list[Result]]:
    """Return a conversation in which nothing is said."""
    yield from ()
    return results


def drive(
    tasks: Iterable[Task],
    model: Callable[[Role], Model],
    check: Callable[[Sequence[tuple[Example, str]]], list[Finding]] | None,
    *,
    window: int | None,
) -> Iterator[Result]:
    """Yield the results of tasks in their order, each as soon as it and those before are there.

    Args:
        tasks: The work; it is begun lazily, a window at a time.
        model: Who plays a role.
        check: The verifier.
        window: How many tasks go on side by side; None for all.
    """
    waiting = iter(tasks)
    while batch := list(islice(waiting, window)):
        yield from _Round(batch).run(model, check)


class _Round:
    """Tasks that go on side by side."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks
        self._steps: dict[int, Ask | Check] = {}
        self._results: dict[int, list[Result]] = {}
        self._next = 0

    def run(
        self,
        model: Callable[[Role], Model],
        check: Callable[[Sequence[tuple[Example, str]]], list[Finding]] | None,
    ) -> Iterator[Result]:
        for place in range(len(self._tasks)):
            self._advance(place, None)
        yield from self._ready()
        while self._steps:
            checks = [(p, s) for p, s in self._steps.items() if isinstance(s, Check)]
            if checks:
                assert check is not None  # a strategy asks for checks only where there are any
                findings = check([(step.example, step.text) for _, step in checks])
                for (place, _), finding in zip(checks, findings, strict=True):
                    self._advance(place, finding)
                yield from self._ready()
            for role in ("target", "teacher"):
                asks = [
                    (p, s.request)
                    for p, s in self._steps.items()
                    if isinstance(s, Ask) and s.role == role
                ]
                if asks:
                    answers = model(role).generate([request for _, request in asks])
                    for (place, _), answer in zip(asks, answers, strict=True):
                        self._advance(place, answer)
                        yield from self._ready()

    def _advance(self, place: int, value: Any) -> None:
        """Hand a task what it waits for, and note what it wants next."""
        self._steps.pop(place, None)
        task = self._tasks[place]
        try:
            self._steps[place] = task.work.send(value)
        except StopIteration as stop:
            self._results[place] = stop.value
        except GaveUp as error:
            self._results[place] = [task.failure(error)]
        except Skipped:
            self._results[place] = []

    def _ready(self) -> Iterator[Result]:
        """Yield what is finished and has nothing unfinished before it."""
        while self._next in self._results:
            yield from self._results.pop(self._next)
            self._next += 1
