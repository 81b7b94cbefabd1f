"""The padded fallback: for models whose attention can't be replaced.

Whole sequences of similar length, padded on the right, without a mask: a causal model never
looks at what stands behind a token, so padding changes nothing. Prompts are computed once for
each response, which is the price.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from idiolect.models.memory import is_out_of_memory
from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest, invalid
from idiolect.scoring.plain import NOISE_NATS_PER_TOKEN, target_statistics

__all__ = ["PaddedScorer"]

_BUDGET_TOKENS = {"cpu": 2048, "cuda": 16384}


class PaddedScorer:
    """Scores batches of padded sequences.

    Args:
        module: A transformers causal language model in evaluation mode.
        max_length: Tokens that fit into the context.
        budget: Tokens of a batch, padding included; None takes what suits the device.
    """

    def __init__(self, module: Any, max_length: int, budget: int | None = None) -> None:
        parameter = next(module.parameters())
        self._module = module
        self._device = parameter.device
        self._dtype = str(parameter.dtype).removeprefix("torch.")
        self._max_length = max_length
        self._budget = budget or _BUDGET_TOKENS[self._device.type]
        self._keeps_logits = "logits_to_keep" in inspect.signature(module.forward).parameters

    @property
    def path(self) -> str:
        """`padded`, with device and dtype."""
        return f"padded ({self._device.type}, {self._dtype})"

    @property
    def noise(self) -> float:
        """Nats per token."""
        return NOISE_NATS_PER_TOKEN[self._dtype]

    def batches(self, requests: Sequence[ScoreRequest]) -> list[list[int]]:
        """Put requests of similar length together, the longest first."""
        order = sorted(range(len(requests)), key=lambda i: (-_length(requests[i]), i))
        result: list[list[int]] = []
        for index in order:
            # The first of a batch is its longest: it decides the width.
            if (
                not result
                or (len(result[-1]) + 1) * _length(requests[result[-1][0]]) > self._budget
            ):
                result.append([])
            result[-1].append(index)
        return result

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score | ScoreFailure]:
        """Score one batch; it is halved when memory runs out."""
        results: list[Score | ScoreFailure | None] = [
            invalid(request, self._max_length) for request in requests
        ]
        valid = [index for index, failure in enumerate(results) if failure is None]
        for index, result in zip(valid, self._halving([requests[i] for i in valid]), strict=True):
            results[index] = result
        return [result for result in results if result is not None]

    def _halving(self, requests: Sequence[ScoreRequest]) -> list[Score | ScoreFailure]:
        if not requests:
            return []
        try:
            return list(self._forward(requests))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        if len(requests) == 1:
            reason = f"memory ran out on a sequence of {_length(requests[0])} tokens"
            return [ScoreFailure(reason=reason, retryable=True)]
        middle = len(requests) // 2
        return [*self._halving(requests[:middle]), *self._halving(requests[middle:])]

    @torch.inference_mode()
    def _forward(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        rows = [(r.prompt_ids + r.target_ids)[:-1] for r in requests]
        width = max(len(row) for row in rows)
        first = min(len(r.prompt_ids) for r in requests) - 1
        # Any id does for padding: nothing looks at it.
        ids = torch.tensor([row + (0,) * (width - len(row)) for row in rows], device=self._device)
        options: dict[str, Any] = {"logits_to_keep": width - first} if self._keeps_logits else {}
        logits = self._module(ids, use_cache=False, **options).logits
        offset = width - logits.shape[1]
        scores: list[Score] = []
        for row, request in enumerate(requests):
            start = len(request.prompt_ids) - 1 - offset
            mine = logits[row, start : start + len(request.target_ids)]
            targets = torch.tensor(request.target_ids, device=self._device)
            nlls, ranks = target_statistics(mine, targets)
            scores.append(Score.from_targets(nlls.cpu().numpy(), ranks.cpu().numpy(), request))
        return scores


def _length(request: ScoreRequest) -> int:
    return len(request.prompt_ids) + len(request.target_ids) - 1
