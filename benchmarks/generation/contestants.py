"""Who takes part: our engine, a loop around `generate`, transformers' continuous batching."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import transformers
from torch.nn.utils.rnn import pad_sequence

from idiolect.chat import ChatFormat
from idiolect.data import read
from idiolect.models.base import Sampling
from idiolect.models.generation.engine import CohortEngine
from idiolect.models.generation.tasks import Task
from idiolect.models.memory import keep_pages

__all__ = [
    "BASELINE",
    "CONTESTANTS",
    "TEMPERATURE",
    "Contestant",
    "Order",
    "Subject",
    "load_subject",
]

TEMPERATURE = 0.7
BASELINE = "transformers"
_SIZES = (4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of every contestant."""

    contestant: str
    model: str
    data: str
    threads: int
    prompts: int
    samples: int
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Subject:
    """The model, the prompts in order of the data, and what ends an answer."""

    module: Any
    prompts: tuple[tuple[int, ...], ...]
    stop_id: int
    order: Order

    def cut(self, ids: Sequence[int]) -> int:
        """Return how many of the new tokens count: up to the end of turn."""
        new = list(ids)
        return new.index(self.stop_id) + 1 if self.stop_id in new else len(new)


class Contestant(Protocol):
    """Anything that continues prompts."""

    settings: str

    def prepare(self) -> None:
        """Choose settings and warm up. Not timed."""
        ...

    def run(self, seed: int) -> list[int]:
        """Make all samples; return the number of tokens of each that count."""
        ...


class _Ours:
    def __init__(self, subject: Subject, **options: Any) -> None:
        keep_pages()
        self._subject = subject
        self._engine = CohortEngine(subject.module, {subject.stop_id}, **options)
        self.settings = self._engine.path

    def prepare(self) -> None:
        self._lengths(self._tasks(0, limit=8)[: 4 * self._subject.order.samples])

    def run(self, seed: int) -> list[int]:
        return self._lengths(self._tasks(seed, limit=self._subject.order.max_new_tokens))

    def _tasks(self, seed: int, limit: int) -> list[Task]:
        order = self._subject.order
        sampling = Sampling(temperature=TEMPERATURE, top_p=1.0, max_new_tokens=limit)
        wanted = [ids for ids in self._subject.prompts for _ in range(order.samples)]
        return [
            Task(index=i, prompt_ids=ids, sampling=sampling, limit=limit, seed=seed << 32 | i)
            for i, ids in enumerate(wanted)
        ]

    def _lengths(self, tasks: Sequence[Task]) -> list[int]:
        results = list(self._engine.run(tasks))
        failures = [done.failure for done in results if done.failure]
        if failures:
            raise RuntimeError(failures[0])
        return [self._subject.cut(done.ids) for done in results]


class _Loop:
    """A loop around `generate`: sorted by length, padded on the left, at its best batch size."""

    def __init__(self, subject: Subject, *, keeps_pages: bool = False) -> None:
        if keeps_pages:
            keep_pages()
        self._subject = subject
        self._size = _SIZES[0]
        self.settings = f"batch size {self._size}"
        wanted = [ids for ids in subject.prompts for _ in range(subject.order.samples)]
        self._prompts = sorted(wanted, key=len)

    def prepare(self) -> None:
        """Time one batch of each size from the middle of the lengths; stop where it worsens."""
        self._batch(self._prompts[:4], limit=4)
        speeds: dict[int, float] = {}
        for size in (size for size in _SIZES if size <= len(self._prompts)):
            start = (len(self._prompts) - size) // 2
            began = time.perf_counter()
            lengths = self._batch(self._prompts[start : start + size])
            speeds[size] = sum(lengths) / (time.perf_counter() - began)
            if speeds[size] < 0.8 * max(speeds.values()):
                break
        self._size = max(speeds, key=lambda size: speeds[size])
        tried = ", ".join(f"{size}: {speed:.0f} tokens/s" for size, speed in speeds.items())
        self.settings = f"batch size {self._size}, the best of {tried}"

    def run(self, seed: int) -> list[int]:
        torch.manual_seed(seed)
        lengths: list[int] = []
        for start in range(0, len(self._prompts), self._size):
            lengths += self._batch(self._prompts[start : start + self._size])
        return lengths

    @torch.inference_mode()
    def _batch(self, prompts: Sequence[Sequence[int]], limit: int | None = None) -> list[int]:
        pad = self._subject.stop_id
        rows = [torch.tensor(ids) for ids in prompts]
        ids = pad_sequence(rows, batch_first=True, padding_value=pad, padding_side="left")
        mask = [torch.ones_like(row) for row in rows]
        output = self._subject.module.generate(
            ids,
            attention_mask=pad_sequence(mask, batch_first=True, padding_side="left"),
            generation_config=_config(self._subject, limit),
        )
        return [self._subject.cut(row) for row in output[:, ids.shape[1] :].tolist()]


class _ContinuousBatching:
    """transformers' own continuous batching.

    Its settings are ours: left to itself it chose 8,192 tokens a step and 14 GB for its cache, and
    was not done with a tiny model within a minute on a busy machine.
    """

    settings = "512 tokens a step, 15 % of the free memory"

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def prepare(self) -> None:
        self._lengths(self._subject.prompts[:2], limit=4)

    def run(self, seed: int) -> list[int]:
        torch.manual_seed(seed)
        wanted = [ids for ids in self._subject.prompts for _ in range(self._subject.order.samples)]
        return self._lengths(wanted)

    def _lengths(self, prompts: Sequence[Sequence[int]], limit: int | None = None) -> list[int]:
        results = self._subject.module.generate_batch(
            inputs=[list(ids) for ids in prompts],
            generation_config=_config(self._subject, limit),
            continuous_batching_config=transformers.ContinuousBatchingConfig(
                max_batch_tokens=512, max_memory_percent=0.15
            ),
            progress_bar=False,
        )
        if len(results) != len(prompts):
            raise RuntimeError(f"{len(prompts)} prompts gave {len(results)} results")
        return [self._subject.cut(result.generated_tokens) for result in results.values()]


def _config(subject: Subject, limit: int | None) -> Any:
    return transformers.GenerationConfig(
        do_sample=True,
        temperature=TEMPERATURE,
        top_p=1.0,
        top_k=0,
        max_new_tokens=limit or subject.order.max_new_tokens,
        eos_token_id=subject.stop_id,
        pad_token_id=subject.stop_id,
    )


CONTESTANTS: dict[str, Callable[[Subject], Contestant]] = {
    "ours": _Ours,
    "ours, prompts not shared": lambda subject: _Ours(subject, shared=False),
    "ours, rows not refilled": lambda subject: _Ours(subject, refilled=False),
    BASELINE: _Loop,
    "transformers, pages kept": lambda subject: _Loop(subject, keeps_pages=True),
    "transformers, continuous": _ContinuousBatching,
}


def load_subject(order: Order) -> Subject:
    """Load the model and render the prompts."""
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(order.model)
    module: Any = transformers.AutoModelForCausalLM.from_pretrained(
        order.model, dtype=torch.float32, use_safetensors=True
    )
    module.eval().requires_grad_(False)
    chat = ChatFormat(tokenizer, name=Path(order.model).name)
    examples = [
        example for example, _ in zip(read(Path(order.data)), range(order.prompts), strict=False)
    ]
    prompts = tuple(chat.prompt_ids(example.messages) for example in examples)
    return Subject(module, prompts, chat.terminator_id, order)
