"""The engine of a local model: the fast one where it computes what the plain model computes.

Before the first answer both compute the logits of a few random continuations. What was found
is told and recorded.
"""

import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from idiolect.models.generation.engine import CohortEngine
from idiolect.models.generation.plain import PlainEngine
from idiolect.models.generation.tasks import Engine
from idiolect.models.memory import settle

__all__ = ["EngineChoice", "choose_engine"]

_LOG = logging.getLogger(__name__)
# Nats: the mean difference of log-probabilities, each counted as often as it is drawn. In
# bfloat16 a logit of 16 is known to 0.06.
_TOLERANCE = {"float32": 1e-3, "float64": 1e-3, "bfloat16": 0.1, "float16": 0.02}
_LONGEST_PROBE = 200
_ANSWER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """An engine, and why it is the one."""

    engine: Engine
    reason: str


def choose_engine(
    module: Any, stop_ids: Iterable[int], *, name: str, max_length: int, rows: int | None = None
) -> EngineChoice:
    """Return the cohort engine if it agrees with the plain model, else the plain engine.

    Args:
        module: A transformers causal language model in evaluation mode, or a PEFT model
            around one.
        stop_ids: Tokens that end an answer.
        name: What the model is called, for messages.
        max_length: Tokens that fit into the context.
        rows: Answers that are made at once; None takes what suits the device.
    """
    stop_ids = frozenset(stop_ids)
    parameter = next(module.parameters())
    settle(module)
    # An adapter lives in the layers of the model that it wraps.
    inner = module.get_base_model() if hasattr(module, "get_base_model") else module
    try:
        engine = CohortEngine(inner, stop_ids, rows=rows)
        difference = _difference(engine, inner, max_length)
    # What a foreign model's code raises when it is run in a way that it was not written for
    # can't be foreseen. None of it is hidden: it becomes the reason.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else repr(error)
    else:
        if difference <= _TOLERANCE[str(parameter.dtype).removeprefix("torch.")]:
            agrees = f"agrees with the plain model to {difference:.0e} nats"
            return EngineChoice(engine=engine, reason=agrees)
        reason = f"differs from the plain model by {difference:.2g} nats"
    _LOG.warning("%s answers one by one, the slow way: cohorts: %s", name, reason)
    return EngineChoice(engine=PlainEngine(inner, stop_ids), reason=f"cohorts: {reason}")


def _difference(engine: CohortEngine, module: Any, max_length: int) -> float:
    """Return how far the engine's log-probabilities are from the plain ones, in nats."""
    config = module.config.get_text_config()
    rng = random.Random(0)
    window = getattr(config, "sliding_window", None) or 0
    reach = min(window + 9, _LONGEST_PROBE) if window else 24
    reach = max(1, min(reach, max_length - _ANSWER))

    def ids(count: int) -> list[int]:
        return [rng.randrange(config.vocab_size) for _ in range(count)]

    prompts = [ids(reach), ids(max(1, reach // 2))]
    answers = [[ids(_ANSWER), ids(_ANSWER)], [ids(_ANSWER)]]
    found = engine.trace(prompts, answers)
    wanted = [
        _plain_logits(module, prompt + answer, found.device)
        for prompt, rows in zip(prompts, answers, strict=True)
        for answer in rows
    ]
    plain = torch.stack(wanted).double().log_softmax(-1)
    gaps = (found.double().log_softmax(-1) - plain).abs() * plain.exp()
    worst = float(gaps.nan_to_num(nan=torch.inf).sum(-1).max())
    return worst


@torch.inference_mode()
def _plain_logits(module: Any, ids: list[int], device: torch.device) -> Tensor:
    """Return the logits before each token of the answer at the end."""
    rows = module(torch.tensor([ids], device=device), use_cache=False).logits[0]
    return rows[-_ANSWER - 1 : -1]
