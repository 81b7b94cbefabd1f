"""Plans: which requests are computed together, and where each token lies.

Requests are grouped by prompt. A pack is one sequence of tokens without padding:

    ids       = P | r1[:-1] | r2[:-1] | ... | P' | r1'[:-1] | ...
    positions = 0..p-1 | p.. | p.. | ...           every response restarts behind its prompt

Each prompt is there once for all its responses. The row that predicts the first token of a
response is the prompt's last row; the last target is never fed in. A group that is larger
than the budget is divided into several packs; its prompt is computed in the first of them
and kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from idiolect.scoring.base import ScoreRequest

__all__ = ["Group", "Member", "Pack", "Piece", "batches", "group_requests", "packs"]

_SHORT_PROMPT = 32
"""A prompt is short when it fits into the budget this many times."""


@dataclass(frozen=True, slots=True)
class Member:
    """One distinct response of a group, and the requests that ask for it."""

    targets: tuple[int, ...]
    requests: tuple[int, ...]

    @property
    def fed(self) -> int:
        """Tokens that enter the model: all targets but the last."""
        return len(self.targets) - 1


@dataclass(frozen=True, slots=True)
class Group:
    """One prompt with all its distinct responses."""

    prompt: tuple[int, ...]
    members: tuple[Member, ...]

    @property
    def tokens(self) -> int:
        """Tokens that enter the model."""
        return len(self.prompt) + sum(member.fed for member in self.members)


@dataclass(frozen=True, slots=True)
class Piece:
    """A group, or a part of a large one, inside a pack. Numbers are rows of the pack."""

    group: int
    """Tells apart the groups of one plan, for what is kept of a prompt between packs."""

    prompt_start: int
    prompt_length: int
    has_prompt: bool
    """False: the prompt was computed in an earlier pack and kept."""

    is_last: bool
    """True: nothing of the group follows, so nothing needs to be kept."""

    members: tuple[Member, ...]
    spans: tuple[tuple[int, int], ...]
    """Start and stop of the rows of each member; empty for a member of one target."""

    @property
    def prompt_stop(self) -> int:
        """One past the last row of the prompt."""
        return self.prompt_start + (self.prompt_length if self.has_prompt else 0)

    @property
    def responses(self) -> tuple[int, int]:
        """Start and stop of the rows of all members; they lie side by side."""
        return self.prompt_stop, self.spans[-1][1]


@dataclass(frozen=True, slots=True)
class Pack:
    """Tokens that go through the model together."""

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    pieces: tuple[Piece, ...]


def group_requests(requests: Sequence[ScoreRequest]) -> list[Group]:
    """Group requests by prompt, and equal requests into one member; in order of appearance."""
    prompts: dict[tuple[int, ...], dict[tuple[int, ...], list[int]]] = {}
    for index, request in enumerate(requests):
        members = prompts.setdefault(request.prompt_ids, {})
        members.setdefault(request.target_ids, []).append(index)
    return [
        Group(
            prompt,
            tuple(Member(targets, tuple(indices)) for targets, indices in members.items()),
        )
        for prompt, members in prompts.items()
    ]


def batches(requests: Sequence[ScoreRequest], budget: int) -> list[list[int]]:
    """Divide requests into batches of about `budget` tokens.

    A group stays together, so that its prompt is computed once; one whose prompt is short
    against the budget is divided, since computing it again costs next to nothing. The longest
    groups come first, so that memory that does not suffice is noticed at once.
    """
    result: list[list[int]] = []
    filled = budget
    for group in sorted(group_requests(requests), key=lambda g: -g.tokens):
        is_short = len(group.prompt) * _SHORT_PROMPT <= budget
        for members in _parts(group, budget) if is_short else [list(group.members)]:
            size = len(group.prompt) + sum(member.fed for member in members)
            if filled + size > budget:
                result.append([])
                filled = 0
            filled += size
            result[-1].extend(i for member in members for i in member.requests)
    return [sorted(indices) for indices in result]


def packs(groups: Sequence[Group], budget: int) -> Iterator[Pack]:
    """Lay groups out in packs of about `budget` tokens, in order.

    A single response or prompt longer than the budget gets a pack that is larger.
    """
    open_pack = _Layout()
    for number, group in enumerate(groups):
        for part, members in enumerate(_parts(group, budget)):
            has_prompt = part == 0
            is_last = members[-1] is group.members[-1]
            size = sum(m.fed for m in members) + (len(group.prompt) if has_prompt else 0)
            if open_pack.ids and len(open_pack.ids) + size > budget:
                yield open_pack.close()
                open_pack = _Layout()
            open_pack.add(number, group.prompt, members, has_prompt=has_prompt, is_last=is_last)
    if open_pack.pieces:
        yield open_pack.close()


def _parts(group: Group, budget: int) -> list[list[Member]]:
    """Divide the members of a group so that each part fits, the first one with the prompt."""
    parts: list[list[Member]] = [[]]
    filled = len(group.prompt)
    for member in group.members:
        if parts[-1] and filled + member.fed > budget:
            parts.append([])
            filled = 0
        parts[-1].append(member)
        filled += member.fed
    return parts


class _Layout:
    """A pack that is being filled."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.positions: list[int] = []
        self.pieces: list[Piece] = []

    def add(
        self,
        group: int,
        prompt: tuple[int, ...],
        members: Sequence[Member],
        *,
        has_prompt: bool,
        is_last: bool,
    ) -> None:
        start = len(self.ids)
        if has_prompt:
            self._put(prompt, 0)
        spans: list[tuple[int, int]] = []
        for member in members:
            first = len(self.ids)
            self._put(member.targets[:-1], len(prompt))
            spans.append((first, len(self.ids)))
        self.pieces.append(
            Piece(
                group=group,
                prompt_start=start,
                prompt_length=len(prompt),
                has_prompt=has_prompt,
                is_last=is_last,
                members=tuple(members),
                spans=tuple(spans),
            )
        )

    def close(self) -> Pack:
        return Pack(tuple(self.ids), tuple(self.positions), tuple(self.pieces))

    def _put(self, ids: Sequence[int], position: int) -> None:
        self.ids.extend(ids)
        self.positions.extend(range(position, position + len(ids)))
