"""The scorer of a local model: the fastest path that agrees with the plain one.

At load time each path scores a few random groups and is compared with the plain path. The
first that agrees is taken; what was tried, and why it was not taken, is told and recorded.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from idiolect.errors import BackendError
from idiolect.models.memory import settle
from idiolect.scoring.base import Score, Scorer, ScoreRequest
from idiolect.scoring.packed import PackedScorer
from idiolect.scoring.padded import PaddedScorer
from idiolect.scoring.plain import PlainScorer

__all__ = ["ScorerChoice", "choose_scorer", "largest_difference", "probe_requests"]

_LOG = logging.getLogger(__name__)
# Nats per token, mean over the tokens of a response. A token seen by a response that should
# not see it moves the mean by 0.01 and more.
_TOLERANCE = {"float32": 1e-4, "float64": 1e-4, "bfloat16": 0.02, "float16": 0.02}

_LONGEST_PROBE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerChoice:
    """A scorer, and why it is the one."""

    scorer: Scorer
    reason: str


def choose_scorer(
    module: Any, *, name: str, max_length: int, budget: int | None = None
) -> ScorerChoice:
    """Return the fastest scorer that agrees with the plain one on this model.

    Args:
        module: A transformers causal language model in evaluation mode.
        name: What the model is called, for messages.
        max_length: Tokens that fit into the context.
        budget: Tokens that go through the model together; None takes what suits the device.
    """
    parameter = next(module.parameters())
    settle(module)
    plain = PlainScorer(module, max_length)
    requests = probe_requests(module.config.get_text_config(), max_length)
    wanted = [result for result in plain.score(requests) if isinstance(result, Score)]
    refused: list[str] = []
    paths: tuple[tuple[str, Callable[[], Scorer]], ...] = (
        ("packed", lambda: PackedScorer(module, max_length, budget)),
        ("padded", lambda: PaddedScorer(module, max_length, budget)),
    )
    for path, make in paths:
        try:
            scorer = make()
            difference = largest_difference(wanted, scorer, requests)
        # What a foreign model's code raises when it is run in a way that it was not written
        # for can't be foreseen. None of it is hidden: it becomes the reason.
        except Exception as error:
            refused.append(f"{path}: {str(error).splitlines()[0] if str(error) else error!r}")
            continue
        if difference <= _TOLERANCE[str(parameter.dtype).removeprefix("torch.")]:
            agrees = f"agrees with the plain path to {difference:.0e} nats/token"
            return ScorerChoice(scorer=scorer, reason="; ".join([*refused, agrees]))
        refused.append(f"{path}: differs from the plain path by {difference:.2g} nats/token")
    for reason in refused:
        _LOG.warning("%s is scored the plain, slow way: %s", name, reason)
    return ScorerChoice(scorer=plain, reason="; ".join(refused))


def probe_requests(config: Any, max_length: int) -> list[ScoreRequest]:
    """Return a few groups of random ids, longer than a small window.

    The responses of a group share their prompt, and two of them their first tokens.
    """
    rng = random.Random(0)
    window = getattr(config, "sliding_window", None) or 0
    reach = min(window + 9, _LONGEST_PROBE) if window else 24
    reach = max(2, min(reach, max_length // 3))

    def ids(count: int) -> tuple[int, ...]:
        return tuple(rng.randrange(config.vocab_size) for _ in range(count))

    requests: list[ScoreRequest] = []
    for prompt_length in (reach, max(1, reach // 2)):
        prompt, longest = ids(prompt_length), ids(reach)
        branch = longest[: 2 * reach // 3] + ids(max(1, reach // 3))
        for response in (ids(1), ids(max(1, reach // 3)), longest, branch):
            requests.append(
                ScoreRequest(
                    prompt_ids=prompt,
                    response_ids=response,
                    terminator_id=1 if len(response) > 1 else None,
                )
            )
    return requests


def largest_difference(wanted: list[Score], scorer: Scorer, requests: list[ScoreRequest]) -> float:
    """Return the largest mean difference of a response's token NLLs, in nats per token.

    Raises:
        BackendError: the scorer has no score for one of the requests.
    """
    found = scorer.score(requests)
    differences: list[float] = []
    for expected, result in zip(wanted, found, strict=True):
        if not isinstance(result, Score):
            raise BackendError(f"gives no score: {result.reason}")
        differences.append(float(np.abs(expected.token_nlls - result.token_nlls).mean()))
    return float(np.max(differences)) if np.isfinite(differences).all() else float("inf")
