"""Chosen responses in the form that trainers read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from idiolect.records import Candidate, Example

__all__ = ["EXPORTS", "export_rows"]

Row = dict[str, Any]


def _trl(example: Example, candidate: Candidate, metadata: Mapping[str, Any]) -> Row:
    """TRL conversational prompt-completion; the loss falls on the completion by default.

    Source: https://huggingface.co/docs/trl/dataset_formats
    """
    return {
        "prompt": [{"role": m.role, "content": m.content} for m in example.messages],
        "completion": [{"role": "assistant", "content": candidate.text}],
        "metadata": dict(metadata),
    }


def _openai(example: Example, candidate: Candidate, metadata: Mapping[str, Any]) -> Row:
    """OpenAI chat fine-tuning; the service refuses columns beside `messages`."""
    turns = [{"role": m.role, "content": m.content} for m in example.messages]
    return {"messages": [*turns, {"role": "assistant", "content": candidate.text}]}


EXPORTS: dict[str, Callable[[Example, Candidate, Mapping[str, Any]], Row]] = {
    "trl": _trl,
    "openai": _openai,
}


def export_rows(
    chosen: Sequence[tuple[Example, Candidate, Mapping[str, Any]]], *, to: str
) -> list[Row]:
    """Return one row for each chosen candidate, in the named trainer's form.

    Args:
        chosen: Example, its chosen candidate, and metadata that says how it was chosen.
        to: A key of `EXPORTS`.
    """
    return [EXPORTS[to](example, candidate, metadata) for example, candidate, metadata in chosen]
