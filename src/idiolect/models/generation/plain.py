"""transformers' own `generate`, one answer after another: slow, and right for every model."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from idiolect.models.generation.tasks import Done, Task
from idiolect.models.memory import is_out_of_memory

__all__ = ["PlainEngine"]


class PlainEngine:
    """Makes one answer after another.

    Args:
        module: A transformers causal language model in evaluation mode.
        stop_ids: Tokens that end an answer.
    """

    def __init__(self, module: Any, stop_ids: Iterable[int]) -> None:
        self._module = module
        self._stop_ids = sorted(stop_ids)
        parameter = next(module.parameters())
        self._device: torch.device = parameter.device
        self._dtype = str(parameter.dtype).removeprefix("torch.")

    @property
    def path(self) -> str:
        """`one by one`, with device and dtype."""
        return f"one by one ({self._device.type}, {self._dtype})"

    def run(self, tasks: Iterable[Task]) -> Iterator[Done]:
        """Yield each task's result, in order."""
        for task in tasks:
            try:
                yield Done(index=task.index, ids=self._continued(task))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = (
                    f"memory ran out on a prompt of {len(task.prompt_ids)} tokens; use a machine "
                    "with more memory or a shorter prompt"
                )
                yield Done(index=task.index, failure=reason, retryable=True)

    def _continued(self, task: Task) -> tuple[int, ...]:
        draw: dict[str, Any] = {"do_sample": False}
        if task.sampling.temperature > 0:
            draw = {
                "do_sample": True,
                "temperature": task.sampling.temperature,
                "top_p": task.sampling.top_p,
                "top_k": 0,
            }
        ids = torch.tensor([task.prompt_ids], device=self._device)
        devices = [self._device] if self._device.type != "cpu" else []
        with torch.inference_mode(), torch.random.fork_rng(devices):
            torch.manual_seed(task.seed)
            output: Tensor = self._module.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=task.limit,
                eos_token_id=self._stop_ids,
                pad_token_id=self._stop_ids[0],
                **draw,
            )
        return tuple(output[0, len(task.prompt_ids) :].tolist())
