"""What a form of export is: rows for a trainer, and the files that make it train on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from idiolect.config.presets import PRESETS
from idiolect.records import Candidate, Example

__all__ = [
    "ACCUMULATION",
    "RECIPE",
    "ROWS_AT_ONCE",
    "WARMUP_STEPS",
    "Form",
    "Row",
    "Setting",
    "messages_row",
    "no_files",
    "trainer_arguments",
    "turns",
    "yaml_text",
]

Row = dict[str, Any]


RECIPE = PRESETS["default"]
"""LoRA settings that every config starts from: those of `idiolect train`, but for the warm-up."""

ROWS_AT_ONCE = 2
"""Rows on one device at a time."""

ACCUMULATION = RECIPE.batch_size // ROWS_AT_ONCE
WARMUP_STEPS = 10
"""In place of the preset's share of the steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a trainer's config has to say about the run and its data."""

    model: str
    """A folder or a hub id that the trainer finds."""

    data: str
    """Name of the data file, in the folder of the config."""

    longest: int
    """Tokens that no row exceeds, so that nothing is cut."""

    revision: str | None = None
    trust_remote_code: bool = False
    seed: int = 0
    template: str | None = None
    """Text of the plain format of a base model; None: the model's own chat template."""

    template_kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    beside: Mapping[str, str] = field(default_factory=dict[str, str])
    """Texts of files that are there already and get an entry of ours."""

    @property
    def stem(self) -> str:
        """The name of the data file without its suffix."""
        return self.data.rpartition(".")[0]

    @property
    def loader(self) -> str:
        """The `datasets` loader of the data file."""
        return "parquet" if self.data.endswith(".parquet") else "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How one trainer wants its data."""

    name: str
    row: Callable[[Example, Candidate, Setting], Row]
    files: Callable[[Setting], dict[str, str]]
    """Name -> text of the files beside the data."""

    command: Callable[[Setting], str | None]
    """The command that trains, in the folder of the data."""

    has_metadata: bool = True
    """Whether the trainer leaves a `metadata` struct alone."""

    takes_parquet: bool = True
    takes_plain_format: bool = False
    """Whether its config can carry a template of ours."""

    template_arguments: frozenset[str] | None = None
    """Names of the arguments for the chat template that its config can hold; None: any."""

    merges: tuple[str, ...] = ()
    """Files that others write to as well: they get an entry and keep the others'."""

    check: Callable[[Example], str | None] = lambda example: None
    """Says what keeps the trainer from using an example; None where nothing does."""


def turns(example: Example, response: str, *, flag: str | None = None) -> list[dict[str, Any]]:
    """Return the whole conversation.

    Args:
        example: The prompt.
        response: The last assistant's turn.
        flag: A key for every turn that says whether it is trained on: the response only.
    """
    told = [{"role": m.role, "content": m.content} for m in example.messages]
    told.append({"role": "assistant", "content": response})
    if flag is None:
        return told
    return [{**turn, flag: index == len(told) - 1} for index, turn in enumerate(told)]


def messages_row(example: Example, candidate: Candidate, setting: Setting) -> Row:
    """Return a row that holds the whole conversation and nothing else."""
    return {"messages": turns(example, candidate.text)}


def trainer_arguments(setting: Setting) -> dict[str, Any]:
    """Return the recipe under the names of transformers' `TrainingArguments`.

    The warm-up is left out: each form says it as its trainer takes it.
    """
    return {
        "learning_rate": RECIPE.learning_rate,
        "lr_scheduler_type": RECIPE.schedule,
        "num_train_epochs": RECIPE.epochs,
        "per_device_train_batch_size": ROWS_AT_ONCE,
        "gradient_accumulation_steps": ACCUMULATION,
        "seed": setting.seed,
        "logging_steps": 1,
        "report_to": "none",
        "output_dir": f"{setting.stem}-adapter",
    }


def yaml_text(comments: Sequence[str], tree: Mapping[str, Any]) -> str:
    """Return a YAML file that begins with comments."""
    head = "".join(f"# {line}\n" for line in comments)
    return head + yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True)


def no_files(setting: Setting) -> dict[str, str]:
    """Return no files."""
    return {}
