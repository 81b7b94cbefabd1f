"""The arithmetic that scoring cannot avoid, and the fastest that this machine multiplies.

    FLOP_min = 2 B (sum P + sum (R - 1)) + 2 H sum R
             + 4 L Hq D (sum P (P + 1) / 2 + sum ((R - 1) P + (R - 1) R / 2))

over all prompts for P and all responses for R: each prompt once, no last token of a response,
the head on the rows that predict response tokens. Useful MFU is FLOP_min / (time x peak), so
whoever computes a prompt twice, or padding, scores low.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from idiolect.scoring.base import ScoreRequest
from idiolect.scoring.planner import group_requests

__all__ = ["ModelShape", "flop_min", "gemm_peak"]

_GEMM_REPEATS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """What the formula needs to know of a dense model."""

    body: int
    """Parameters outside embedding and head."""

    head: int
    layers: int
    query_heads: int
    head_width: int
    width: int
    feed_forward: int
    weight_bytes: int

    @classmethod
    def of(cls, module: Any) -> "ModelShape":
        """Read the shape off a loaded model."""
        config = module.config.get_text_config()
        base = getattr(module, module.base_model_prefix)
        embedded = module.get_input_embeddings().weight.numel()
        heads = config.num_attention_heads
        return cls(
            body=sum(p.numel() for p in base.parameters()) - embedded,
            head=config.vocab_size * config.hidden_size,
            layers=config.num_hidden_layers,
            query_heads=heads,
            head_width=getattr(config, "head_dim", None) or config.hidden_size // heads,
            width=config.hidden_size,
            feed_forward=config.intermediate_size,
            weight_bytes=sum(p.numel() * p.element_size() for p in module.parameters()),
        )


def flop_min(shape: ModelShape, requests: Sequence[ScoreRequest]) -> int:
    """Return the floating-point operations that the requests need at least.

    Equal requests count once, as they are computed once.
    """
    body_tokens = head_rows = attended = 0
    for group in group_requests(requests):
        prompt = len(group.prompt)
        body_tokens += prompt
        attended += prompt * (prompt + 1) // 2
        for response in (len(member.targets) for member in group.members):
            body_tokens += response - 1
            head_rows += response
            attended += (response - 1) * prompt + (response - 1) * response // 2
    return (
        2 * shape.body * body_tokens
        + 2 * shape.head * head_rows
        + 4 * shape.layers * shape.query_heads * shape.head_width * attended
    )


def gemm_peak(shapes: Iterable[tuple[int, int, int]]) -> float:
    """Return the best rate of a float32 matrix product over some (m, k, n), in FLOP/s."""
    best = 0.0
    for m, k, n in shapes:
        # Random data: a product of zeros can run faster than any real one.
        left, right, out = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
        torch.mm(left, right, out=out)
        for _ in range(_GEMM_REPEATS):
            began = time.perf_counter()
            torch.mm(left, right, out=out)
            best = max(best, 2 * m * k * n / (time.perf_counter() - began))
    return best
