"""OpenAI chat fine-tuning, and the services that take the same file.

A row holds `messages` and nothing else: the service refuses other columns. Assistant turns before
the response get `weight: 0`, so that the loss falls on the response only.

Source: https://platform.openai.com/docs/guides/supervised-fine-tuning and, for `weight`, the schema
FineTuneChatRequestInput of the API reference (looked up 2026-11-22). The service wants ten
rows or more.
"""

from idiolect.data.export.base import Form, Row, Setting, no_files, turns
from idiolect.records import Candidate, Example

__all__ = ["OPENAI"]


def _row(example: Example, candidate: Candidate, setting: Setting) -> Row:
    *prompt, response = turns(example, candidate.text)
    told = [{**t, "weight": 0} if t["role"] == "assistant" else t for t in prompt]
    return {"messages": [*told, response]}


OPENAI = Form(
    name="openai",
    row=_row,
    files=no_files,
    command=lambda setting: None,
    has_metadata=False,
    takes_parquet=False,
    takes_plain_format=True,  # the service has a template of its own in any case
)
