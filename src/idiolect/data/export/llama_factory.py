"""LLaMA-Factory: `messages` as sharegpt with OpenAI's tags, a `dataset_info.json`, a YAML.

`mask_history` puts the loss on the last turn only. Without a `template` LLaMA-Factory reads the
model's own chat template (0.9.3 and newer).

Source: `data/README.md` (OpenAI format), `src/llamafactory/hparams/data_args.py` and
`examples/train_lora/*.yaml` of https://github.com/hiyouga/LLaMA-Factory (looked up 2026-11-22).
"""

import json
from typing import Any

from idiolect.data.export.base import (
    RECIPE,
    WARMUP_STEPS,
    Form,
    Setting,
    messages_row,
    trainer_arguments,
    yaml_text,
)
from idiolect.records import Example

__all__ = ["LLAMA_FACTORY"]

_INFO = "dataset_info.json"


def _check(example: Example) -> str | None:
    """LLaMA-Factory drops rows whose turns do not alternate, with a line in its log only."""
    roles = [message.role for message in example.messages]
    told = roles[1:] if roles[0] == "system" else roles
    if told == ["user", "assistant"] * (len(told) // 2) + ["user"]:
        return None
    return (
        f"found the turns {', '.join(roles)}, and LLaMA-Factory takes user and assistant in turn, "
        "with a system turn only in front"
    )


def _files(setting: Setting) -> dict[str, str]:
    known = json.loads(setting.beside.get(_INFO) or "{}")
    entry = {
        "file_name": setting.data,
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }
    info = json.dumps({**known, setting.stem: entry}, indent=2, ensure_ascii=False) + "\n"
    return {_INFO: info, f"{setting.stem}.yaml": _config(setting)}


def _config(setting: Setting) -> str:
    tree: dict[str, Any] = {
        "model_name_or_path": setting.model,
        **({"model_revision": setting.revision} if setting.revision else {}),
        "trust_remote_code": setting.trust_remote_code,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": RECIPE.rank,
        "lora_alpha": RECIPE.alpha,
        "lora_target": "all",
        "dataset": setting.stem,
        "dataset_dir": ".",
        "cutoff_len": setting.longest,
        "train_on_prompt": False,
        "mask_history": True,
        **setting.template_kwargs,
        **trainer_arguments(setting),
        "num_train_epochs": float(RECIPE.epochs),
        "warmup_steps": WARMUP_STEPS,
        "bf16": True,
    }
    comments = [
        f"LoRA on the chosen responses. In this folder: {_command(setting)}",
        "The loss falls on the last turn only, which is the response. No `template` is named, so",
        "LLaMA-Factory reads the model's own; name one of its templates if it says that it cannot.",
    ]
    return yaml_text(comments, tree)


def _command(setting: Setting) -> str:
    return f"llamafactory-cli train {setting.stem}.yaml"


LLAMA_FACTORY = Form(
    name="llama-factory",
    row=messages_row,
    files=_files,
    command=_command,
    merges=(_INFO,),
    template_arguments=frozenset({"enable_thinking"}),
    check=_check,
)
