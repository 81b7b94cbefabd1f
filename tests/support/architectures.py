"""Tiny random models of many architectures, with logits as far apart as a real model's."""

from dataclasses import dataclass, field
from typing import Any

import torch
import transformers

VOCABULARY = 97
WINDOW = 16


@dataclass(frozen=True)
class Architecture:
    name: str
    config: str
    path: str
    options: dict[str, Any] = field(default_factory=dict)
    sharpen: float = 8.0
    """Factor on the random weights. A recurrent model amplifies rounding beyond comparison."""


SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
MOE = {"num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2}
GPT2 = {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 256}
ARCHITECTURES = [
    Architecture("llama", "LlamaConfig", "packed"),
    Architecture("llama tied", "LlamaConfig", "packed", {"tie_word_embeddings": True}),
    Architecture("qwen2", "Qwen2Config", "packed"),
    Architecture("qwen3", "Qwen3Config", "packed"),
    Architecture("mistral windowed", "MistralConfig", "packed", {"sliding_window": WINDOW}),
    Architecture(
        "gemma2 capped and windowed",
        "Gemma2Config",
        "packed",
        {"sliding_window": WINDOW, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 4.0},
    ),
    Architecture("gemma3", "Gemma3TextConfig", "packed", {"sliding_window": WINDOW}),
    Architecture("gpt-oss with sinks", "GptOssConfig", "packed", {"sliding_window": WINDOW, **MOE}),
    Architecture("mixtral", "MixtralConfig", "packed", MOE),
    Architecture("qwen3-moe", "Qwen3MoeConfig", "packed", {"moe_intermediate_size": 16, **MOE}),
    Architecture("cohere", "CohereConfig", "packed", {"logit_scale": 0.25}),
    Architecture("granite", "GraniteConfig", "packed", {"logits_scaling": 3.0}),
    Architecture("phi3", "Phi3Config", "packed"),
    Architecture("olmo2", "Olmo2Config", "packed"),
    Architecture("gpt2", "GPT2Config", "packed", GPT2),
    Architecture("gpt-neox", "GPTNeoXConfig", "packed"),
    Architecture("opt", "OPTConfig", "padded", {"ffn_dim": 48, "word_embed_proj_dim": 32}),
    Architecture("bloom", "BloomConfig", "padded", {"hidden_size": 32, "n_layer": 3, "n_head": 4}),
    Architecture("falcon", "FalconConfig", "padded", {"num_kv_heads": 2}),
    Architecture("mamba", "MambaConfig", "padded", {"state_size": 8}, sharpen=1.0),
    Architecture(
        "qwen3-next",
        "Qwen3NextConfig",
        "padded",
        {
            "layer_types": ["linear_attention", "full_attention", "linear_attention"],
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
            **MOE,
        },
    ),
]


def build(architecture: Architecture) -> Any:
    """Return a random model whose logits are as large as a real one's."""
    config_class = getattr(transformers, architecture.config)
    options = SMALL | architecture.options
    if architecture.config == "GPT2Config":
        options = GPT2 | {"bos_token_id": 1, "eos_token_id": 2}
    if architecture.config == "FalconConfig":  # derives it
        del options["head_dim"]
    config = config_class(**options)
    # The grouped kernel of mixtures of experts knows no float64, which the reference is in.
    config._experts_implementation = "eager"
    torch.manual_seed(0)
    module = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "sinks" in name:
                parameter.normal_()
            elif parameter.ndim > 1 and "embed" not in name and "wte" not in name:
                parameter.mul_(architecture.sharpen)
        rows = module(torch.arange(40)[None] % VOCABULARY, use_cache=False).logits
        head = module.get_output_embeddings().weight
        head.mul_(3 / rows.std().clamp(min=1e-3))
    return module.requires_grad_(False)
