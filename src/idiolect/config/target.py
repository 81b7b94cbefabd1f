"""`target`: the model that is about to be fine-tuned."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from idiolect.config.base import FORBID

__all__ = ["TargetConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetConfig:
    """The model that is about to be fine-tuned."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    model: str | None = field(default=None, kw_only=False)
    """A folder or a hub id."""

    adapter: str | None = None
    """A folder with a PEFT adapter, e.g. of `idiolect train`, that is put on top."""

    server: str | None = None
    """Base URL of a server that scores; then only the tokenizer of `model` is loaded."""

    server_model: str | None = None
    """Name on the server; None takes the first that it offers."""

    revision: str | None = None
    """Branch, tag or commit on the hub; None takes the newest."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU where there is one."""

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: float32 on a CPU, bfloat16 on a GPU."""

    format: str | None = None
    """A plain format by name, for base models without a chat template."""

    template_kwargs: dict[str, Any] = field(default_factory=dict[str, Any])
    """Handed to the chat template, e.g. `enable_thinking: false`."""

    thinking: Literal["keep", "strip"] = "keep"
    """What happens to a `<think>` block at the start of a response."""

    trust_remote_code: bool = False
    """Run Python code that comes with the model. Off unless asked for."""
