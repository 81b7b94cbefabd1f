"""Chosen responses in the forms that trainers read, a file for each trainer."""

from collections.abc import Mapping, Sequence
from typing import Any

from idiolect.data.export.axolotl import AXOLOTL
from idiolect.data.export.base import Form, Row, Setting
from idiolect.data.export.llama_factory import LLAMA_FACTORY
from idiolect.data.export.ms_swift import MS_SWIFT
from idiolect.data.export.openai import OPENAI
from idiolect.data.export.trl import TRL
from idiolect.records import Candidate, Example

__all__ = ["EXPORTS", "Form", "Row", "Setting", "export_rows"]

EXPORTS: dict[str, Form] = {f.name: f for f in (TRL, OPENAI, AXOLOTL, LLAMA_FACTORY, MS_SWIFT)}


def export_rows(
    chosen: Sequence[tuple[Example, Candidate, Mapping[str, Any]]], *, to: str, setting: Setting
) -> list[Row]:
    """Return one row for each chosen candidate, in the named trainer's form.

    Args:
        chosen: Example, its chosen candidate, and metadata that says how it was chosen. The
            metadata stand in one struct, and only where the trainer leaves it alone.
        to: A key of `EXPORTS`.
        setting: What the rows and the trainer's config depend on.
    """
    form = EXPORTS[to]
    return [
        form.row(example, candidate, setting)
        | ({"metadata": dict(metadata)} if form.has_metadata else {})
        for example, candidate, metadata in chosen
    ]
