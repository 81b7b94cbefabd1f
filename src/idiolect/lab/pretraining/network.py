"""The Llama network of the targets, written for fast training on few cores.

transformers' own implementation spends half its time on small elementwise kernels at this
width. This one computes the same function (a test compares the logits) with fused projections
and the output head on response rows only; `to_huggingface` names the weights as Llama does.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Shape", "forward", "from_scratch", "loss", "to_huggingface"]

Weights = dict[str, Tensor]
EPSILON = 1e-5
ROPE_THETA = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of a target."""

    vocabulary: int
    width: int = 192
    layers: int = 4
    heads: int = 6
    inner: int = 512

    @property
    def parameters(self) -> int:
        """Number of weights; the embedding is also the output head."""
        layer = 4 * self.width**2 + 3 * self.width * self.inner + 2 * self.width
        return self.vocabulary * self.width + self.layers * layer + self.width

    def config(self, tokenizer: Any, context_length: int) -> dict[str, Any]:
        """Return the arguments of transformers' LlamaConfig."""
        return {
            "vocab_size": self.vocabulary,
            "hidden_size": self.width,
            "intermediate_size": self.inner,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "max_position_embeddings": context_length,
            "rms_norm_eps": EPSILON,
            "rope_parameters": {"rope_type": "default", "rope_theta": ROPE_THETA},
            "tie_word_embeddings": True,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        }


def from_scratch(shape: Shape, seed: int) -> Weights:
    """Return seeded random weights, drawn on the CPU so that devices start alike."""
    source = torch.Generator().manual_seed(seed)
    width, inner = shape.width, shape.inner

    def normal(*size: int, std: float) -> Tensor:
        return torch.randn(*size, generator=source) * std

    weights: Weights = {"embedding": normal(shape.vocabulary, width, std=0.02)}
    for layer in range(shape.layers):
        weights |= {
            f"{layer}.attention_norm": torch.ones(width),
            f"{layer}.qkv": normal(3 * width, width, std=width**-0.5),
            # Zero output projections: each layer starts as the identity.
            f"{layer}.attention_out": torch.zeros(width, width),
            f"{layer}.mlp_norm": torch.ones(width),
            f"{layer}.gate_up": normal(2 * inner, width, std=width**-0.5),
            f"{layer}.down": torch.zeros(width, inner),
        }
    weights["norm"] = torch.ones(width)
    return weights


def forward(weights: Weights, shape: Shape, ids: Tensor) -> Tensor:
    """Return the hidden states [rows, time, width] of right-padded token ids [rows, time]."""
    rows, time = ids.shape
    head = shape.width // shape.heads
    cos, sin = _rotation(time, head, ids.device)
    x = F.embedding(ids, weights["embedding"])
    for layer in range(shape.layers):
        h = F.rms_norm(x, (shape.width,), weights[f"{layer}.attention_norm"], EPSILON)
        qkv = F.linear(h, weights[f"{layer}.qkv"]).view(rows, time, 3, shape.heads, head)
        qk, v = qkv[:, :, :2], qkv[:, :, 2]
        first, second = qk.chunk(2, dim=-1)
        qk = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
        mixed = F.scaled_dot_product_attention(
            qk[:, :, 0].transpose(1, 2),
            qk[:, :, 1].transpose(1, 2),
            v.transpose(1, 2),
            is_causal=True,
        )
        mixed = mixed.transpose(1, 2).reshape(rows, time, shape.width)
        x = x + F.linear(mixed, weights[f"{layer}.attention_out"])
        h = F.rms_norm(x, (shape.width,), weights[f"{layer}.mlp_norm"], EPSILON)
        gate, up = F.linear(h, weights[f"{layer}.gate_up"]).chunk(2, dim=-1)
        x = x + F.linear(F.silu(gate) * up, weights[f"{layer}.down"])
    return F.rms_norm(x, (shape.width,), weights["norm"], EPSILON)


def loss(weights: Weights, shape: Shape, ids: Tensor, scored: Tensor) -> Tensor:
    """Return the summed negative log-likelihood, in nats, of the scored tokens.

    Args:
        weights: The network.
        shape: Its size.
        ids: Right-padded token ids [rows, time].
        scored: Which ids count, [rows, time]; the first of a row can't.
    """
    hidden = forward(weights, shape, ids)
    wanted = scored[:, 1:]
    logits = F.linear(hidden[:, :-1][wanted], weights["embedding"])
    return F.cross_entropy(logits.float(), ids[:, 1:][wanted], reduction="sum")


def _rotation(time: int, head: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cosines and sines [1, time, 1, 1, head / 2] of the rotary embedding."""
    place = torch.arange(head // 2, dtype=torch.float32, device=device)
    frequency = torch.exp(place * (-2 * math.log(ROPE_THETA) / head))
    angle = torch.arange(time, dtype=torch.float32, device=device)[:, None] * frequency
    shaped = angle[None, :, None, None, :]
    return shaped.cos(), shaped.sin()


def to_huggingface(weights: Weights, shape: Shape) -> Weights:
    """Return the weights under the names of transformers' LlamaForCausalLM, in bfloat16."""
    named: Weights = {
        "model.embed_tokens.weight": weights["embedding"],
        "model.norm.weight": weights["norm"],
    }
    for layer in range(shape.layers):
        to = f"model.layers.{layer}"
        q, k, v = weights[f"{layer}.qkv"].chunk(3)
        gate, up = weights[f"{layer}.gate_up"].chunk(2)
        named |= {
            f"{to}.input_layernorm.weight": weights[f"{layer}.attention_norm"],
            f"{to}.self_attn.q_proj.weight": q,
            f"{to}.self_attn.k_proj.weight": k,
            f"{to}.self_attn.v_proj.weight": v,
            f"{to}.self_attn.o_proj.weight": weights[f"{layer}.attention_out"],
            f"{to}.post_attention_layernorm.weight": weights[f"{layer}.mlp_norm"],
            f"{to}.mlp.gate_proj.weight": gate,
            f"{to}.mlp.up_proj.weight": up,
            f"{to}.mlp.down_proj.weight": weights[f"{layer}.down"],
        }
    return {
        name: tensor.detach().to("cpu", torch.bfloat16).contiguous()
        for name, tensor in named.items()
    }
