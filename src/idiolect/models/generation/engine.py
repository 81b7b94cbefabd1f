"""Answers in cohorts: prompts computed once, rows that are done replaced by new ones.

A cohort is some prompts with their samples that start together. All cohorts make one token a
step in one call of the model, on one row of tokens without padding. When enough rows are done
to make room for another cohort, the next prompts start. Source of the refilling: Orca
("iteration-level scheduling", Yu et al., OSDI 2022 §4.1).
"""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import AttentionInterface

from idiolect.models.generation.attention import ATTENTION_NAME, Step, generating_attention
from idiolect.models.generation.cohort import Cohort, Row
from idiolect.models.generation.queue import Group, Queue
from idiolect.models.generation.sampling import next_tokens
from idiolect.models.generation.tasks import Done, Task
from idiolect.models.hooks import unsupported, using
from idiolect.models.memory import is_out_of_memory

__all__ = ["CohortEngine"]

_ROWS = {"cpu": 64, "cuda": 512}
_PROMPT_TOKENS = {"cpu": 4096, "cuda": 16384}
_CPU_CACHE_BYTES = 2 << 30
_CUDA_CACHE_SHARE = 0.6
_WINDOW = 2
"""Times as many tasks as rows are sorted together."""

_LEAST = 4
"""A cohort starts when one in so many rows is free."""


