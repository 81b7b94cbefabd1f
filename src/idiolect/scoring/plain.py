"""The plain way of scoring: one sequence after another, through the model's own forward.

Nothing is shared, packed or padded. It is the reference that every fast path is checked
against, and the path of models that no fast path can run.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest, invalid

__all__ = ["NOISE_NATS_PER_TOKEN", "PlainScorer", "target_statistics"]

# Scores of equal responses differ by this much in float32 when they are computed beside
# other rows: the matrix library takes other routes for other numbers of rows.
NOISE_NATS_PER_TOKEN = {"float32": 1e-5, "float64": 1e-9, "bfloat16": 0.02, "float16": 0.02}


class PlainScorer:
    """Scores one request after another.

    Args:
        module: A transformers causal language model in evaluation mode.
        max_length: Tokens that fit into the context.
    """

    def __init__(self, module: Any, max_length: int) -> None:
        self._module = module
        self._max_length = max_length
        self._device = next(module.parameters()).device
        self._dtype = str(next(module.parameters()).dtype).removeprefix("torch.")
        self._keeps_logits = "logits_to_keep" in inspect.signature(module.forward).parameters

    @property
    def path(self) -> str:
        """`plain`, with device and dtype."""
        return f"plain ({self._device.type}, {self._dtype})"

    @property
    def noise(self) -> float:
        """Nats per token."""
        return NOISE_NATS_PER_TOKEN[self._dtype]

    def batches(self, requests: Sequence[ScoreRequest]) -> list[list[int]]:
        """One request a batch."""
        return [[index] for index in range(len(requests))]

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score | ScoreFailure]:
        """Score each request by one forward of its whole sequence."""
        return [self._score(request) for request in requests]

    @torch.inference_mode()
    def _score(self, request: ScoreRequest) -> Score | ScoreFailure:
        failure = invalid(request, self._max_length)
        if failure is not None:
            return failure
        targets = torch.tensor(request.target_ids, device=self._device)
        logits = self._target_logits(request)
        nlls, ranks = target_statistics(logits, targets)
        return Score.from_targets(nlls.cpu().numpy(), ranks.cpu().numpy(), request)

    def _target_logits(self, request: ScoreRequest) -> Float[Tensor, "targets vocabulary"]:
        """Return the rows that predict the targets. The last target is never fed in."""
        ids = (request.prompt_ids + request.target_ids)[:-1]
        rows = len(request.target_ids)
        options: dict[str, Any] = {"logits_to_keep": rows} if self._keeps_logits else {}
        # An explicit cache setting: some models build a cache that changes how rows are seen.
        output = self._module(torch.tensor([ids], device=self._device), use_cache=False, **options)
        return output.logits[0, -rows:]


def target_statistics(
    logits: Float[Tensor, "rows vocabulary"], targets: Int[Tensor, " rows"]
) -> tuple[Float[Tensor, " rows"], Int[Tensor, " rows"]]:
    """Return NLL (float64, nats) and rank of each row's target.

    NLL is logsumexp of the row minus the target's logit, both in float32. Rank is one more
    than the number of tokens with a greater logit, so tied tokens share the better rank.
    """
    logits = logits.float() if logits.dtype != torch.float64 else logits
    chosen = logits.gather(1, targets[:, None])
    nlls = torch.logsumexp(logits, dim=1, keepdim=True) - chosen
    ranks = (logits > chosen).sum(dim=1) + 1
    return nlls[:, 0].double(), ranks
