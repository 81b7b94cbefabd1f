"""A target whose weights are on this machine, loaded by transformers.

The model is held in float32 on a CPU, because processors without bf16 arithmetic are several
times slower in it, and in bfloat16 on a GPU.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from idiolect.chat import ChatFormat
from idiolect.config import TargetConfig
from idiolect.errors import ConfigError, TemplateError
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest, invalid
from idiolect.models.generation import SAMPLER_VERSION
from idiolect.models.generation.choice import EngineChoice, choose_engine
from idiolect.models.generation.tasks import Done, Task
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


@dataclass(frozen=True, kw_only=True)
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

    @cached_property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end an answer: the template's end of turn, and the model's own ends."""
        own = self.module.generation_config.eos_token_id
        own = [] if own is None else [own] if isinstance(own, int) else own
        return frozenset([self.chat.terminator_id, *map(int, own)])

    @property
    def sampler_version(self) -> int:
        """Which way of drawing tokens; see `SAMPLER_VERSION`."""
        return SAMPLER_VERSION

    @property
    def generation(self) -> dict[str, str] | None:
        """Path and reason of what makes the answers; None before the first one."""
        choice: EngineChoice | None = vars(self).get("engine_choice")
        return choice and {"path": choice.engine.path, "why": choice.reason}

    @cached_property
    def engine_choice(self) -> EngineChoice:
        """What makes the answers, checked against the plain model when it is first needed."""
        return choose_engine(self.module, self.stop_ids, name=self.name, max_length=self.max_length)

    def generate(
        self, requests: Sequence[GenerationRequest]
    ) -> Iterator[Generation | GenerationFailure]:
        """Yield one answer for each request, in order, each as soon as those before it are there.

        Requests with the same prompt share its computation.
        """
        results: dict[int, Generation | GenerationFailure] = {}
        tasks: dict[int, Task] = {}

        def wanted() -> Iterator[Task]:
            for index, request in enumerate(requests):
                task = self._task(index, request)
                if isinstance(task, GenerationFailure):
                    results[index] = task
                else:
                    tasks[index] = task
                    yield task

        place = 0
        for done in self.engine_choice.engine.run(wanted()):
            results[done.index] = self._result(requests[done.index], tasks.pop(done.index), done)
            while place in results:
                yield results.pop(place)
                place += 1
        while place < len(requests):
            yield results.pop(place)
            place += 1

    def _task(self, index: int, request: GenerationRequest) -> Task | GenerationFailure:
        reason = invalid(request)
        if reason is None:
            try:
                ids = self.chat.prompt_ids(request.messages)
                ids += self.chat.response_ids(request.prefix)
            except TemplateError as error:
                reason = str(error)
            else:
                room = self.max_length - len(ids)
                if room >= 1:
                    return Task(
                        index=index,
                        prompt_ids=ids,
                        sampling=request.sampling,
                        limit=min(request.sampling.max_new_tokens, room),
                        seed=request.seed,
                    )
                reason = (
                    f"the prompt has {len(ids)} tokens, the context of {self.name} "
                    f"{self.max_length}; shorten the prompt"
                )
        return GenerationFailure(reason=reason, retryable=False)

    def _result(
        self, request: GenerationRequest, task: Task, done: Done
    ) -> Generation | GenerationFailure:
        if done.failure is not None:
            return GenerationFailure(reason=done.failure, retryable=done.retryable)
        ended = done.ids[-1] in self.stop_ids
        body = done.ids[:-1] if ended else done.ids
        return Generation(
            text=self._text(request.prefix, body),
            finish_reason="stop" if ended else "length",
            token_ids=body,
            tokens_in=len(task.prompt_ids),
            tokens_out=len(done.ids),
        )

    def _text(self, prefix: str, ids: Sequence[int]) -> str:
        """Return the text of an answer, or of what follows its prefix."""
        start = list(self.chat.response_ids(prefix)) if prefix else []
        before, whole = self._decoded(start), self._decoded([*start, *ids])
        # Some tokenizers write no space before the first word of a text.
        return whole[len(before) :] if whole.startswith(before) else self._decoded(ids)

    def _decoded(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
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
    """Drop sampling defaults that ship with a model: what is asked for is what is drawn.

    Its ends of text stay.
    """
    import transformers

    ends = module.generation_config.eos_token_id
    module.generation_config = transformers.GenerationConfig(eos_token_id=ends)
