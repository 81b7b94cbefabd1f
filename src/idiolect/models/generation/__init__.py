"""Many answers at once from weights on this machine.

`queue` decides which prompts start together, `cohort` holds their keys and values, `attention`
reads them, `sampling` draws, `engine` drives them all. `plain` is transformers' own way, one
answer after another; `choice` takes the engine where it computes what the plain model computes.
"""

__all__ = ["SAMPLER_VERSION"]

SAMPLER_VERSION = 1
"""Raised when the same model, prompt, sampling and seed give other draws than before. It is in the
ids of answers and in what a run is made from, so that old and new draws are never mixed."""
