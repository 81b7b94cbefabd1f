"""SGLang: `/generate` with `return_logprob` and `logprob_start_len`.

`meta_info.input_token_logprobs` holds `[logprob, id, text]` from `logprob_start_len` on, and the
token there has no log-probability (strands-sglang#34): so the start is the last token of the
prompt. Starting there also lets the server reuse its cache of the prompt up to that token.
"""

from dataclasses import dataclass
from typing import Any, cast

from idiolect.scoring.base import ScoreRequest
from idiolect.scoring.dialects.base import (
    Question,
    Reading,
    WrongAnswer,
    checked_logprobs,
    field,
    sequence_ids,
)

__all__ = ["SglangDialect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SglangDialect:
    """Asks an SGLang server."""

    name: str = "sglang"
    shares_prompts: bool = True

    def question(self, request: ScoreRequest) -> Question:
        """Ask for the log-probabilities behind the prompt, and for no new token."""
        return Question(
            route="//generate",
            body={
                "input_ids": list(sequence_ids(request)),
                "sampling_params": {"max_new_tokens": 0, "temperature": 0},
                "return_logprob": True,
                "logprob_start_len": len(request.prompt_ids) - 1,
            },
        )

    def read(self, answer: object, request: ScoreRequest) -> Reading:
        """Read the triples; each must hold the id that stands at its position."""
        meta = field(answer, "meta_info")
        rows = field(meta, "input_token_logprobs")
        if not isinstance(rows, list):
            raise WrongAnswer("the answer holds no meta_info.input_token_logprobs")
        counted, total = field(meta, "prompt_tokens"), len(sequence_ids(request))
        if counted is not None and counted != total:
            raise WrongAnswer(f"{total} tokens were sent, the server counted {counted}")
        first = len(request.prompt_ids)
        ids = sequence_ids(request)[first - 1 :]
        if len(rows) != len(ids):
            raise WrongAnswer(
                f"{len(ids)} tokens lie behind logprob_start_len, the answer holds {len(rows)}"
            )
        values = [
            _value(row, token, place)
            for place, (row, token) in enumerate(zip(rows, ids, strict=True), first - 1)
        ]
        if values[0] is not None:
            raise WrongAnswer(
                "the token at logprob_start_len must have no log-probability; the rows are shifted"
            )
        return Reading(logprobs=checked_logprobs(values[1:], first), ranks=None)


def _value(row: object, token: int, place: int) -> object:
    triple = cast("list[Any]", row) if isinstance(row, list) else []
    if len(triple) < 2 or triple[1] != token:
        raise WrongAnswer(
            f"position {place}: asked for token {token}, the answer holds {row!r}; "
            "it is shifted or was tokenised again"
        )
    return triple[0]
