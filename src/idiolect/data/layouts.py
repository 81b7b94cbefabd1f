"""The layouts that fine-tuning data comes in, and how each is read.

A layout turns the fields of a row into the turns of a conversation; the last assistant turn,
if the conversation ends with one, is the reference. Layouts are tried in the order of
`LAYOUTS`; the first whose columns are all there is taken.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from idiolect.records import Message

__all__ = ["LAYOUTS", "Layout", "LayoutError", "Turns", "detect_layout", "fill"]

Turns = list[Message]
_ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "tool": "tool",
}


class LayoutError(ValueError):
    """What is wrong with one field of one row. The reader adds the place."""

    def __init__(self, column: str, found: str, expected: str) -> None:
        super().__init__(f"field {column!r}: found {found}, expected {expected}")


@dataclass(frozen=True, slots=True)
class Layout:
    """One way of writing a prompt and its reference into columns."""

    name: str
    required: tuple[str, ...]
    """Columns that must exist for the layout to be taken."""

    mapping: str
    """The mapping in words, for the screen."""

    turns: Callable[[Mapping[str, Any]], Turns]
    uses: tuple[str, ...]
    """All columns that the layout reads; the others become metadata."""


def detect_layout(columns: Sequence[str]) -> Layout | None:
    """Return the first layout whose required columns are all there."""
    for layout in LAYOUTS:
        if all(column in columns for column in layout.required):
            return layout
    return None


def _messages_layout(fields: Mapping[str, Any]) -> Turns:
    return _turn_list("messages", fields["messages"], role_key="role", text_key="content")


def _sharegpt(fields: Mapping[str, Any]) -> Turns:
    turns = _turn_list("conversations", fields["conversations"], role_key="from", text_key="value")
    return _with_system(fields, turns)


def _prompt_completion(fields: Mapping[str, Any]) -> Turns:
    prompt, completion = fields["prompt"], fields.get("completion")
    if isinstance(prompt, list):
        turns = _turn_list("prompt", prompt, role_key="role", text_key="content")
    else:
        turns = [Message(role="user", content=_text(fields, "prompt"))]
    if isinstance(completion, list):
        turns += _turn_list("completion", completion, role_key="role", text_key="content")
    elif completion is not None:
        turns.append(Message(role="assistant", content=_text(fields, "completion")))
    return _with_system(fields, turns)


def _prompt_reference(fields: Mapping[str, Any]) -> Turns:
    return _with_response(fields, "reference", _prompt_completion({**fields, "completion": None}))


def _alpaca(fields: Mapping[str, Any]) -> Turns:
    turns: Turns = []
    for index, pair in enumerate(fields.get("history") or []):
        if not isinstance(pair, list | tuple) or len(cast(Sequence[Any], pair)) != 2:
            raise LayoutError("history", f"entry {index} {pair!r}", "[prompt, response] pairs")
        question, answer = cast(Sequence[Any], pair)
        turns.append(Message(role="user", content=str(question)))
        turns.append(Message(role="assistant", content=str(answer)))
    prompt = _text(fields, "instruction")
    if fields.get("input"):
        prompt += "\n\n" + _text(fields, "input")
    turns.append(Message(role="user", content=prompt))
    return _with_system(fields, _with_response(fields, "output", turns))


def _pair(prompt: str, response: str) -> Callable[[Mapping[str, Any]], Turns]:
    def turns(fields: Mapping[str, Any]) -> Turns:
        user: Turns = [Message(role="user", content=_text(fields, prompt))]
        return _with_system(fields, _with_response(fields, response, user))

    return turns


def _with_response(fields: Mapping[str, Any], column: str, turns: Turns) -> Turns:
    if fields.get(column) is None:
        return turns
    return [*turns, Message(role="assistant", content=_text(fields, column))]


def _with_system(fields: Mapping[str, Any], turns: Turns) -> Turns:
    system = fields.get("system")
    if not system:
        return turns
    return [Message(role="system", content=_text(fields, "system")), *turns]


def fill(fields: Mapping[str, Any], column: str) -> str | None:
    """Return a column as text, or None where it is absent or null."""
    return None if fields.get(column) is None else _text(fields, column)


def _text(fields: Mapping[str, Any], column: str) -> str:
    value = fields.get(column)
    if isinstance(value, bool | int | float):
        return str(value)
    if not isinstance(value, str):
        raise LayoutError(column, _kind(value), "text")
    return value


def _turn_list(column: str, value: Any, *, role_key: str, text_key: str) -> Turns:
    if isinstance(value, str):  # CSV and some hub sets hold the list as JSON text
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise LayoutError(column, "text that is not JSON", "a list of turns") from None
    if not isinstance(value, list | tuple):
        raise LayoutError(column, _kind(value), "a list of turns")
    turns: Turns = []
    for index, turn in enumerate(cast(Sequence[Any], value)):
        turns.append(_turn(f"{column}[{index}]", turn, role_key, text_key))
    return turns


def _turn(place: str, turn: Any, role_key: str, text_key: str) -> Message:
    if not isinstance(turn, Mapping):
        raise LayoutError(place, _kind(turn), f"an object with {role_key!r} and {text_key!r}")
    fields = cast(Mapping[str, Any], turn)
    role = fields.get(role_key)
    if not isinstance(role, str) or role not in _ROLES:
        raise LayoutError(f"{place}.{role_key}", repr(role), " or ".join(sorted(_ROLES)))
    if fields.get("tool_calls"):
        raise LayoutError(f"{place}.tool_calls", "tool calls", "turns of text only")
    return Message(role=cast(Any, _ROLES[role]), content=_text(fields, text_key))


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "messages",
        ("messages",),
        "prompt <- messages up to the last assistant turn, reference <- that turn",
        _messages_layout,
        ("messages",),
    ),
    Layout(
        "sharegpt",
        ("conversations",),
        "prompt <- conversations up to the last gpt turn, reference <- that turn",
        _sharegpt,
        ("conversations", "system"),
    ),
    Layout(
        "prompt-completion",
        ("prompt", "completion"),
        "prompt <- prompt, reference <- completion",
        _prompt_completion,
        ("prompt", "completion", "system"),
    ),
    Layout(
        "alpaca",
        ("instruction", "output"),
        "prompt <- instruction + input, reference <- output",
        _alpaca,
        ("instruction", "input", "output", "system", "history"),
    ),
    Layout(
        "question-reference",
        ("question", "reference"),
        "prompt <- question, reference <- reference",
        _pair("question", "reference"),
        ("question", "reference", "system"),
    ),
    Layout(
        "problem-solution",
        ("problem", "solution"),
        "prompt <- problem, reference <- solution",
        _pair("problem", "solution"),
        ("problem", "solution", "system"),
    ),
    Layout(
        "question-answer",
        ("question", "answer"),
        "prompt <- question, reference <- answer",
        _pair("question", "answer"),
        ("question", "answer", "system"),
    ),
    Layout(
        "prompt-reference",
        ("prompt",),
        "prompt <- prompt, reference <- reference",
        _prompt_reference,
        ("prompt", "reference", "system"),
    ),
)
