"""Attention while answers are made: from new tokens to what is held of prompts and rows.

A row sees its prompt, which is held once for all samples of it, and its own tokens. Both parts
are computed apart and merged by their log-sum-exps, which is exact:

    out = (1 - w) out_p + w out_s,   w = sigmoid(lse_s - lse_p)

so the keys of a prompt are read once a step for all of its samples. Source: Hydragen
(arXiv 2402.05099 §3.2, eq. 4-5). Windows, logit caps and attention sinks follow the
transformers models that use them.

The function is registered with transformers under a name that its mask builder does not
know, so no mask is built; the step travels to every layer as a keyword of the model call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from idiolect.models.generation.cohort import Cohort

__all__ = ["ATTENTION_NAME", "Step", "generating_attention"]

ATTENTION_NAME = "idiolect_generation"
_PLAIN_ROWS = 256

Partial = tuple[
    Float[Tensor, "batch k_heads queries width"], Float[Tensor, "batch k_heads queries"]
]


@dataclass(slots=True)
class Step:
    """What goes through the model together: the prompts of one cohort, or a token of each row."""

    cohorts: Sequence[Cohort]
    is_prompts: bool
    masks: dict[tuple[int, int | None], Tensor | None] = field(
        default_factory=dict[tuple[int, int | None], Tensor | None]
    )
    """Cohort and window -> which keys of its prompts are seen; layers share them."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """What one layer does to its attention scores."""

    scale: float
    window: int | None
    softcap: float | None
    sink: Tensor | None


def generating_attention(
    module: Any,
    query: Float[Tensor, "1 q_heads tokens width"],
    key: Float[Tensor, "1 k_heads tokens width"],
    value: Float[Tensor, "1 k_heads tokens v_width"],
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Float[Tensor, " q_heads"] | None = None,
    step: Step | None = None,
    **options: Any,
) -> tuple[Float[Tensor, "1 tokens q_heads v_width"], None]:
    """Attend for one step. The signature is that of transformers' attention functions.

    Raises:
        ValueError: the call has no step, or asks for something that is not implemented here.
            Ignoring it would give plausible wrong answers.
    """
    if step is None:
        raise ValueError(f"attention {ATTENTION_NAME!r} runs only inside the generation engine")
    if attention_mask is not None or not getattr(module, "is_causal", True):
        raise ValueError("the generation engine computes causal attention without masks only")
    if options.get("position_bias") is not None or options.get("head_mask") is not None:
        raise ValueError("the generation engine knows no position bias and no head mask")
    rule = _Rule(
        scale=query.shape[-1] ** -0.5 if scaling is None else scaling,
        window=sliding_window,
        softcap=softcap,
        sink=s_aux,
    )
    layer = int(module.layer_idx)
    q, k, v = query[0], key[0], value[0]
    out = q.new_empty(q.shape[1], q.shape[0], v.shape[2])
    if step.is_prompts:
        (cohort,) = step.cohorts
        cohort.put_prompts(layer, k, v)
        start = 0
        for prompt in cohort.prompts:
            rows = slice(start, start + len(prompt))
            out[rows] = _within_prompt(q[:, rows], k[:, rows], v[:, rows], rule).transpose(0, 1)
            start = rows.stop
        return out[None], None
    start = 0
    for number, cohort in enumerate(step.cohorts):
        rows = slice(start, start + len(cohort.rows))
        new_q, new_k, new_v = (x[:, rows].transpose(0, 1) for x in (q, k, v))
        out[rows] = _newest(new_q, new_k, new_v, step, number, layer, rule)
        start = rows.stop
    return out[None], None


def _within_prompt(
    q: Float[Tensor, "q_heads tokens width"],
    k: Float[Tensor, "k_heads tokens width"],
    v: Float[Tensor, "k_heads tokens v_width"],
    rule: _Rule,
) -> Float[Tensor, "q_heads tokens v_width"]:
    """Attend causally inside of one prompt."""
    heads, tokens = k.shape[:2]
    share = q.shape[0] // heads
    q = q.unflatten(0, (heads, share))
    mask = None
    if rule.window is not None and tokens > rule.window:
        place = torch.arange(tokens, device=q.device)
        distance = place[:, None] - place
        mask = (distance >= 0) & (distance < rule.window)
    if rule.softcap is None and rule.sink is None:
        k, v = (x[:, None].expand(-1, share, -1, -1) for x in (k, v))
        out = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, scale=rule.scale
        )
        return out.flatten(0, 1)
    if mask is None:
        mask = torch.ones(tokens, tokens, dtype=torch.bool, device=q.device).tril()
    sink = None if rule.sink is None else rule.sink.unflatten(0, (heads, share))[..., None]
    parts: list[Tensor] = []
    for start in range(0, tokens, _PLAIN_ROWS):
        rows = slice(start, start + _PLAIN_ROWS)
        part = _plain(q[:, :, rows], k[:, None], v[:, None], rule, mask[rows])
        parts.append(_with_sink(*part, sink))
    return torch.cat(parts, dim=2).flatten(0, 1)


def _newest(
    q: Float[Tensor, "rows q_heads width"],
    k: Float[Tensor, "rows k_heads width"],
    v: Float[Tensor, "rows k_heads v_width"],
    step: Step,
    number: int,
    layer: int,
    rule: _Rule,
) -> Float[Tensor, "rows q_heads v_width"]:
    """Attend from the newest token of each row of a cohort."""
    cohort = step.cohorts[number]
    cache = cohort.put_tokens(layer, k, v)
    heads = k.shape[1]
    q = q.unflatten(1, (heads, -1))
    seen = cohort.length + 1
    first = 0 if rule.window is None else max(0, seen - rule.window)
    columns = slice(first, seen)
    rows = len(q)
    own = _attend(q, cache.own_k[:rows, :, columns], cache.own_v[:rows, :, columns], rule, None)
    if rule.window is None or seen < rule.window:
        key = number, rule.window
        if key not in step.masks:
            step.masks[key] = _prompt_mask(cohort, rule.window)
        prompt = _from_prompts(q, cache.prompt_k, cache.prompt_v, cohort, rule, step.masks[key])
        own = _merge(prompt, own)
    sink = None if rule.sink is None else rule.sink.unflatten(0, (heads, -1))
    return _with_sink(*own, sink).flatten(1, 2)


def _prompt_mask(cohort: Cohort, window: int | None) -> Bool[Tensor, "groups 1 1 keys"] | None:
    """Return which keys of its prompt a row sees: those that are there, inside the window."""
    furthest = cohort.longest + cohort.length
    if cohort.even and (window is None or furthest < window):
        return None
    lengths = cohort.prompt_lengths[:, None, None, None]
    place = torch.arange(cohort.longest, device=lengths.device)
    visible = place < lengths
    return visible if window is None else visible & (place > lengths + cohort.length - window)


def _from_prompts(
    q: Float[Tensor, "rows k_heads share width"],
    k: Float[Tensor, "groups k_heads keys width"],
    v: Float[Tensor, "groups k_heads keys v_width"],
    cohort: Cohort,
    rule: _Rule,
    mask: Tensor | None,
) -> Partial:
    """Attend from rows to prompts, all rows of a prompt together."""
    groups, (_, heads, share, width) = len(cohort.prompts), q.shape
    k, v = k[:groups, :, : cohort.longest], v[:groups, :, : cohort.longest]
    # Groups with fewer rows than the largest leave queries of zeros, which nobody reads.
    laid_out = q.new_zeros(groups, cohort.share, heads, share, width)
    laid_out[cohort.group_of, cohort.place_of] = q
    queries = laid_out.transpose(1, 2).flatten(2, 3)
    out, lse = _attend(queries, k, v, rule, mask)
    out = out.unflatten(2, (cohort.share, share)).transpose(1, 2)
    lse = lse.unflatten(2, (cohort.share, share)).transpose(1, 2)
    return out[cohort.group_of, cohort.place_of], lse[cohort.group_of, cohort.place_of]


def _merge(first: Partial, second: Partial) -> Partial:
    """Merge attention over two disjoint sets of keys, exactly."""
    (out_1, lse_1), (out_2, lse_2) = first, second
    weight = torch.sigmoid(lse_2 - lse_1)[..., None].to(out_1.dtype)
    return torch.lerp(out_1, out_2, weight), torch.logaddexp(lse_1, lse_2)


def _with_sink(out: Tensor, lse: Tensor, sink: Tensor | None) -> Tensor:
    """Account for a learned sink of each query head: a key with a score and no value.

    Args:
        out: Output without the sink.
        lse: Its log-sum-exp.
        sink: Scores, of a shape that goes with `lse`; None where the model has none.
    """
    if sink is None:
        return out
    return out * torch.sigmoid(lse - sink.to(lse.dtype))[..., None].to(out.dtype)


def _attend(q: Tensor, k: Tensor, v: Tensor, rule: _Rule, mask: Tensor | None) -> Partial:
    """Attend from all queries of a batch entry and head to the same keys."""
    if rule.softcap is not None or q.device.type != "cpu":
        return _plain(q, k, v, rule, mask)
    bias = None
    if mask is not None:
        bias = torch.zeros(mask.shape, dtype=q.dtype).masked_fill_(~mask, -torch.inf)
    # torch's own CPU kernel; the public function hides the log-sum-exp.
    out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        q.contiguous(), k, v, 0.0, False, attn_mask=bias, scale=rule.scale
    )
    return out, lse


def _plain(q: Tensor, k: Tensor, v: Tensor, rule: _Rule, mask: Tensor | None) -> Partial:
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
