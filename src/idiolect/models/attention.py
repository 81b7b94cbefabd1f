"""Parts of attention that the scoring and the generation engine share.

Both divide the keys that a token sees into disjoint sets, attend to each set apart and merge:

    out = (1 - w) out_1 + w out_2,   w = sigmoid(lse_2 - lse_1)

which is exact: a softmax over a union is the partial results weighted by the exponentials of
their log-sum-exps. Source: Hydragen (arXiv 2402.05099 §3.2, eq. 4-5). Windows, logit caps and
attention sinks follow the transformers models that use them.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["Partial", "Rule", "flash_cpu", "merge", "plain", "rule_of", "with_sink"]

Partial = tuple[Float[Tensor, "... rows width"], Float[Tensor, "... rows"]]
"""Output and log-sum-exp (natural) of attention to a part of the keys."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one layer does to its attention scores."""

    scale: float
    window: int | None
    softcap: float | None
    sink: Float[Tensor, " q_heads"] | None


def rule_of(
    engine: str,
    module: Any,
    query: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None,
    sliding_window: int | None,
    softcap: float | None,
    s_aux: Tensor | None,
    options: dict[str, Any],
) -> Rule:
    """Return the rule of a layer's call, as transformers makes it.

    Raises:
        ValueError: the call asks for something that neither engine implements. Ignoring it
            would give plausible wrong numbers.
    """
    if attention_mask is not None or not getattr(module, "is_causal", True):
        raise ValueError(f"{engine} computes causal attention without masks only")
    if options.get("position_bias") is not None or options.get("head_mask") is not None:
        raise ValueError(f"{engine} knows no position bias and no head mask")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return Rule(scale=scale, window=sliding_window, softcap=softcap, sink=s_aux)


def merge(first: Partial, second: Partial) -> Partial:
    """Merge attention over two disjoint sets of keys, exactly."""
    (out_1, lse_1), (out_2, lse_2) = first, second
    weight = torch.sigmoid(lse_2 - lse_1)[..., None].to(out_1.dtype)
    return torch.lerp(out_1, out_2, weight), torch.logaddexp(lse_1, lse_2)


def with_sink(out: Tensor, lse: Tensor, sink: Tensor | None) -> Tensor:
    """Account for a learned sink: a key with a score and no value.

    Args:
        out: Output without the sink.
        lse: Its log-sum-exp.
        sink: Scores, of a shape that goes with `lse`; None where the model has none.
    """
    if sink is None:
        return out
    return out * torch.sigmoid(lse - sink.to(lse.dtype))[..., None].to(out.dtype)


def flash_cpu(
    q: Float[Tensor, "batch heads rows width"],
    k: Float[Tensor, "batch heads keys width"],
    v: Float[Tensor, "batch heads keys width"],
    scale: float,
    *,
    is_causal: bool,
    mask: Bool[Tensor, "... rows keys"] | None,
) -> Partial:
    """Call torch's own CPU kernel, which the public function hides the log-sum-exp of."""
    bias = None
    if mask is not None:
        bias = torch.zeros(mask.shape, dtype=q.dtype).masked_fill_(~mask, -torch.inf)
    out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        q, k, v, 0.0, is_causal, attn_mask=bias, scale=scale
    )
    return out, lse


def plain(
    q: Float[Tensor, "... rows width"],
    k: Float[Tensor, "... keys width"],
    v: Float[Tensor, "... keys width"],
    rule: Rule,
    mask: Bool[Tensor, "... rows keys"] | None,
) -> Partial:
    """Write attention out: for capped scores, and for devices without a kernel of ours."""
    # Scores in at least float32: a sum of exponentials in bfloat16 keeps two digits.
    dtype = torch.promote_types(q.dtype, torch.float32)
    scores = (q.to(dtype) @ k.to(dtype).transpose(-1, -2)) * rule.scale
    if rule.softcap is not None:
        scores = torch.tanh(scores / rule.softcap) * rule.softcap
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    lse = torch.logsumexp(scores, dim=-1)
    out = torch.exp(scores - lse[..., None]) @ v.to(dtype)
    return out.to(q.dtype), lse
