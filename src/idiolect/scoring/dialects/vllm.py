"""vLLM: `prompt_logprobs` of `/v1/completions`.

One entry for each prompt token: null for the first, then `{id: {logprob, rank, ...}}`, with the
token of the prompt in it whatever else is. Source: vLLM's OpenAI-compatible server; the request
field is an extension of it.
"""

from dataclasses import dataclass
from typing import Any, cast

from idiolect.scoring.base import ScoreRequest
from idiolect.scoring.dialects.base import (
    Question,
    Reading,
    WrongAnswer,
    check_length,
    checked_logprobs,
    field,
    only_choice,
    sequence_ids,
)

__all__ = ["VllmDialect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmDialect:
    """Asks a vLLM server."""

    model: str
    alternatives: int = 0
    """Tokens beside that of the prompt at each position; some proxies take 0 for `none`."""

    name: str = "vllm"
    # With prompt_logprobs vLLM does not read its prefix cache, and must not: reading it has
    # returned rows that were never computed (vllm#42019).
    shares_prompts: bool = False

    def question(self, request: ScoreRequest) -> Question:
        """Ask for one token, the least that every version generates."""
        return Question(
            route="/completions",
            body={
                "model": self.model,
                "prompt": list(sequence_ids(request)),
                "max_tokens": 1,
                "temperature": 0,
                "prompt_logprobs": self.alternatives,
            },
        )

    def read(self, answer: object, request: ScoreRequest) -> Reading:
        """Read the entries; each must hold the id that stands at its position."""
        entries = only_choice(answer).get("prompt_logprobs")
        if not isinstance(entries, list):
            raise WrongAnswer("the answer holds no prompt_logprobs")
        ids = sequence_ids(request)
        check_length(answer, len(ids))
        if len(entries) != len(ids):
            raise WrongAnswer(
                f"{len(ids)} tokens were sent, prompt_logprobs holds {len(entries)} entries"
            )
        if entries[0] is not None:
            raise WrongAnswer(
                "the first token has no context and must have no log-probability; "
                "the entries are shifted"
            )
        found = [_entry(entries[place], ids[place], place) for place in range(1, len(ids))]
        first = len(request.prompt_ids)
        targets = found[first - 1 :]
        return Reading(
            logprobs=checked_logprobs([field(entry, "logprob") for entry in targets], first),
            ranks=_ranks([field(entry, "rank") for entry in targets], first),
        )


def _entry(entry: object, token: int, place: int) -> object:
    found = field(entry, str(token))
    if found is None:
        held = ", ".join(cast("dict[str, Any]", entry)) if isinstance(entry, dict) else repr(entry)
        raise WrongAnswer(
            f"position {place}: asked for token {token}, the answer holds {held or 'nothing'}; "
            "it is shifted or was tokenised again"
        )
    return found


def _ranks(values: list[object], first: int) -> tuple[int, ...] | None:
    if all(value is None for value in values):
        return None
    for place, value in enumerate(values, first):
        if not isinstance(value, int) or value < 1:
            raise WrongAnswer(f"position {place}: found {value!r} for a rank, expected 1 or more")
    return tuple(cast("list[int]", values))
