"""Attention over a pack on a GPU: two calls a layer for the whole pack, merged.

Core torch's variable-length kernel takes sequences of any lengths side by side, so all
prompts and all responses go through one causal call, and all responses against their prompts
through one full call. Half precision only; everything else is written out in `attention`.
Responses that begin alike are not shared here: that needs keys beside a sequence's own, in a form
that no GPU was there to try.
"""

import inspect
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from idiolect.scoring.planner import Pack

__all__ = ["Layout", "can_use_varlen", "varlen"]

_LARGEST_HEAD = 256


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the sequences of a pack begin, on the GPU."""

    own: Int[Tensor, " sequences"]
    """Cumulative lengths of all prompts and responses, in the order of the pack's rows."""

    longest_own: int
    response_rows: Int[Tensor, " rows"]
    responses: Int[Tensor, " groups"]
    """Cumulative lengths of the response rows of each group."""

    longest_responses: int
    prompts: Int[Tensor, " groups"]
    """Cumulative lengths of the prompts behind which they stand."""

    longest_prompt: int

    @classmethod
    def of(cls, pack: Pack, device: torch.device) -> "Layout":
        """Return the layout of a pack."""
        own: list[int] = []
        rows: list[int] = []
        responses: list[int] = []
        prompts: list[int] = []
        for piece in pack.pieces:
            own += [piece.prompt_length] if piece.has_prompt else []
            assert not any(branch.trail for branch in piece.branches)
            own += [b.own[1] - b.own[0] for b in piece.branches if b.own[1] > b.own[0]]
            first, last = piece.responses
            if last > first:
                rows += range(first, last)
                responses.append(last - first)
                prompts.append(piece.prompt_length)
        return cls(
            _cumulative(own, device),
            max(own, default=0),
            torch.tensor(rows, dtype=torch.long, device=device),
            _cumulative(responses, device),
            max(responses, default=0),
            _cumulative(prompts, device),
            max(prompts, default=0),
        )


def _cumulative(lengths: list[int], device: torch.device) -> Int[Tensor, " n"]:
    return torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device=device)


def can_use_varlen(query: Tensor, value: Tensor) -> bool:
    """Tell whether the kernel exists here and takes these tensors."""
    return (
        query.is_cuda
        and query.dtype in (torch.bfloat16, torch.float16)
        and query.shape[-1] == value.shape[-1] <= _LARGEST_HEAD
        and _kernel() is not None
    )


def varlen(
    q: Float[Tensor, "rows q_heads width"],
    k: Float[Tensor, "keys k_heads width"],
    v: Float[Tensor, "keys k_heads width"],
    q_ends: Int[Tensor, " n"],
    k_ends: Int[Tensor, " n"],
    longest: tuple[int, int],
    *,
    scale: float,
    is_causal: bool,
) -> tuple[Float[Tensor, "q_heads rows width"], Float[Tensor, "q_heads rows"]]:
    """Attend inside sequences that lie side by side; return output and log-sum-exp."""
    kernel, parameters = _kernel() or (None, frozenset[str]())
    assert kernel is not None
    options: dict[str, Any] = {}
    # The name of the causal option and the need to repeat key heads differ between versions.
    if "window_size" in parameters:
        options["window_size"] = (-1, 0) if is_causal else (-1, -1)
    else:
        options["is_causal"] = is_causal
    if "scale" in parameters:
        options["scale"] = scale
    else:
        q = q * (scale * q.shape[-1] ** 0.5)
    if k.shape[1] != q.shape[1]:
        if "enable_gqa" in parameters:
            options["enable_gqa"] = True
        else:
            share = q.shape[1] // k.shape[1]
            k, v = k.repeat_interleave(share, dim=1), v.repeat_interleave(share, dim=1)
    out, lse = kernel(q, k, v, q_ends, k_ends, *longest, **options)
    return out.transpose(0, 1), lse


@cache
def _kernel() -> tuple[Any, frozenset[str]] | None:
    """Return the kernel, asking for the log-sum-exp, and the names of its parameters."""
    try:
        from torch.nn.attention import varlen as module
    except ImportError:
        return None
    request = module.AuxRequest(lse=True)

    def call(*arguments: Any, **options: Any) -> Any:
        return module.varlen_attn(*arguments, return_aux=request, **options)

    return call, frozenset(inspect.signature(module.varlen_attn).parameters)
