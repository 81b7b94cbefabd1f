"""What is trained on, as ids: the very ids that are scored, and a loss on the response alone."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from idiolect.chat import ChatFormat, Rendered
from idiolect.errors import DataError
from idiolect.records import Message, content_id

__all__ = [
    "IGNORED",
    "TrainingRow",
    "all_ids",
    "encode_rows",
    "fingerprint",
    "labels",
    "shown",
    "with_own_ids",
]

IGNORED = -100
"""The label of a token that does not count in the loss."""

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRow:
    """A prompt and the response that is to be learned."""

    messages: tuple[Message, ...]
    response: str
    token_ids: tuple[int, ...] | None = None
    """The ids that a model generated for the response, without its end of turn."""

    generated_by: str | None = None
    """The revision of that model, where it may be another than the target."""

    complete: bool = True
    """Whether the response ends its turn. A cut-off one does not teach to stop there."""


def with_own_ids(rows: Sequence[TrainingRow], revision: str) -> list[TrainingRow]:
    """Return the rows without the ids that another model than this revision generated.

    They mean nothing to its tokenizer; the text does.
    """
    return [
        row if row.generated_by in (None, revision) else dataclasses.replace(row, token_ids=None)
        for row in rows
    ]


def encode_rows(
    chat: ChatFormat, rows: Sequence[TrainingRow], *, max_length: int
) -> list[Rendered]:
    """Return the ids of each row, in order.

    Raises:
        DataError: there are no rows, a row has nothing to train on or does not fit into the
            context (nothing is truncated), or no row ends its turn.
        TemplateError: the template changes a prompt or a response.
    """
    if not rows:
        raise DataError("training data: found no rows, expected at least one; check the data")
    empty = [
        index for index, row in enumerate(rows) if not chat.response_text(row.response).strip()
    ]
    if empty:
        raise DataError(
            f"training data: found {len(empty)} of {len(rows)} rows without any token to train on "
            f"(rows {shown(empty)}): their responses are empty; remove them"
        )
    rendered = [
        chat.render(row.messages, row.response, complete=row.complete, token_ids=row.token_ids)
        for row in rows
    ]
    long = [index for index, item in enumerate(rendered) if _length(item) > max_length]
    if long:
        longest = max(_length(rendered[index]) for index in long)
        raise DataError(
            f"training data: found {len(long)} of {len(rows)} rows with more than {max_length} "
            f"tokens, which is what the context holds (rows {shown(long)}; the longest has "
            f"{longest}); shorten or remove them, since nothing is truncated silently"
        )
    if all(item.terminator_id is None for item in rendered):
        raise DataError(
            f"training data: none of the {len(rows)} responses ends its turn, so the end of turn "
            "would not be trained and the model would not learn to stop; use responses that were "
            "not cut off (a larger max_new_tokens)"
        )
    return rendered


def labels(item: Rendered) -> list[int]:
    """Return the label of each token: the prompt does not count, response and terminator do."""
    return [IGNORED] * len(item.prompt_ids) + _targets(item)


def all_ids(item: Rendered) -> list[int]:
    """Return the ids of prompt, response and terminator."""
    return [*item.prompt_ids, *_targets(item)]


def fingerprint(rendered: Sequence[Rendered]) -> str:
    """Return 16 hex digits that change when any id that is trained on does."""
    return content_id([[r.prompt_ids, r.response_ids, r.terminator_id] for r in rendered])


def _targets(item: Rendered) -> list[int]:
    end = [] if item.terminator_id is None else [item.terminator_id]
    return [*item.response_ids, *end]


def _length(item: Rendered) -> int:
    return len(item.prompt_ids) + len(_targets(item))


def shown(indices: Sequence[int]) -> str:
    """Return the first few of the indices, for a message."""
    more = ", ..." if len(indices) > _SHOWN else ""
    return ", ".join(str(index) for index in indices[:_SHOWN]) + more
