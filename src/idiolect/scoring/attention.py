"""Attention over a pack: every response sees its prompt and itself, and nothing else.

For each group there are three kinds of calls, none of which needs a mask:

    prompt rows:        causal over the prompt
    all response rows:  everything of the prompt                          -> out_p, lse_p
    each response:      causal over itself                                -> out_s, lse_s

A response that shares its first rows with another one (see `planner`) is causal over those rows,
its trail, and its own. The two parts are merged by their log-sum-exps, which is exact (see
`models.attention`).

The function is registered with transformers under a name that its mask builder does not
know, so no mask is built; the plan travels to every layer as a keyword of the model call.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from idiolect.models.attention import Partial, Rule, flash_cpu, merge, plain, rule_of, with_sink
from idiolect.scoring.attention_cuda import Layout, can_use_varlen, varlen
from idiolect.scoring.planner import Branch, Pack, Piece

__all__ = ["ATTENTION_NAME", "Plan", "attend", "shared_prompt_attention"]

ATTENTION_NAME = "idiolect_shared_prompt"


@dataclass(slots=True)
class Plan:
    """What the attention needs to know of the pack that is being computed."""

    pack: Pack
    kept: dict[int, dict[int, tuple[Tensor, Tensor]]] = field(
        default_factory=dict[int, dict[int, tuple[Tensor, Tensor]]]
    )
    """Group -> layer -> keys and values of a prompt that later packs still need."""

    layout: Layout | None = None
    """For the GPU kernel; made by the first layer that uses it."""


def shared_prompt_attention(
    module: Any,
    query: Float[Tensor, "1 q_heads tokens width"],
    key: Float[Tensor, "1 k_heads tokens width"],
    value: Float[Tensor, "1 k_heads tokens width"],
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Float[Tensor, " q_heads"] | None = None,
    plan: Plan | None = None,
    **options: Any,
) -> tuple[Float[Tensor, "1 tokens q_heads width"], None]:
    """Attend inside a pack. The signature is that of transformers' attention functions.

    Raises:
        ValueError: the call has no plan, or asks for something that is not implemented here.
            Ignoring it would give plausible wrong numbers.
    """
    if plan is None:
        raise ValueError(f"attention {ATTENTION_NAME!r} runs only inside the packed scorer")
    rule = rule_of(
        "the packed scorer",
        module,
        query,
        attention_mask,
        scaling=scaling,
        sliding_window=sliding_window,
        softcap=softcap,
        s_aux=s_aux,
        options=options,
    )
    out = query.new_empty(query.shape[2], query.shape[1], value.shape[3])
    q, k, v = query[0], key[0], value[0]
    fits_window = sliding_window is None or max(plan.pack.positions) < sliding_window
    if softcap is None and fits_window and can_use_varlen(query, value):
        _attend_pack(out, q, k, v, plan, int(module.layer_idx), rule)
        return out[None], None
    for piece in plan.pack.pieces:
        _attend_piece(out, q, k, v, piece, plan, int(module.layer_idx), rule)
    return out[None], None


def _attend_piece(
    out: Float[Tensor, "tokens q_heads width"],
    q: Float[Tensor, "q_heads tokens width"],
    k: Float[Tensor, "k_heads tokens width"],
    v: Float[Tensor, "k_heads tokens width"],
    piece: Piece,
    plan: Plan,
    layer: int,
    rule: Rule,
) -> None:
    prompt_k, prompt_v = _prompt_keys(k, v, piece, plan, layer)
    if piece.has_prompt:
        start, stop = piece.prompt_start, piece.prompt_stop
        part = attend(q[:, start:stop], prompt_k, prompt_v, rule, offset=0)
        out[start:stop] = with_sink(*part, _sink(rule)).transpose(0, 1)
    first, last = piece.responses
    if first == last:
        return
    # One call for all responses, unless a window makes what they see depend on the row.
    if rule.window is None or piece.prompt_length + _longest(piece) <= rule.window:
        from_prompt = attend(q[:, first:last], prompt_k, prompt_v, rule, offset=None)
    else:
        from_prompt = None
    for branch in piece.branches:
        a, b = branch.own
        if a == b:
            continue
        own_k, own_v = _along(k, branch), _along(v, branch)
        own = attend(q[:, a:b], own_k, own_v, rule, offset=branch.shared)
        if from_prompt is None:
            prompt = _windowed(q[:, a:b], prompt_k, prompt_v, rule, branch.shared)
        else:
            rows = slice(a - first, b - first)
            prompt = from_prompt[0][:, rows], from_prompt[1][:, rows]
        out[a:b] = with_sink(*merge(prompt, own), _sink(rule)).transpose(0, 1)


def _attend_pack(
    out: Float[Tensor, "tokens q_heads width"],
    q: Float[Tensor, "q_heads tokens width"],
    k: Float[Tensor, "k_heads tokens width"],
    v: Float[Tensor, "k_heads tokens width"],
    plan: Plan,
    layer: int,
    rule: Rule,
) -> None:
    """Attend for all pieces of a pack at once, on a GPU."""
    if plan.layout is None:
        plan.layout = Layout.of(plan.pack, q.device)
    layout = plan.layout
    rows_q, rows_k, rows_v = (x.transpose(0, 1).contiguous() for x in (q, k, v))
    longest = layout.longest_own, layout.longest_own
    own_out, own_lse = varlen(
        rows_q, rows_k, rows_v, layout.own, layout.own, longest, scale=rule.scale, is_causal=True
    )
    # Also without response rows here: a later pack may need what is kept of a prompt.
    prompts = [_prompt_keys(k, v, piece, plan, layer) for piece in plan.pack.pieces]
    if len(layout.response_rows):
        seen = [p for p, piece in zip(prompts, plan.pack.pieces, strict=True) if _has_rows(piece)]
        part = varlen(
            rows_q[layout.response_rows],
            torch.cat([key for key, _ in seen], dim=1).transpose(0, 1).contiguous(),
            torch.cat([value for _, value in seen], dim=1).transpose(0, 1).contiguous(),
            layout.responses,
            layout.prompts,
            (layout.longest_responses, layout.longest_prompt),
            scale=rule.scale,
            is_causal=False,
        )
        own = own_out[:, layout.response_rows], own_lse[:, layout.response_rows]
        merged, lse = merge(part, own)
        own_out[:, layout.response_rows] = merged
        own_lse[:, layout.response_rows] = lse
    out.copy_(with_sink(own_out, own_lse, _sink(rule)).transpose(0, 1))


def _prompt_keys(
    k: Tensor, v: Tensor, piece: Piece, plan: Plan, layer: int
) -> tuple[Tensor, Tensor]:
    """Return keys and values of a piece's prompt, from the pack or as kept; keep them if asked."""
    if not piece.has_prompt:
        return plan.kept[piece.group][layer]
    rows = slice(piece.prompt_start, piece.prompt_stop)
    if not piece.is_last:
        plan.kept.setdefault(piece.group, {})[layer] = k[:, rows].clone(), v[:, rows].clone()
    return k[:, rows], v[:, rows]


