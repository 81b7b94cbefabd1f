"""Running a transformers model with an attention of ours, without touching its code."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

__all__ = ["unsupported", "using"]

_SUPPORTED_LAYERS = {"full_attention", "sliding_attention"}


@contextmanager
def using(config: Any, name: str) -> Generator[None]:
    """Run the model of a configuration with the attention of a name, then as before.

    The setting lives on the configuration object, which the model's layers read at each call.
    """
    before = config._attn_implementation
    config._attn_implementation = name
    try:
        yield
    finally:
        config._attn_implementation = before


def unsupported(module: Any) -> str | None:
    """Return why a model's attention cannot be replaced by one over packed rows; None if it may.

    That is as far as its configuration tells. What the configuration does not tell, a
    comparison with the plain path finds.
    """
    config = module.config.get_text_config()
    if getattr(config, "is_encoder_decoder", False):
        return "it is an encoder-decoder"
    if not getattr(type(module), "_supports_attention_backend", False):
        return "its attention does not go through transformers' attention interface"
    if getattr(config, "attention_chunk_size", None):
        return "its attention is chunked"
    layers = set(getattr(config, "layer_types", None) or ())
    if layers - _SUPPORTED_LAYERS:
        return f"it has {', '.join(sorted(layers - _SUPPORTED_LAYERS))} layers"
    scaling = getattr(config, "rope_parameters", None) or {}
    kinds = {str(scaling.get("rope_type", "default"))} if isinstance(scaling, dict) else set()
    if kinds & {"dynamic", "longrope"}:
        return "its position encoding depends on the longest sequence of a batch"
    return None
