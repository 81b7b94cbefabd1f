"""Attention while answers are made: from new tokens to what is held of prompts and rows.

A row sees its prompt, which is held once for all samples of it, and its own tokens. Both parts
are computed apart and merged (see `models.attention`), so the keys of a prompt are read once a
step for all of its samples.

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

from idiolect.models.attention import (
    Partial,
    Rule,
    flash_cpu,
    merge,
    plain,
    rule_of,
    with_sink,
)
from idiolect.models.generation.cohort import Cohort

__all__ = ["ATTENTION_NAME", "Step", "generating_attention"]

ATTENTION_NAME = "idiolect_generation"
_PLAIN_ROWS = 256


@dataclass(slots=True)
class Step:
    """What goes through the model together: the prompts of one cohort, or a token of each row."""

    cohorts: Sequence[Cohort]
    is_prompts: bool
    masks: dict[tuple[int, int | None], Tensor | None] = field(
        default_factory=dict[tuple[int, int | None], Tensor | None]
    )
    """Cohort and window -> which keys of its prompts are seen; layers share them."""


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
    rule = rule_of(
        "the generation engine",
        module,
        query,
        attention_mask,
        scaling=scaling,
        sliding_window=sliding_window,
        softcap=softcap,
        s_aux=s_aux,
        options=options,
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
    rule: Rule,
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
        part = plain(q[:, :, rows], k[:, None], v[:, None], rule, mask[rows])
        parts.append(with_sink(*part, sink))
    return torch.cat(parts, dim=2).flatten(0, 1)


def _newest(
    q: Float[Tensor, "rows q_heads width"],
    k: Float[Tensor, "rows k_heads width"],
    v: Float[Tensor, "rows k_heads v_width"],
    step: Step,
    number: int,
    layer: int,
    rule: Rule,
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
        own = merge(prompt, own)
    sink = None if rule.sink is None else rule.sink.unflatten(0, (heads, -1))
    return with_sink(*own, sink).flatten(1, 2)


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
    rule: Rule,
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


def _attend(q: Tensor, k: Tensor, v: Tensor, rule: Rule, mask: Tensor | None) -> Partial:
    """Attend from all queries of a batch entry and head to the same keys."""
    if rule.softcap is not None or q.device.type != "cpu":
        return plain(q, k, v, rule, mask)
    return flash_cpu(q.contiguous(), k, v, rule.scale, is_causal=False, mask=mask)
