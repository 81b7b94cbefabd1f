"""What trainers document about their data and configs, written down as schemas.

axolotl: SFTDataset of axolotl/utils/schemas/datasets.py and docs/config-reference; LLaMA-Factory:
data/README.md, hparams/data_args.py, hparams/finetuning_args.py; ms-swift 3.11:
Command-line-parameters.md; OpenAI: FineTuneChatRequestInput. All looked up 2026-11-22.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class OpenAITurn(Strict):
    role: Literal["system", "user"]
    content: str


class OpenAIAssistantTurn(Strict):
    role: Literal["assistant"]
    content: str
    weight: Literal[0, 1] = 1


class OpenAIRow(Strict):
    messages: list[OpenAITurn | OpenAIAssistantTurn] = Field(min_length=1)


class PlainTurn(Strict):
    role: Literal["system", "user", "assistant", "tool"]
    content: str


class MessagesRow(BaseModel):
    messages: list[PlainTurn] = Field(min_length=2)


class AxolotlTurn(PlainTurn):
    train: bool


class AxolotlRow(BaseModel):
    messages: list[AxolotlTurn]


class AxolotlDataset(Strict):
    path: str
    ds_type: Literal["json", "parquet", "csv", "arrow", "text"]
    type: Literal["chat_template"]
    field_messages: str
    message_property_mappings: dict[str, str]
    roles_to_train: list[str]
    message_field_training: str
    train_on_eos: Literal["all", "turn", "last", "none"]


class AxolotlConfig(Strict):
    base_model: str
    revision_of_model: str | None = None
    trust_remote_code: bool
    chat_template: str
    chat_template_jinja: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    datasets: list[AxolotlDataset]
    val_set_size: float
    sequence_len: int
    sample_packing: bool
    adapter: Literal["lora", "qlora"]
    lora_r: int
    lora_alpha: int
    lora_target_linear: bool
    learning_rate: float
    optimizer: str
    lr_scheduler: str
    warmup_steps: int
    num_epochs: float
    micro_batch_size: int
    gradient_accumulation_steps: int
    bf16: bool | Literal["auto"]
    seed: int
    logging_steps: int
    dataset_prepared_path: str
    output_dir: str


class LlamaFactoryTags(Strict):
    role_tag: str
    content_tag: str
    user_tag: str
    assistant_tag: str
    system_tag: str


class LlamaFactoryEntry(Strict):
    file_name: str
    formatting: Literal["alpaca", "sharegpt"]
    columns: dict[Literal["messages", "system", "tools"], str]
    tags: LlamaFactoryTags


LLAMA_FACTORY_INFO = TypeAdapter(dict[str, LlamaFactoryEntry])


class LlamaFactoryConfig(Strict):
    model_name_or_path: str
    model_revision: str | None = None
    trust_remote_code: bool
    stage: Literal["sft"]
    do_train: bool
    finetuning_type: Literal["lora"]
    lora_rank: int
    lora_alpha: int
    lora_target: str
    dataset: str
    dataset_dir: str
    cutoff_len: int
    train_on_prompt: Literal[False]
    mask_history: Literal[True]
    enable_thinking: bool | None = None
    learning_rate: float
    lr_scheduler_type: str
    warmup_steps: int
    num_train_epochs: float
    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    bf16: bool
    seed: int
    logging_steps: int
    report_to: str
    output_dir: str


MS_SWIFT_FLAGS = {
    *("--use_hf", "--model", "--model_revision", "--dataset", "--loss_scale", "--max_length"),
    *("--lora_rank", "--lora_alpha", "--target_modules", "--learning_rate", "--lr_scheduler_type"),
    *("--num_train_epochs", "--per_device_train_batch_size", "--gradient_accumulation_steps"),
    *("--seed", "--logging_steps", "--report_to", "--output_dir"),
}
