"""TRL: conversational prompt-completion, the loss on the completion.

Source: TRL 1.16, https://huggingface.co/docs/trl/dataset_formats and
https://huggingface.co/docs/trl/clis, and the parser of `trl sft` itself, which a test runs
(2026-11-22).
"""

from typing import Any

from idiolect.data.export.base import (
    RECIPE,
    WARMUP_STEPS,
    Form,
    Row,
    Setting,
    trainer_arguments,
    turns,
    yaml_text,
)
from idiolect.records import Candidate, Example

__all__ = ["TRL"]


def _row(example: Example, candidate: Candidate, setting: Setting) -> Row:
    *prompt, response = turns(example, candidate.text)
    row: Row = {"prompt": prompt, "completion": [response]}
    if setting.template_kwargs:  # TRL hands them to the template, row by row.
        row["chat_template_kwargs"] = dict(setting.template_kwargs)
    return row


def _files(setting: Setting) -> dict[str, str]:
    columns = ["prompt", "completion"]
    columns += ["chat_template_kwargs"] if setting.template_kwargs else []
    tree: dict[str, Any] = {
        "env": {"HF_HUB_DISABLE_TELEMETRY": "1"},
        "model_name_or_path": setting.model,
        "model_revision": setting.revision or "main",
        "trust_remote_code": setting.trust_remote_code,
        "datasets": [
            {
                "path": setting.loader,
                "data_files": setting.data,
                "split": "train",
                "columns": columns,
            }
        ],
        "completion_only_loss": True,
        "max_length": None,
        "use_peft": True,
        "lora_r": RECIPE.rank,
        "lora_alpha": RECIPE.alpha,
        "lora_target_modules": ["all-linear"],
        **trainer_arguments(setting),
        "warmup_steps": WARMUP_STEPS,
    }
    files: dict[str, str] = {}
    if setting.template is not None:
        tree["chat_template_path"] = f"{setting.stem}.jinja"
        files[f"{setting.stem}.jinja"] = setting.template
    comments = [
        f"LoRA on the chosen responses. In this folder: {_command(setting)}",
        "The loss falls on the response only, and no row is cut.",
    ]
    return {**files, f"{setting.stem}.yaml": yaml_text(comments, tree)}


def _command(setting: Setting) -> str:
    return f"trl sft --config {setting.stem}.yaml"


TRL = Form(name="trl", row=_row, files=_files, command=_command, takes_plain_format=True)
