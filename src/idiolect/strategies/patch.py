"""Edits as find/replace blocks: read out of a reply, and applied to a text.

Nothing is guessed. A text to find that is not there, or is there twice, is an error with its
words, and so is a block that is not closed.
"""

import re
from dataclasses import dataclass

__all__ = ["Edit", "PatchError", "apply_edits", "full_text", "read_edits", "says_unchanged"]

_BLOCK = re.compile(
    r"<find>[ \t]*\n?(?P<find>.*?)\n?[ \t]*</find>\s*"
    r"<replace>[ \t]*\n?(?P<put>.*?)\n?[ \t]*</replace>",
    re.DOTALL,
)
_TAG = re.compile(r"</?(?:edit|find|replace)>")
_WRAPPED = re.compile(r"\A<(answer|corrected|result)>\s*(?P<body>.*?)\s*</\1>\Z", re.DOTALL)
_FENCED = re.compile(r"\A```[\w-]*\n(?P<body>.*?)\n?```\Z", re.DOTALL)
_SHOWN = 60


class PatchError(ValueError):
    """A reply that can't be used as a correction, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Words, and what comes in their place."""

    find: str
    replace: str


def read_edits(reply: str) -> list[Edit]:
    """Return the edits of a reply; none where it holds no part of any.

    Raises:
        PatchError: a block is not closed or not complete.
    """
    tags = _TAG.findall(reply)
    edits = [Edit(find=m["find"], replace=m["put"]) for m in _BLOCK.finditer(reply)]
    for tag in ("find", "replace"):
        opened, closed = tags.count(f"<{tag}>"), tags.count(f"</{tag}>")
        if opened != len(edits) or closed != len(edits):
            raise PatchError(
                f"the edits are not complete: found {opened} <{tag}> and {closed} </{tag}> "
                f"for {len(edits)} whole edits"
            )
    if tags and not edits:
        raise PatchError("the edits are empty")
    return edits


def apply_edits(text: str, edits: list[Edit]) -> str:
    """Return the text with all edits made.

    Every text to find is looked for in the original, not in the result of earlier edits.

    Raises:
        PatchError: a text to find is empty, occurs not exactly once, or overlaps another one.
    """
    places: list[tuple[int, int, str]] = []
    for edit in edits:
        count = text.count(edit.find) if edit.find.strip() else 0
        if count != 1:
            raise PatchError(
                f"the text to find {_quote(edit.find)} occurs {count} times in the answer, not once"
            )
        start = text.index(edit.find)
        if text.find(edit.find, start + 1) != -1:
            raise PatchError(f"the text to find {_quote(edit.find)} occurs twice in the answer")
        places.append((start, start + len(edit.find), edit.replace))
    places.sort()
    result, end = "", 0
    for start, stop, put in places:
        if start < end:
            raise PatchError(f"two edits overlap at {_quote(text[start:end])}")
        result += text[end:start] + put
        end = stop
    return result + text[end:]


def full_text(reply: str, *, fenced: bool) -> str:
    """Return a reply that is the whole text, without what models like to wrap around it.

    Args:
        reply: The reply.
        fenced: The text itself is one block of code, whose fence belongs to it.
    """
    text = reply.strip()
    if found := _WRAPPED.match(text):
        text = found["body"]
    if not fenced and text.count("```") == 2 and (found := _FENCED.match(text)):
        text = found["body"].strip()
    return text


def says_unchanged(reply: str) -> bool:
    """Return whether the reply says that nothing is to be changed."""
    return reply.strip().strip("`").strip() in ("<unchanged/>", "<unchanged>", "<unchanged />")


def _quote(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