def _has_rows(piece: Piece) -> bool:
    return piece.responses[1] > piece.responses[0]


def _longest(piece: Piece) -> int:
    return max(branch.member.fed for branch in piece.branches)


def _along(rows: Float[Tensor, "heads tokens width"], branch: Branch) -> Tensor:
    """Return the rows of a branch from its first token on, those of its trail included."""
    parts = [rows[:, start:stop] for start, stop in (*branch.trail, branch.own)]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def _sink(rule: Rule) -> Tensor | None:
    return None if rule.sink is None else rule.sink[:, None]


def _windowed(q: Tensor, prompt_k: Tensor, prompt_v: Tensor, rule: Rule, shared: int) -> Partial:
    """Attend from the rows of a response, behind the shared ones, to the prompt in its window.

    Rows whose window has left the prompt behind see nothing; their log-sum-exp is -inf, so
    that a merge gives them no weight.
    """
    assert rule.window is not None
    visible = min(rule.window - 1 - shared, q.shape[1])
    out = q.new_zeros(*q.shape[:2], prompt_v.shape[2])
    lse = q.new_full(q.shape[:2], -torch.inf, dtype=torch.promote_types(q.dtype, torch.float32))
    if visible > 0:
        reach = min(rule.window - 1, prompt_k.shape[1])
        near_k, near_v = prompt_k[:, -reach:], prompt_v[:, -reach:]
        out[:, :visible], lse[:, :visible] = attend(
            q[:, :visible], near_k, near_v, rule, offset=reach + shared
        )
    return out, lse


def attend(
    q: Float[Tensor, "q_heads rows width"],
    k: Float[Tensor, "k_heads keys width"],
    v: Float[Tensor, "k_heads keys width"],
    rule: Rule,
    *,
    offset: int | None,
) -> Partial:
    """Attend from some rows to some keys; return the output and the log-sum-exp (natural).

    Args:
        q: Queries.
        k: Keys, not repeated for the query heads that share them.
        v: Values.
        rule: Scale, window and cap. The sink is no part of this.
        offset: Position of the first row relative to the first key; a row sees the keys at or
            before its own position, inside the window. None: every row sees every key.
    """
    mask = None if offset is None else _mask(q.shape[1], k.shape[1], offset, rule, q.device)
    is_causal = offset == 0 and mask is None
    q, k, v = _grouped(q, k, v)
    if rule.softcap is None and q.device.type == "cpu":
        if k.stride(-1) != 1 or q.stride(-1) != 1 or v.stride(-1) != 1:
            q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        part = flash_cpu(q, k, v, rule.scale, is_causal=is_causal, mask=mask)
    else:
        if is_causal:
            mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
        part = plain(q, k, v, rule, mask)
    return part[0].flatten(0, 1), part[1].flatten(0, 1)


def _mask(
    rows: int, keys: int, offset: int, rule: Rule, device: torch.device
) -> Bool[Tensor, "rows keys"] | None:
    """Return which keys each row sees; None where plain causality says it."""
    if offset == 0 and (rule.window is None or rows <= rule.window):
        return None
    distance = (
        torch.arange(rows, device=device)[:, None] + offset - torch.arange(keys, device=device)
    )
    visible = distance >= 0
    return visible & (distance < rule.window) if rule.window is not None else visible


def _grouped(
    q: Tensor, k: Tensor, v: Tensor
) -> tuple[
    Float[Tensor, "k_heads share rows width"],
    Float[Tensor, "k_heads share keys width"],
    Float[Tensor, "k_heads share keys width"],
]:
    """Lay the query heads that share a key head side by side, without copying anything."""
    share = q.shape[0] // k.shape[0]
    return (
        q.unflatten(0, (k.shape[0], share)),
        k[:, None].expand(-1, share, -1, -1),
        v[:, None].expand(-1, share, -1, -1),
    )