class CohortEngine:
    """Makes many answers at once.

    Args:
        module: A transformers causal language model in evaluation mode.
        stop_ids: Tokens that end an answer.
        rows: Answers that are made at once; None takes what suits the device.
        shared: Whether samples of one prompt share it; off in benchmarks only.
        refilled: Whether rows that are done are replaced at once; off in benchmarks only.

    Raises:
        ValueError: the model needs something that the engine cannot give.
    """

    def __init__(
        self,
        module: Any,
        stop_ids: Iterable[int],
        *,
        rows: int | None = None,
        shared: bool = True,
        refilled: bool = True,
    ) -> None:
        reason = unsupported(module)
        if reason is not None:
            raise ValueError(reason)
        AttentionInterface.register(ATTENTION_NAME, generating_attention)
        parameter = next(module.parameters())
        self._module = module
        self._device: torch.device = parameter.device
        self._dtype = str(parameter.dtype).removeprefix("torch.")
        self._stop_ids = frozenset(stop_ids)
        self._rows = rows or _ROWS[self._device.type]
        self._shared = shared
        self._refilled = refilled
        self._keeps_logits = "logits_to_keep" in inspect.signature(module.forward).parameters
        self._token_bytes = self._measured_token_bytes()

    @property
    def path(self) -> str:
        """`cohorts`, with device, dtype and the number of rows."""
        return f"cohorts ({self._device.type}, {self._dtype}, {self._rows} rows)"

    def run(self, tasks: Iterable[Task]) -> Iterator[Done]:
        """Yield each task's result as soon as it is there, in any order."""
        queue = Queue(tasks, window=_WINDOW * self._rows, shared=self._shared)
        cohorts: list[Cohort] = []
        limit = self._rows
        while True:
            try:
                groups = self._next_groups(queue, cohorts, limit)
                if groups:
                    yield from self._start(groups, cohorts)
                elif cohorts:
                    yield from self._advance(cohorts)
                else:
                    return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                limit, failed = self._make_room(queue, cohorts)
                if failed is not None:
                    yield failed

    @torch.inference_mode()
    def trace(
        self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[Sequence[int]]]
    ) -> Float[Tensor, "rows tokens vocabulary"]:
        """Return the logits before each token of given answers, which all have one length."""
        groups = [_given(prompt, rows) for prompt, rows in zip(prompts, answers, strict=True)]
        flat = [ids for rows in answers for ids in rows]
        cohort = Cohort(groups, self._device)
        steps = [self._prompt_logits(cohort)]
        for place in range(len(flat[0]) - 1):
            for row, ids in zip(cohort.rows, flat, strict=True):
                row.ids.append(ids[place])
            steps.append(self._token_logits([cohort]))
            cohort.length += 1
        return torch.stack(steps, dim=1)

    def _next_groups(self, queue: Queue, cohorts: Sequence[Cohort], limit: int) -> list[Group]:
        free = limit - sum(len(cohort.rows) for cohort in cohorts)
        least = limit if not self._refilled else max(1, limit // _LEAST)
        if cohorts and free < least:
            return []
        tokens = self._cache_tokens() - sum(cohort.room for cohort in cohorts)
        if cohorts and tokens <= 0:
            return []
        return queue.take(free, tokens, _PROMPT_TOKENS[self._device.type])

    @torch.inference_mode()
    def _start(self, groups: Sequence[Group], cohorts: list[Cohort]) -> list[Done]:
        """Compute prompts and draw the first token of each row."""
        # It is among the cohorts before it computes, so that it can be put back.
        cohort = Cohort(groups, self._device)
        cohorts.append(cohort)
        return self._extend(cohorts, [cohort], self._prompt_logits(cohort))

    @torch.inference_mode()
    def _advance(self, cohorts: list[Cohort]) -> list[Done]:
        """Draw one more token for each row."""
        return self._extend(cohorts, list(cohorts), self._token_logits(cohorts), tokens_fed=1)

    def _extend(
        self,
        cohorts: list[Cohort],
        drawn: Sequence[Cohort],
        logits: Tensor,
        *,
        tokens_fed: int = 0,
    ) -> list[Done]:
        rows = [row for cohort in drawn for row in cohort.rows]
        tokens = next_tokens(
            logits, [row.task.sampling for row in rows], [row.draws for row in rows]
        )
        # Only now: the step is made again where memory ran out above.
        for cohort in drawn:
            cohort.length += tokens_fed
        done: dict[int, Done] = {}
        for row, token in zip(rows, tokens, strict=True):
            result = self._extended(row, token)
            if result is not None:
                done[row.task.index] = result
        if done:
            for cohort in drawn:
                if any(row.task.index in done for row in cohort.rows):
                    cohort.keep(lambda row: row.task.index not in done)
            cohorts[:] = [cohort for cohort in cohorts if cohort.rows]
        return list(done.values())

    def _extended(self, row: Row, token: int | None) -> Done | None:
        if token is None:
            return Done(index=row.task.index, failure="the model's scores are not finite numbers")
        row.ids.append(token)
        if token in self._stop_ids or len(row.ids) == row.task.limit:
            return Done(index=row.task.index, ids=tuple(row.ids))
        return None

    def _make_room(self, queue: Queue, cohorts: list[Cohort]) -> tuple[int, Done | None]:
        """Put the youngest cohort back; return how many rows are allowed from now on.

        What its rows had is lost and is made again: their seeds decide it. A row that memory
        cannot hold even alone is given up.
        """
        youngest = cohorts.pop()
        tasks = [row.task for row in youngest.rows]
        del youngest
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        running = sum(len(cohort.rows) for cohort in cohorts)
        if running == 0 and len(tasks) == 1:
            reason = (
                f"memory ran out on a prompt of {len(tasks[0].prompt_ids)} tokens continued "
                "alone; use a machine with more memory or a shorter prompt"
            )
            return 1, Done(index=tasks[0].index, failure=reason, retryable=True)
        queue.put_back(tasks)
        return running or len(tasks) // 2, None

    def _prompt_logits(self, cohort: Cohort) -> Float[Tensor, "rows vocabulary"]:
        ids = [token for prompt in cohort.prompts for token in prompt]
        positions = [place for prompt in cohort.prompts for place in range(len(prompt))]
        ends = torch.tensor([len(prompt) for prompt in cohort.prompts]).cumsum(0) - 1
        logits = self._logits(ids, positions, Step([cohort], is_prompts=True), ends)
        return logits[cohort.group_of]

    def _token_logits(self, cohorts: Sequence[Cohort]) -> Float[Tensor, "rows vocabulary"]:
        ids = [row.ids[-1] for cohort in cohorts for row in cohort.rows]
        positions = [place for cohort in cohorts for place in cohort.positions]
        return self._logits(ids, positions, Step(cohorts, is_prompts=False), None)

    def _logits(
        self, ids: list[int], positions: list[int], step: Step, rows: Tensor | None
    ) -> Float[Tensor, "rows vocabulary"]:
        """Call the model on one row of tokens; return the logits of some of them, or of all."""
        keep: dict[str, Any] = {}
        if rows is not None:
            rows = rows.to(self._device)
            keep = {"logits_to_keep": rows} if self._keeps_logits else {}
        with using(self._module.config, ATTENTION_NAME):
            # No cache and no mask: with either, transformers would see one long sequence.
            output = self._module(
                torch.tensor([ids], device=self._device),
                position_ids=torch.tensor([positions], device=self._device),
                attention_mask=None,
                use_cache=False,
                step=step,
                **keep,
            )
        logits = output.logits[0]
        return logits if rows is None or keep else logits[rows]

    @torch.inference_mode()
    def _measured_token_bytes(self) -> int:
        """Return the memory that keys and values of one token take."""
        cohort = Cohort([_given([0], [[0]])], self._device)
        self._prompt_logits(cohort)
        # One token of a prompt, and room for one of an answer.
        return max(1, cohort.held_bytes // 2)

    def _cache_tokens(self) -> int:
        """Return how many tokens' keys and values may be held together."""
        if self._device.type == "cpu":
            return _CPU_CACHE_BYTES // self._token_bytes
        total = torch.cuda.get_device_properties(self._device).total_memory
        used = sum(p.numel() * p.element_size() for p in self._module.parameters())
        return int(_CUDA_CACHE_SHARE * max(0, total - used)) // self._token_bytes


def _given(prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> Group:
    """Return a group whose answers are known."""
    from idiolect.models.base import Sampling

    sampling = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=len(answers[0]))
    tasks = [
        Task(index=i, prompt_ids=tuple(prompt), sampling=sampling, limit=len(ids), seed=0)
        for i, ids in enumerate(answers)
    ]
    return Group(tuple(prompt), tuple(tasks))
