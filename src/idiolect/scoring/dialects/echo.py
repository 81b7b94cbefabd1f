"""`echo`: the prompt comes back with the answer, with log-probabilities (old OpenAI completions).

Spoken by llama-cpp-python and by gateways. Traps, all of which are looked for here:

- Tokens come back as texts. They are compared with what the target's tokenizer makes of each id;
  only a token that is a piece of a character may come back as anything.
- A begin-of-sequence token is left out of the answer. Where the prompt has none, llama-cpp-python
  gives each token the row that was computed from that very token: right tokens, wrong numbers
  (llama-cpp-python#1983). Such rows change when the last token changes; see `rows_are_shifted`.
- Some servers take texts only. Then the text must tokenise back to the ids, and the server must
  count as many tokens.
- `max_tokens: 0` means `no limit` to some, so one token is asked for and thrown away.
"""

import dataclasses
from collections.abc import Sequence
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

__all__ = ["EchoDialect", "rows_are_shifted"]

_TOLERANCE_NATS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoDialect:
    """Asks a server that echoes the prompt."""

    model: str
    tokenizer: Any
    as_text: bool
    """Send the text, for servers that take no ids."""

    needs_bos: bool = False
    """The server was found to give right rows behind a begin of sequence; only such are sent."""

    name: str = "echo"
    shares_prompts: bool = False
    pieces: dict[int, str] = dataclasses.field(
        default_factory=dict[int, str], repr=False, compare=False
    )
    """Texts of the tokens seen so far."""

    def question(self, request: ScoreRequest) -> Question:
        """Ask for one token, and for the prompt with the log-probability of each token."""
        ids = sequence_ids(request)
        if self.needs_bos and ids[0] != self.tokenizer.bos_token_id:
            raise WrongAnswer(
                "the prompt has no begin-of-sequence token, and servers that echo may give "
                "shifted rows then; use a server that tells ids (vLLM, SGLang)"
            )
        return Question(
            route="/completions",
            body={
                "model": self.model,
                "prompt": self._text(ids) if self.as_text else list(ids),
                "max_tokens": 1,
                "temperature": 0,
                "echo": True,
                "logprobs": 1,
            },
        )

    def read(self, answer: object, request: ScoreRequest) -> Reading:
        """Read the log-probabilities of the tokens that are those of the request."""
        ids = sequence_ids(request)
        if self.as_text and field(field(answer, "usage"), "prompt_tokens") is None:
            raise WrongAnswer("the server does not say how many tokens the text became")
        check_length(answer, len(ids))
        rows = _rows(answer)
        shift = self._align([token for token, _, _ in rows], ids)
        values = [value for _, value, _ in rows]
        if values[0] is not None and shift == 0:
            raise WrongAnswer(
                "the first token has no context and must have no log-probability; "
                "the rows are shifted"
            )
        first = len(request.prompt_ids)
        targets = values[first - shift : len(ids) - shift]
        return Reading(logprobs=checked_logprobs(targets, first), ranks=None)

    def best_of_last_row(self, answer: object, request: ScoreRequest) -> float:
        """Return the greatest log-probability of the row that predicts the last token."""
        ids = sequence_ids(request)
        rows = _rows(answer)
        top = rows[len(ids) - 1 - self._align([token for token, _, _ in rows], ids)][2]
        if not isinstance(top, dict) or not top:
            raise WrongAnswer(
                "the answer holds no top_logprobs, so a shift of the rows could not be noticed"
            )
        return max(checked_logprobs(list(cast("dict[str, Any]", top).values()), len(ids) - 1))

    def _align(self, texts: Sequence[object], ids: tuple[int, ...]) -> int:
        """Return how many leading ids the answer leaves out: none, or the begin of sequence."""
        reasons: list[str] = []
        for shift in range(2 if ids[0] == self.tokenizer.bos_token_id else 1):
            wanted = ids[shift:]
            # Behind the prompt comes the generated token, or none where that is the end.
            if len(texts) - len(wanted) not in (0, 1):
                reasons.append(f"{len(wanted)} tokens were sent, {len(texts)} came back")
                continue
            wrong = [
                place
                for place, (text, token) in enumerate(zip(texts, wanted, strict=False), shift)
                if not self._is(text, token, is_first=place == shift)
            ]
            if not wrong:
                return shift
            place = wrong[0]
            reasons.append(
                f"position {place}: asked for token {ids[place]} {self._piece(ids[place])!r}, "
                f"the answer holds {texts[place - shift]!r}"
            )
        raise WrongAnswer(f"{reasons[0]}; the answer is shifted or was tokenised again")

    def _is(self, text: object, token: int, *, is_first: bool) -> bool:
        """Return whether a text can be what a server calls a token."""
        if isinstance(text, str) and text.startswith("token_id:"):
            return text == f"token_id:{token}"
        piece = self._piece(token)
        if "\ufffd" in piece:  # a piece of a character: servers show it as they like
            return True
        names = {piece, str(self.tokenizer.convert_ids_to_tokens(token))}
        if token in self.tokenizer.all_special_ids:
            names.add("")
        if is_first:
            names.add(piece.removeprefix(" "))
        return text in names

    def _piece(self, token: int) -> str:
        """Return the text of a token inside a text; alone, some would lose their space."""
        if token not in self.pieces:
            anchor = self.tokenizer.encode("a", add_special_tokens=False)
            before = self._decode(anchor)
            self.pieces[token] = self._decode([*anchor, token]).removeprefix(before)
        return self.pieces[token]

    def _text(self, ids: tuple[int, ...]) -> str:
        # The server adds the begin of sequence itself. Where it does not, its count tells.
        body = ids[1:] if ids[0] == self.tokenizer.bos_token_id else ids
        text = self._decode(body)
        if tuple(self.tokenizer.encode(text, add_special_tokens=False)) != body:
            raise WrongAnswer(
                "the server takes text only, and the text of this row does not tokenise back to "
                "its ids; use a server that takes ids (vLLM, SGLang)"
            )
        return text

    def _decode(self, ids: Sequence[int]) -> str:
        return str(
            self.tokenizer.decode(
                list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )


def rows_are_shifted(best_of_last_rows: Sequence[float]) -> bool:
    """Return whether rows were computed from the token that they should predict.

    Args:
        best_of_last_rows: Of requests that differ in their last token only. What predicts that
            token has not seen it, so the values agree, up to the server's rounding.
    """
    return max(best_of_last_rows) - min(best_of_last_rows) > _TOLERANCE_NATS


def _rows(answer: object) -> list[tuple[object, object, object]]:
    """Return text, log-probability and alternatives of each token that came back."""
    logprobs = only_choice(answer).get("logprobs")
    texts, values = field(logprobs, "tokens"), field(logprobs, "token_logprobs")
    if not isinstance(texts, list) or not isinstance(values, list) or not texts:
        raise WrongAnswer("the answer holds no logprobs.tokens with token_logprobs")
    tops = field(logprobs, "top_logprobs")
    tops = tops if isinstance(tops, list) and len(tops) == len(texts) else [None] * len(texts)
    if len(texts) != len(values):
        raise WrongAnswer(f"{len(texts)} tokens came back with {len(values)} log-probabilities")
    return list(zip(texts, values, tops, strict=True))
