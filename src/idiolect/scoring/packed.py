"""The packed scorer: prompts shared, nothing padded, the head on response rows only.

The model's base module runs over a pack with our attention; the head runs over the rows that
predict response tokens. See `planner`, `attention` and `head` for the three parts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from transformers import AttentionInterface

from idiolect.models.hooks import unsupported, using
from idiolect.models.memory import is_out_of_memory
from idiolect.scoring import planner
from idiolect.scoring.attention import ATTENTION_NAME, Plan, shared_prompt_attention
from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest, invalid
from idiolect.scoring.head import Head
from idiolect.scoring.plain import NOISE_NATS_PER_TOKEN
from idiolect.scoring.planner import Pack

__all__ = ["PackedScorer"]

_BUDGET_TOKENS = {"cpu": 2048, "cuda": 16384}


class PackedScorer:
    """Scores packs of requests.

    Args:
        module: A transformers causal language model in evaluation mode.
        max_length: Tokens that fit into the context.
        budget: Tokens that go through the model together; None takes what suits the device.

    Raises:
        ValueError: the model needs something that packing cannot give; see `hooks`.
    """

    def __init__(self, module: Any, max_length: int, budget: int | None = None) -> None:
        reason = unsupported(module)
        if reason is not None:
            raise ValueError(reason)
        AttentionInterface.register(ATTENTION_NAME, shared_prompt_attention)
        parameter = next(module.parameters())
        self._device = parameter.device
        self._dtype = str(parameter.dtype).removeprefix("torch.")
        self._max_length = max_length
        self._budget = budget or _BUDGET_TOKENS[self._device.type]
        # See `attention_cuda` for why not on a GPU.
        self._branching = self._device.type == "cpu"
        self._config = module.config
        self._base: Any = getattr(module, module.base_model_prefix)
        self._head = self._make_head(module)

    @property
    def path(self) -> str:
        """`packed`, with device and dtype."""
        return f"packed ({self._device.type}, {self._dtype}, {self._head.way} head)"

    @property
    def noise(self) -> float:
        """Nats per token."""
        return NOISE_NATS_PER_TOKEN[self._dtype]

    def batches(self, requests: Sequence[ScoreRequest]) -> list[list[int]]:
        """Divide requests by prompt into batches of about the token budget."""
        return planner.batches(requests, self._budget, branching=self._branching)

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score | ScoreFailure]:
        """Score one batch; it is divided further when memory runs out."""
        results: list[Score | ScoreFailure | None] = [
            invalid(request, self._max_length) for request in requests
        ]
        valid = [index for index, failure in enumerate(results) if failure is None]
        for index, result in self._score_within(requests, valid, self._budget).items():
            results[index] = result
        assert all(result is not None for result in results)
        return [result for result in results if result is not None]

    def _score_within(
        self, requests: Sequence[ScoreRequest], indices: Sequence[int], budget: int
    ) -> dict[int, Score | ScoreFailure]:
        """Score some of the requests with a budget, halved as often as memory demands."""
        if not indices:
            return {}
        try:
            return dict(self._score_valid(requests, indices, budget))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        if len(indices) > 1:
            middle = len(indices) // 2
            first = self._score_within(requests, indices[:middle], budget // 2)
            return first | self._score_within(requests, indices[middle:], budget // 2)
        request = requests[indices[0]]
        length = len(request.prompt_ids) + len(request.target_ids)
        return {
            indices[0]: ScoreFailure(
                reason=f"memory ran out on a sequence of {length} tokens computed alone; use a "
                "machine with more memory or a shorter row",
                retryable=True,
            )
        }

    @torch.inference_mode()
    def _score_valid(
        self, requests: Sequence[ScoreRequest], indices: Sequence[int], budget: int
    ) -> list[tuple[int, Score]]:
        groups = planner.group_requests([requests[index] for index in indices])
        kept: dict[int, dict[int, tuple[Tensor, Tensor]]] = {}
        last_rows: dict[int, Tensor] = {}
        scores: list[tuple[int, Score]] = []
        for pack in planner.packs(groups, budget, branching=self._branching):
            hidden = self._hidden(pack, Plan(pack, kept))
            for piece in pack.pieces:
                if piece.has_prompt:
                    last_rows[piece.group] = hidden[piece.prompt_stop - 1].clone()
            scores += [
                (indices[place], score)
                for place, score in self._pack_scores(requests, indices, pack, hidden, last_rows)
            ]
            for piece in pack.pieces:
                if piece.is_last:
                    kept.pop(piece.group, None)
                    last_rows.pop(piece.group, None)
        return scores

    def _hidden(self, pack: Pack, plan: Plan) -> Float[Tensor, "tokens width"]:
        if not pack.ids:  # responses of one token behind a prompt that was kept
            return self._base.get_input_embeddings().weight[:0]
        ids = torch.tensor([pack.ids], device=self._device)
        positions = torch.tensor([pack.positions], device=self._device)
        with using(self._config, ATTENTION_NAME):
            # No cache and no mask: with either, transformers would see one long sequence.
            output = self._base(
                ids, position_ids=positions, attention_mask=None, use_cache=False, plan=plan
            )
        return output.last_hidden_state[0]

    def _pack_scores(
        self,
        requests: Sequence[ScoreRequest],
        indices: Sequence[int],
        pack: Pack,
        hidden: Tensor,
        last_rows: dict[int, Tensor],
    ) -> list[tuple[int, Score]]:
        """Run the head over the rows that predict targets, all members at once."""
        rows: list[Tensor] = []
        targets: list[int] = []
        for piece in pack.pieces:
            for branch in piece.branches:
                before = last_rows[piece.group]
                if branch.trail:
                    before = hidden[branch.trail[-1][1] - 1]
                rows += [before[None], hidden[slice(*branch.own)]]
                targets += branch.member.targets[branch.shared :]
        nlls, ranks = self._head.statistics(
            torch.cat(rows), torch.tensor(targets, device=self._device)
        )
        nlls, ranks = nlls.cpu().numpy(), ranks.cpu().numpy()
        scores: list[tuple[int, Score]] = []
        place = 0
        known = nlls[:0], ranks[:0]
        for branch in (branch for piece in pack.pieces for branch in piece.branches):
            end = place + len(branch.member.targets) - branch.shared
            # What is shared was found for the member before.
            shared = [values[: branch.shared] for values in known]
            known = (
                np.concatenate([shared[0], nlls[place:end]]),
                np.concatenate([shared[1], ranks[place:end]]),
            )
            for index in branch.member.requests:
                score = Score.from_targets(*known, requests[indices[index]])
                scores.append((index, score))
            place = end
        return scores

    @torch.inference_mode()
    def _make_head(self, module: Any) -> Head:
        ids = torch.arange(8, device=self._device)[None] % self._config.get_text_config().vocab_size
        return Head(module, self._base(ids, use_cache=False))
