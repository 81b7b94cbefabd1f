"""The scorer protocol and its values: ids in, negative log-likelihoods out.

Scores are computed from float32 logits and summed in float64. A score is never produced from
a truncated, empty or failed sequence: such a request gets a `ScoreFailure` in its slot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Score", "ScoreFailure", "ScoreRequest", "Scorer", "invalid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """One response behind one prompt, as ids."""

    prompt_ids: tuple[int, ...]
    response_ids: tuple[int, ...]
    terminator_id: int | None
    """The end of turn, scored apart; None for a response that was cut off."""

    @property
    def target_ids(self) -> tuple[int, ...]:
        """All ids that are scored: the response, then the terminator where there is one."""
        if self.terminator_id is None:
            return self.response_ids
        return (*self.response_ids, self.terminator_id)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Score:
    """What a scorer found for one request. Nats; lower is more familiar."""

    token_nlls: NDArray[np.float64]
    """Of each response token, without the terminator."""

    token_ranks: NDArray[np.int64] | None
    """Of each response token: 1 is the token that the target held most likely. None where the
    way of scoring does not tell."""

    terminator_nll: float | None

    @property
    def nll(self) -> float:
        """Sum over the response tokens, without the terminator."""
        return float(self.token_nlls.sum(dtype=np.float64))

    @property
    def tokens(self) -> int:
        """How many response tokens were scored."""
        return len(self.token_nlls)

    @property
    def rank_sum(self) -> int | None:
        """Sum of the token ranks; None where they are unknown."""
        return None if self.token_ranks is None else int(self.token_ranks.sum())

    @classmethod
    def from_targets(
        cls, nlls: NDArray[np.float64], ranks: NDArray[np.int64] | None, request: ScoreRequest
    ) -> "Score":
        """Make a score from the values of `request.target_ids`."""
        count = len(request.response_ids)
        terminator = None if request.terminator_id is None else float(nlls[count])
        known = None if ranks is None else ranks[:count]
        return cls(token_nlls=nlls[:count], token_ranks=known, terminator_nll=terminator)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFailure:
    """Why a request has no score."""

    reason: str
    retryable: bool


class Scorer(Protocol):
    """Computes log-probabilities of responses under the target."""

    @property
    def path(self) -> str:
        """The way of scoring in use, in words, e.g. `plain (cpu, float32)`."""
        ...

    @property
    def noise(self) -> float:
        """Nats per token by which two scores of equal responses may differ."""
        ...

    def batches(self, requests: Sequence[ScoreRequest]) -> list[list[int]]:
        """Divide requests into pieces of work, as indices.

        The division depends on nothing but the requests, so that an interrupted run goes on
        with the very batches that it would have had.
        """
        ...

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score | ScoreFailure]:
        """Score one batch. Same length, same order."""
        ...


def invalid(request: ScoreRequest, max_length: int) -> ScoreFailure | None:
    """Return why a request cannot be scored, or None when it can."""
    if not request.response_ids:
        return ScoreFailure(
            reason="the response is empty: there is no perplexity of nothing", retryable=False
        )
    if not request.prompt_ids:
        return ScoreFailure(
            reason="the prompt is empty: the first token of the response has no context",
            retryable=False,
        )
    length = len(request.prompt_ids) + len(request.target_ids)
    if length > max_length:
        return ScoreFailure(
            reason=f"prompt and response have {length} tokens, the context holds {max_length}; "
            "shorten the row (nothing is truncated silently)",
            retryable=False,
        )
    return None
