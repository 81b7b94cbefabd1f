"""That an adapter changes what the model says: asserted before anything is evaluated with it."""

import dataclasses
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from idiolect.config import TargetConfig
from idiolect.errors import BackendError
from idiolect.evaluation.drift import fine
from idiolect.models.local import LocalModel, load_local_model
from idiolect.records import Example

__all__ = ["first_token_logprobs", "load_changed", "require_change"]

_PROBED = 3


def load_changed(
    target: TargetConfig, examples: Sequence[Example], *, keep_base: bool = False
) -> tuple[LocalModel | None, LocalModel]:
    """Return the base model, where it is to be kept, and the target with its adapter.

    Args:
        target: With an adapter.
        examples: On whose prompts the two must differ; the first few are looked at.
        keep_base: Otherwise the base is let go before the other is loaded.

    Raises:
        BackendError: the adapter changes nothing.
        ConfigError: the adapter cannot be loaded, or belongs to another model.
    """
    base: LocalModel | None = load_local_model(dataclasses.replace(target, adapter=None))
    before = first_token_logprobs(base, examples)
    if not keep_base:
        base = None
    tuned = load_local_model(target)
    require_change(before, first_token_logprobs(tuned, examples), adapter=target.adapter or "")
    return base, tuned


def first_token_logprobs(
    model: LocalModel, examples: Sequence[Example]
) -> Float[Tensor, "prompts vocabulary"]:
    """Return the log-probabilities of the first answer token on a few prompts."""
    rows: list[Tensor] = []
    with torch.inference_mode():
        for example in examples[:_PROBED]:
            ids = torch.tensor([model.chat.prompt_ids(example.messages)], device=model.device)
            logits = model.module(ids, use_cache=False).logits[0, -1]
            rows.append(torch.log_softmax(fine(logits), dim=-1).cpu())
    return torch.stack(rows)


def require_change(
    before: Float[Tensor, "prompts vocabulary"],
    after: Float[Tensor, "prompts vocabulary"],
    *,
    adapter: str,
) -> None:
    """Stop where an adapter changes no log-probability: what would be evaluated is the base.

    Source of the pain: https://github.com/EleutherAI/lm-evaluation-harness/issues/2432, where an
    adapter was silently ignored.

    Raises:
        BackendError: the two are equal.
    """
    if torch.equal(before, after):
        raise BackendError(
            f"adapter {adapter!r}: changes none of {before.numel()} log-probabilities on "
            f"{len(before)} prompts, so the base model would be evaluated; check that it was "
            "trained, and for this model"
        )
