"""A target whose weights are on this machine, loaded by transformers.

The model is held in float32 on a CPU, because processors without bf16 arithmetic are several
times slower in it, and in bfloat16 on a GPU.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from idiolect.chat import ChatFormat
from idiolect.config import TargetConfig
from idiolect.errors import ConfigError, TemplateError
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest
from idiolect.models.tokenizer import (
    cannot_be_loaded,
    chat_format,
    folder_revision,
    load_options,
    load_tokenizer,
    model_name,
    model_path,
)

__all__ = ["LocalModel", "load_local_model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """A loaded model with its tokenizer and its way of rendering chats."""

    name: str
    revision: str
    """Commit of a hub model; for a folder, a hash of its files; with an adapter, `+` its hash."""

    module: Any
    """The transformers model, in evaluation mode."""

    tokenizer: Any
    chat: ChatFormat
    device: str
    dtype: str

    @property
    def server_model(self) -> None:
        """No server holds the weights."""

    @property
    def max_length(self) -> int:
        """Tokens that fit into the context, prompt and response together."""
        config = self.module.config.get_text_config()
        return int(getattr(config, "max_position_embeddings", None) or 1 << 30)

    def generate(
        self, requests: Sequence[GenerationRequest]
    ) -> Iterator[Generation | GenerationFailure]:
        """Yield one answer for each request, in order, one sequence after another."""
        for request in requests:
            yield self._answer(request)

    def _answer(self, request: GenerationRequest) -> Generation | GenerationFailure:
        try:
            prompt = self.chat.prompt_ids(request.messages)
        except TemplateError as error:
            return GenerationFailure(reason=str(error), retryable=False)
        room = self.max_length - len(prompt)
        if room < 1:
            return GenerationFailure(
                reason=f"the prompt has {len(prompt)} tokens, the context of {self.name} "
                f"{self.max_length}; shorten the prompt",
                retryable=False,
            )
        limit = min(request.sampling.max_new_tokens, room)
        ids = self._continue(prompt, request, limit)
        return self._generation(prompt, ids)

    def _continue(
        self, prompt: tuple[int, ...], request: GenerationRequest, limit: int
    ) -> tuple[int, ...]:
        sampling = request.sampling
        draw: dict[str, Any] = {"do_sample": False}
        if sampling.temperature > 0:
            draw = {
                "do_sample": True,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": 0,
            }
        ids = torch.tensor([prompt], device=self.device)
        devices = [self.device] if self.device != "cpu" else []
        with torch.inference_mode(), torch.random.fork_rng(devices):
            torch.manual_seed(request.seed)
            output: Tensor = self.module.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=limit,
                eos_token_id=[self.chat.terminator_id],
                pad_token_id=self.chat.terminator_id,
                **draw,
            )
        return tuple(output[0, len(prompt) :].tolist())

    def _generation(self, prompt: tuple[int, ...], ids: tuple[int, ...]) -> Generation:
        ended = ids[-1:] == (self.chat.terminator_id,)
        body = ids[:-1] if ended else ids
        return Generation(
            text=self.tokenizer.decode(list(body), skip_special_tokens=False),
            finish_reason="stop" if ended else "length",
            token_ids=body,
            tokens_in=len(prompt),
            tokens_out=len(ids),
        )


def load_local_model(config: TargetConfig) -> LocalModel:
    """Load a model and its tokenizer.

    Raises:
        ConfigError: no model was named, it does not exist or cannot be loaded, or a GPU was
            asked for and there is none.
        TemplateError: its chat template cannot be used.
    """
    name = model_name(config)
    device = _device(config)
    dtype = config.dtype
    if dtype == "auto":
        dtype = "bfloat16" if device == "cuda" else "float32"
    tokenizer = load_tokenizer(config)
    module = _load(name, config, getattr(torch, dtype))
    module.to(device).eval().requires_grad_(False)
    _forget_sampling(module)
    revision = folder_revision(name) or str(
        getattr(module.config, "_commit_hash", None) or "unknown"
    )
    if config.adapter:
        from idiolect.models.adapter import adapter_revision, put_on

        module = put_on(module, config.adapter, name=name, revision=revision)
        revision = f"{revision}+{adapter_revision(config.adapter)}"
    return LocalModel(
        name=name,
        revision=revision,
        module=module,
        tokenizer=tokenizer,
        chat=chat_format(tokenizer, config),
        device=device,
        dtype=dtype,
    )


def _device(config: TargetConfig) -> str:
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise ConfigError("target.device: found 'cuda', but torch sees no GPU; use 'cpu' or 'auto'")
    return "cuda" if available and config.device != "cpu" else "cpu"


def _load(name: str, config: TargetConfig, dtype: torch.dtype) -> Any:
    import transformers
    from safetensors import SafetensorError

    # Progress is drawn by the command line, or by nobody.
    transformers.utils.logging.disable_progress_bar()
    try:
        return transformers.AutoModelForCausalLM.from_pretrained(
            model_path(name), dtype=dtype, use_safetensors=True, **load_options(config)
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise cannot_be_loaded(name, error) from None


def _forget_sampling(module: Any) -> None:
    """Drop sampling defaults that ship with a model: what is asked for is what is drawn."""
    import transformers

    module.generation_config = transformers.GenerationConfig()
