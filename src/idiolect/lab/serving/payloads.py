"""The JSON of the OpenAI protocol: requests to values, generations to responses.

Beside the official fields the responses to completions carry what vLLM adds on request:
`token_ids`, `prompt_token_ids` (with `return_token_ids`) and `prompt_logprobs`.
"""

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from idiolect.errors import ConfigError
from idiolect.lab.serving.backends import Generation, Sampling, Token
from idiolect.records import Message, content_id

__all__ = [
    "chat_response",
    "chunks",
    "completion_response",
    "error",
    "messages_of",
    "prompts_of",
    "sampling_of",
    "with_top",
]

Json = dict[str, Any]
ROLES = ("system", "developer", "user", "assistant")


def error(message: str, kind: str, *, code: str | None = None) -> Json:
    """Return an error body."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def messages_of(body: Json) -> list[Message]:
    """Return the conversation of a chat request.

    Raises:
        ConfigError: There is none, or a turn is malformed.
    """
    turns = body.get("messages")
    if not isinstance(turns, list) or not turns:
        raise ConfigError(f"messages: found {turns!r}, expected a list of turns; give one at least")
    messages: list[Message] = []
    for place, turn in enumerate(turns):
        role = turn.get("role") if isinstance(turn, dict) else None
        content = turn.get("content") if isinstance(turn, dict) else None
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content)
        if role not in ROLES or not isinstance(content, str):
            raise ConfigError(
                f"messages[{place}]: found {turn!r}, expected a role of {', '.join(ROLES)} and a "
                f"text as content; correct the turn"
            )
        messages.append(Message(role="system" if role == "developer" else role, content=content))
    return messages


def prompts_of(body: Json) -> list[str | list[int]]:
    """Return the prompts of a completion request: texts or token ids.

    Raises:
        ConfigError: There is none.
    """
    prompt = body.get("prompt")
    if isinstance(prompt, str):
        return [prompt]
    if isinstance(prompt, list) and prompt:
        if all(isinstance(part, int) for part in prompt):
            return [prompt]
        if all(isinstance(part, str | list) for part in prompt):
            return prompt
    raise ConfigError(
        f"prompt: found {prompt!r}, expected a text, token ids, or a list of either; give one"
    )


def sampling_of(body: Json, *, chat: bool) -> Sampling:
    """Return how to sample, with the protocol's defaults.

    Raises:
        ConfigError: A value is outside its range.
    """

    def number(name: str, default: Any, low: float, high: float) -> Any:
        value = default if body.get(name) is None else body[name]
        if value is not None and (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise ConfigError(
                f"{name}: found {value!r}, allowed are numbers from {low} to {high}; correct it"
            )
        return value

    longest = number("max_completion_tokens", None, 0, 1e9)
    longest = number("max_tokens", None if chat else 16, 0, 1e9) if longest is None else longest
    asked = "top_logprobs" if chat else "logprobs"
    stop = body.get("stop") or ()
    return Sampling(
        max_tokens=longest,
        temperature=number("temperature", 1.0, 0, 2),
        top_p=number("top_p", 1.0, 0, 1),
        seed=number("seed", None, -(2**63), 2**63 - 1),
        n=number("n", 1, 1, 128),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        top_logprobs=number(asked, 0, 0, 20),
    )


def with_top(sampling: Sampling, top: int) -> Sampling:
    """Return the sampling with at least so many of the likeliest tokens at each place."""
    return replace(sampling, top_logprobs=max(top, sampling.top_logprobs))


def chat_response(body: Json, generations: Sequence[Generation]) -> Json:
    """Return the response to a chat request."""
    return _envelope("chat.completion", body, generations) | {
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": g.text, "refusal": None},
                "finish_reason": g.finish_reason,
                "logprobs": {"content": _content(g.tokens)} if body.get("logprobs") else None,
            }
            for index, g in enumerate(generations)
        ]
    }


def completion_response(body: Json, generations: Sequence[Generation]) -> Json:
    """Return the response to a completion request."""
    echo = bool(body.get("echo"))
    choices: list[Json] = []
    for index, g in enumerate(generations):
        prompt = g.prompt or ()
        shown = [*(prompt if echo else ()), *(g.tokens or ())]
        choice: Json = {
            "index": index,
            "text": g.prompt_text + g.text if echo else g.text,
            "finish_reason": g.finish_reason,
            "logprobs": None if body.get("logprobs") is None else _legacy(shown),
        }
        if body.get("return_token_ids"):
            choice["token_ids"] = [t.id for t in g.tokens or ()]
            choice["prompt_token_ids"] = [t.id for t in prompt]
        if body.get("prompt_logprobs") is not None:
            choice["prompt_logprobs"] = [_prompt_entry(t) for t in prompt]
        choices.append(choice)
    return _envelope("text_completion", body, generations) | {"choices": choices}


def chunks(response: Json, *, with_usage: bool) -> Iterator[Json]:
    """Yield the stream of a finished response: pieces of text, finish reasons, usage."""
    chat = response["object"] == "chat.completion"
    base = {key: response[key] for key in ("id", "created", "model")}
    base["object"] = "chat.completion.chunk" if chat else "text_completion"

    def chunk(index: int, text: str | None, reason: str | None, logprobs: Any = None) -> Json:
        choice: Json = {"index": index, "finish_reason": reason, "logprobs": logprobs}
        if not chat:
            choice["text"] = text or ""
        elif text is None:
            choice["delta"] = {}
        else:
            choice["delta"] = {"content": text}
        return base | {"choices": [choice]}

    for choice in response["choices"]:
        index = choice["index"]
        text = choice["message"]["content"] if chat else choice["text"]
        if chat:
            opening = chunk(index, "", None)
            opening["choices"][0]["delta"]["role"] = "assistant"
            yield opening
        scored = (choice["logprobs"] or {}).get("content") if chat else None
        if scored:
            for token in scored:
                yield chunk(index, token["token"], None, {"content": [token]})
        else:
            for piece in _pieces(text):
                yield chunk(index, piece, None)
        yield chunk(index, None, choice["finish_reason"])
    if with_usage:
        yield base | {"choices": [], "usage": response["usage"]}


def _pieces(text: str, size: int = 8) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _envelope(kind: str, body: Json, generations: Sequence[Generation]) -> Json:
    # A prompt that several choices share is counted once, as the official service does.
    n = int(body.get("n") or 1)
    asked = sum(g.prompt_tokens for g in generations[::n])
    written = sum(g.completion_tokens for g in generations)
    return {
        "id": f"lab-{content_id(body, [g.text for g in generations])}",
        "object": kind,
        "created": int(time.time()),
        "model": body["model"],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": written,
            "total_tokens": asked + written,
        },
    }


def _content(tokens: Sequence[Token] | None) -> list[Json] | None:
    if tokens is None:
        return None
    return [
        {
            "token": t.text,
            "logprob": t.logprob,
            "bytes": list(t.text.encode()),
            "top_logprobs": [
                {"token": text, "logprob": value, "bytes": list(text.encode())}
                for _, text, value in t.top
            ],
        }
        for t in tokens
    ]


def _legacy(tokens: Sequence[Token]) -> Json:
    offsets = itertools.accumulate((len(t.text) for t in tokens), initial=0)
    return {
        "tokens": [t.text for t in tokens],
        "token_logprobs": [t.logprob for t in tokens],
        "top_logprobs": [
            None if t.logprob is None else {text: value for _, text, value in t.top} for t in tokens
        ],
        "text_offset": [offset for offset, _ in zip(offsets, tokens, strict=False)],
    }


def _prompt_entry(token: Token) -> Json | None:
    """Return vLLM's entry of a prompt token: the token itself and the likeliest ones, by id."""
    if token.logprob is None:
        return None
    entry: Json = {
        str(i): {"logprob": value, "rank": place, "decoded_token": text}
        for place, (i, text, value) in enumerate(token.top, start=1)
    }
    entry[str(token.id)] = {
        "logprob": token.logprob,
        "rank": token.rank,
        "decoded_token": token.text,
    }
    return entry
