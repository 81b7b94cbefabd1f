"""axolotl: `type: chat_template` over `messages`, the loss on the turns that say so.

Every turn carries `train`; only the response's is true. The end of turn is trained with it.

Source: https://docs.axolotl.ai/docs/dataset-formats/conversation.html (chat_template, example 5),
https://docs.axolotl.ai/docs/config-reference.html, and `SFTDataset` in
axolotl/utils/schemas/datasets.py (looked up 2026-11-22).
"""

from typing import Any

from idiolect.data.export.base import (
    ACCUMULATION,
    RECIPE,
    ROWS_AT_ONCE,
    WARMUP_STEPS,
    Form,
    Row,
    Setting,
    turns,
    yaml_text,
)
from idiolect.records import Candidate, Example

__all__ = ["AXOLOTL"]


def _row(example: Example, candidate: Candidate, setting: Setting) -> Row:
    return {"messages": turns(example, candidate.text, flag="train")}


def _files(setting: Setting) -> dict[str, str]:
    template: dict[str, Any] = {"chat_template": "tokenizer_default"}
    if setting.template is not None:
        template = {"chat_template": "jinja", "chat_template_jinja": setting.template}
    tree: dict[str, Any] = {
        "base_model": setting.model,
        "trust_remote_code": setting.trust_remote_code,
        **({"revision_of_model": setting.revision} if setting.revision else {}),
        **template,
        **(
            {"chat_template_kwargs": dict(setting.template_kwargs)}
            if setting.template_kwargs
            else {}
        ),
        "datasets": [
            {
                "path": setting.data,
                "ds_type": setting.loader,
                "type": "chat_template",
                "field_messages": "messages",
                "message_property_mappings": {"role": "role", "content": "content"},
                "roles_to_train": [],
                "message_field_training": "train",
                "train_on_eos": "turn",
            }
        ],
        "val_set_size": 0.0,
        "sequence_len": setting.longest,
        "sample_packing": False,
        "adapter": "lora",
        "lora_r": RECIPE.rank,
        "lora_alpha": RECIPE.alpha,
        "lora_target_linear": True,
        "learning_rate": RECIPE.learning_rate,
        "optimizer": "adamw_torch",
        "lr_scheduler": RECIPE.schedule,
        "warmup_steps": WARMUP_STEPS,
        "num_epochs": RECIPE.epochs,
        "micro_batch_size": ROWS_AT_ONCE,
        "gradient_accumulation_steps": ACCUMULATION,
        "bf16": "auto",
        "seed": setting.seed,
        "logging_steps": 1,
        "dataset_prepared_path": f"{setting.stem}-prepared",
        "output_dir": f"{setting.stem}-adapter",
    }
    comments = [
        f"LoRA on the chosen responses. In this folder: {_command(setting)}",
        "The loss falls on the turns with `train: true`, which is the response, and its end of",
        "turn. `axolotl preprocess --debug` shows the trained tokens. Where the model's end of",
        "turn is not its tokenizer's eos_token, add it under `special_tokens: {eos_token: ...}`.",
    ]
    return {f"{setting.stem}.yaml": yaml_text(comments, tree)}


def _command(setting: Setting) -> str:
    return f"axolotl train {setting.stem}.yaml"


AXOLOTL = Form(name="axolotl", row=_row, files=_files, command=_command, takes_plain_format=True)
