"""Which words of a text were kept, removed and added, for a person to look at.

The alignment is the one that `edit_distance` counts: Levenshtein over words.
"""

import re
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import Levenshtein

__all__ = ["Change", "word_diff"]

_WORD = re.compile(r"\s*\S+(?:\s+\Z)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A stretch of words with one fate, and the white space before them."""

    kind: Literal["kept", "removed", "added"]
    text: str


def word_diff(before: str, after: str) -> tuple[Change, ...]:
    """Return the stretches in reading order; kept and added ones joined are `after`.

    White space alone is no change: kept words stand as they do in `after`.

    >>> [(c.kind, c.text) for c in word_diff("the sum is 41", "the sum is 42")]
    [('kept', 'the sum is'), ('removed', ' 41'), ('added', ' 42')]
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    if not new:
        removed = (Change(kind="removed", text=before),) if old else ()
        return (*removed, *((Change(kind="added", text=after),) if after else ()))
    changes: list[Change] = []
    stripped = [word.strip() for word in old], [word.strip() for word in new]
    for step in Levenshtein.opcodes(*stripped):
        gone = "".join(old[step.src_start : step.src_end])
        come = "".join(new[step.dest_start : step.dest_end])
        if step.tag == "equal":
            changes.append(Change(kind="kept", text=come))
            continue
        changes += [Change(kind="removed", text=gone)] if gone else []
        changes += [Change(kind="added", text=come)] if come else []
    return tuple(changes)
