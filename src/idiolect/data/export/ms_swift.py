"""ms-swift: `messages`, and a script with the flags of `swift sft`.

A script and no YAML, because 3.x wants `--config FILE` and 4.x the file alone, while the flags are
the same. `loss_scale last_round` puts the loss on the last turn only. LoRA is the default.

Source: docs/source_en/Customization/Custom-dataset.md and
docs/source_en/Instruction/Command-line-parameters.md of https://github.com/modelscope/ms-swift
(3.11, looked up 2026-11-22). Columns beside `messages` are dropped by default.
"""

import shlex
from typing import Any

from idiolect.data.export.base import RECIPE, Form, Setting, messages_row, trainer_arguments

__all__ = ["MS_SWIFT"]


def _files(setting: Setting) -> dict[str, str]:
    flags: dict[str, Any] = {
        "use_hf": "true",
        "model": setting.model,
        **({"model_revision": setting.revision} if setting.revision else {}),
        "dataset": setting.data,
        "loss_scale": "last_round",
        "max_length": setting.longest,
        "lora_rank": RECIPE.rank,
        "lora_alpha": RECIPE.alpha,
        "target_modules": "all-linear",
        **trainer_arguments(setting),
    }
    lines = [f"  --{name} {shlex.quote(str(value))}" for name, value in flags.items()]
    text = (
        "#!/bin/sh\n"
        f"# LoRA on the chosen responses. In this folder: {_command(setting)}\n"
        "# The loss falls on the last turn only, which is the response. ms-swift writes the\n"
        "# conversation with a template of its own, chosen by the model.\n"
        "set -eu\n"
        "swift sft \\\n" + " \\\n".join(lines) + "\n"
    )
    return {f"{setting.stem}.sh": text}


def _command(setting: Setting) -> str:
    return f"sh {setting.stem}.sh"


MS_SWIFT = Form(
    name="ms-swift",
    row=messages_row,
    files=_files,
    command=_command,
    takes_parquet=False,
    template_arguments=frozenset(),
)
