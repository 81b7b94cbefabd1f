"""Plans: which requests are computed together, and where each token lies.

Requests are grouped by prompt. A pack is one sequence of tokens without padding:

    ids       = P | r1[:-1] | r2[:-1] | ... | P' | r1'[:-1] | ...
    positions = 0..p-1 | p.. | p.. | ...           every response restarts behind its prompt

Each prompt is there once for all its responses. The row that predicts the first token of a
response is the prompt's last row; the last target is never fed in. A group that is larger
than the budget is divided into several packs; its prompt is computed in the first of them
and kept.

Responses that begin alike, as an answer and its correction do, share their first rows too: the
responses of a prompt are sorted, and each one branches off the one before it where they part:

    r1 = a b c d e       ids = P | a b c d | x y        (without each last token)
    r2 = a b c x y z     the branch r2 has the trail a b c, and rows of its own from x on
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from idiolect.scoring.base import ScoreRequest

__all__ = ["Branch", "Group", "Member", "Pack", "Piece", "batches", "group_requests", "packs"]

_SHORT_PROMPT = 32
"""A prompt is short when it fits into the budget this many times."""

_SHORTEST_TRAIL = 8
"""Rows worth sharing between responses; a branch costs a few small operations in each layer."""

Rows = tuple[int, int]
"""Start and stop."""


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
    """One prompt with all its distinct responses, sorted by their ids."""

    prompt: tuple[int, ...]
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """Where one member lies in a pack. Numbers are rows of the pack."""

    member: Member
    trail: tuple[Rows, ...]
    """Rows of members before it that are its first tokens too."""

    own: Rows
    """Its other rows; empty for a member of one target."""

    @property
    def shared(self) -> int:
        """Tokens that it shares with the member before it."""
        return sum(stop - start for start, stop in self.trail)


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

    branches: tuple[Branch, ...]
    """Of each member, in the order of the rows."""

    @property
    def prompt_stop(self) -> int:
        """One past the last row of the prompt."""
        return self.prompt_start + (self.prompt_length if self.has_prompt else 0)

    @property
    def responses(self) -> Rows:
        """Start and stop of the rows of all members; they lie side by side."""
        return self.prompt_stop, self.branches[-1].own[1]


@dataclass(frozen=True, slots=True)
class Pack:
    """Tokens that go through the model together."""

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    pieces: tuple[Piece, ...]


def group_requests(requests: Sequence[ScoreRequest]) -> list[Group]:
    """Group requests by prompt, and equal requests into one member; prompts as they appear."""
    prompts: dict[tuple[int, ...], dict[tuple[int, ...], list[int]]] = {}
    for index, request in enumerate(requests):
        members = prompts.setdefault(request.prompt_ids, {})
        members.setdefault(request.target_ids, []).append(index)
    return [
        Group(
            prompt,
            tuple(Member(targets, tuple(indices)) for targets, indices in sorted(members.items())),
        )
        for prompt, members in prompts.items()
    ]


def batches(requests: Sequence[ScoreRequest], budget: int, *, branching: bool) -> list[list[int]]:
    """Divide requests into batches of about `budget` tokens.

    A group stays together, so that its prompt is computed once; one whose prompt is short
    against the budget is divided, since computing it again costs next to nothing. The longest
    groups come first, so that memory that does not suffice is noticed at once.
    """
    groups = group_requests(requests)
    sizes = [len(group.prompt) + _rows(group.members, branching) for group in groups]
    result: list[list[int]] = []
    filled = budget
    for group, _ in sorted(zip(groups, sizes, strict=True), key=lambda pair: -pair[1]):
        is_short = len(group.prompt) * _SHORT_PROMPT <= budget
        parts = _parts(group, budget, branching) if is_short else [list(group.members)]
        for members in parts:
            size = len(group.prompt) + _rows(members, branching)
            if filled + size > budget:
                result.append([])
                filled = 0
            filled += size
            result[-1].extend(i for member in members for i in member.requests)
    return [sorted(indices) for indices in result]


def packs(groups: Sequence[Group], budget: int, *, branching: bool) -> Iterator[Pack]:
    """Lay groups out in packs of about `budget` tokens, in order.

    A single response or prompt longer than the budget gets a pack that is larger.

    Args:
        groups: What is to be computed.
        budget: Tokens of a pack.
        branching: Whether responses that begin alike share their first rows.
    """
    open_pack = _Layout(branching)
    for number, group in enumerate(groups):
        for part, members in enumerate(_parts(group, budget, branching)):
            has_prompt = part == 0
            is_last = members[-1] is group.members[-1]
            size = _rows(members, branching) + (len(group.prompt) if has_prompt else 0)
            if open_pack.ids and len(open_pack.ids) + size > budget:
                yield open_pack.close()
                open_pack = _Layout(branching)
            open_pack.add(number, group.prompt, members, has_prompt=has_prompt, is_last=is_last)
    if open_pack.pieces:
        yield open_pack.close()


def _parts(group: Group, budget: int, branching: bool) -> list[list[Member]]:
    """Divide the members of a group so that each part fits, the first one with the prompt."""
    parts: list[list[Member]] = [[]]
    filled = len(group.prompt)
    for member in group.members:
        rows = member.fed - (_shared(parts[-1][-1], member) if branching and parts[-1] else 0)
        if parts[-1] and filled + rows > budget:
            parts.append([])
            filled, rows = 0, member.fed
        parts[-1].append(member)
        filled += rows
    return parts


def _rows(members: Sequence[Member], branching: bool) -> int:
    """Return the rows of members that are laid side by side."""
    shared = sum(_shared(*pair) for pair in pairwise(members)) if branching else 0
    return sum(member.fed for member in members) - shared


def _shared(before: Member, member: Member) -> int:
    """Return how many fed tokens two members have in common at their beginning, if worth it."""
    count = 0
    for one, other in zip(before.targets[:-1], member.targets[:-1], strict=False):
        if one != other:
            break
        count += 1
    return count if count >= _SHORTEST_TRAIL else 0


class _Layout:
    """A pack that is being filled."""

    def __init__(self, branching: bool) -> None:
        self.ids: list[int] = []
        self.positions: list[int] = []
        self.pieces: list[Piece] = []
        self._branching = branching

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
        branches: list[Branch] = []
        for member in members:
            trail: tuple[Rows, ...] = ()
            if self._branching and branches:
                before = branches[-1]
                trail = _beginning(before, _shared(before.member, member))
            shared = sum(stop - start for start, stop in trail)
            first = len(self.ids)
            self._put(member.targets[shared:-1], len(prompt) + shared)
            branches.append(Branch(member, trail, (first, len(self.ids))))
        self.pieces.append(
            Piece(
                group=group,
                prompt_start=start,
                prompt_length=len(prompt),
                has_prompt=has_prompt,
                is_last=is_last,
                branches=tuple(branches),
            )
        )

    def close(self) -> Pack:
        return Pack(tuple(self.ids), tuple(self.positions), tuple(self.pieces))

    def _put(self, ids: Sequence[int], position: int) -> None:
        self.ids.extend(ids)
        self.positions.extend(range(position, position + len(ids)))


def _beginning(branch: Branch, count: int) -> tuple[Rows, ...]:
    """Return the rows of the first `count` tokens of a branch, its trail among them."""
    rows: list[Rows] = []
    for start, stop in (*branch.trail, branch.own):
        taken = min(count, stop - start)
        if taken > 0:
            rows.append((start, start + taken))
        count -= taken
    return tuple(rows)
