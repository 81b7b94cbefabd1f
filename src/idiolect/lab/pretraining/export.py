"""Weights to an ordinary Hugging Face folder that AutoModelForCausalLM loads."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from idiolect.lab import tokens
from idiolect.lab.pretraining.network import Shape, to_huggingface

__all__ = ["export"]


def export(weights: dict[str, Tensor], shape: Shape, tokenizer: Any, folder: Path) -> None:
    """Write config, generation config, bfloat16 weights and tokenizer."""
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        **shape.config(tokenizer, tokens.CONTEXT_LENGTH), dtype="bfloat16", use_cache=True
    )
    model: Any = LlamaForCausalLM(config)
    model.to(dtype=torch.bfloat16)
    named = to_huggingface(weights, shape)
    named["lm_head.weight"] = named["model.embed_tokens.weight"]
    model.load_state_dict(named, strict=True)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with warnings.catch_warnings():
        # transformers warns about the shared embedding that the config asks for.
        warnings.simplefilter("ignore")
        model.save_pretrained(folder)
    tokenizer.save_pretrained(str(folder))
