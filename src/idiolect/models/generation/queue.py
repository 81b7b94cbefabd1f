"""Which prompts start next: samples of one prompt together, prompts of like length together."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from idiolect.models.generation.tasks import Task

__all__ = ["Group", "Queue"]


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks with the same prompt."""

    prompt_ids: tuple[int, ...]
    tasks: tuple[Task, ...]

    @property
    def tokens(self) -> int:
        """Keys that the group may come to hold, the prompt's counted once."""
        return len(self.prompt_ids) + sum(task.limit for task in self.tasks)


class Queue:
    """Tasks that have not started.

    Only a window of them is sorted: results leave in the order of the requests, so whoever
    waits, or kills the run, waits for or loses one window and not everything.

    Args:
        tasks: Read as far as the window reaches.
        window: Tasks that are sorted together.
        shared: Whether samples of one prompt share its computation. Off in benchmarks only.
    """

    def __init__(self, tasks: Iterable[Task], *, window: int, shared: bool = True) -> None:
        self._tasks = iter(tasks)
        self._window = window
        self._shared = shared
        self._groups: deque[Group] = deque()

    def take(self, rows: int, tokens: int, prompt_tokens: int) -> list[Group]:
        """Return the groups that start together, none where the queue is empty.

        The first group is divided if it is larger than the room; a later one waits then. At
        least one task is returned, however long it is.

        Args:
            rows: Tasks at most.
            tokens: Keys that may come to be held for them.
            prompt_tokens: Tokens of all their prompts.
        """
        taken: list[Group] = []
        while self._filled() and rows > 0:
            group = self._groups[0]
            prompt_tokens -= len(group.prompt_ids)
            if taken and prompt_tokens < 0:
                return taken
            if len(group.tasks) > rows or group.tokens > tokens:
                if not taken:
                    taken.append(self._part(rows, tokens))
                return taken
            taken.append(self._groups.popleft())
            rows -= len(group.tasks)
            tokens -= group.tokens
        return taken

    def put_back(self, tasks: Iterable[Task]) -> None:
        """Let tasks start again, before all others."""
        self._groups.extendleft(reversed(self._grouped(tasks)))

    def _filled(self) -> bool:
        if not self._groups:
            groups = self._grouped(islice(self._tasks, self._window))
            self._groups.extend(sorted(groups, key=lambda group: -len(group.prompt_ids)))
        return bool(self._groups)

    def _part(self, rows: int, tokens: int) -> Group:
        group = self._groups.popleft()
        count, used = 1, len(group.prompt_ids) + group.tasks[0].limit
        for task in group.tasks[1:rows]:
            used += task.limit
            if used > tokens:
                break
            count += 1
        if group.tasks[count:]:
            self._groups.appendleft(Group(group.prompt_ids, group.tasks[count:]))
        return Group(group.prompt_ids, group.tasks[:count])

    def _grouped(self, tasks: Iterable[Task]) -> list[Group]:
        groups: dict[object, list[Task]] = {}
        for task in tasks:
            groups.setdefault(task.prompt_ids if self._shared else task.index, []).append(task)
        return [Group(group[0].prompt_ids, tuple(group)) for group in groups.values()]
