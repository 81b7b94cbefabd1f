"""A causal model from a folder behind the server: sampling and log-probabilities, exactly.

Batches are the samples of one request and nothing else, so an answer never depends on who else
asks. Requests wait for each other.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from idiolect.errors import ConfigError
from idiolect.lab.serving.backends import Generation, Sampling, Token
from idiolect.lab.skills import load
from idiolect.records import Message

__all__ = ["Local"]


class Local:
    """A model in an ordinary Hugging Face folder."""

    def __init__(self, folder: Path) -> None:
        self._model, self._tokenizer = load(folder)
        self._lock = threading.Lock()
        self._context: int = self._model.config.max_position_embeddings
        ends = self._model.generation_config.eos_token_id
        self._ends: set[int] = set(ends if isinstance(ends, list) else [ends])

    def chat(self, messages: Sequence[Message], sampling: Sampling) -> list[Generation]:
        """Return sampled answers to a conversation."""
        turns = [{"role": m.role, "content": m.content} for m in messages]
        ids = self._tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_dict=False
        )
        with self._lock, torch.inference_mode():
            return self._generate(ids, sampling, score_prompt=False)

    def complete(
        self, prompt: str | Sequence[int], sampling: Sampling, *, score_prompt: bool
    ) -> list[Generation]:
        """Return sampled continuations of a text or of token ids."""
        if isinstance(prompt, str):
            text, ids = prompt, list(self._tokenizer(prompt)["input_ids"])
        else:
            ids = list(prompt)
            text = self._tokenizer.decode(ids, skip_special_tokens=False)
        with self._lock, torch.inference_mode():
            made = self._generate(ids, sampling, score_prompt=score_prompt)
        return [replace(generation, prompt_text=text) for generation in made]

    def _generate(
        self, ids: list[int], sampling: Sampling, *, score_prompt: bool
    ) -> list[Generation]:
        room = self._context - len(ids)
        budget = room if sampling.max_tokens is None else sampling.max_tokens
        if not ids or budget > room:
            raise ConfigError(
                f"prompt: found {len(ids)} tokens and {budget} new ones asked for, allowed are "
                f"at least 1 and {self._context} together, the model's maximum context length; "
                f"shorten the prompt or lower max_tokens"
            )
        out = self._model(
            input_ids=torch.tensor([ids], device=self._model.device), use_cache=budget > 0
        )
        logprobs = out.logits[0].float().log_softmax(-1)
        scored = self._prompt_tokens(ids, logprobs, sampling) if score_prompt else None
        rows = self._continue(out.past_key_values, logprobs[-1], sampling, budget)
        return [
            Generation(
                text=self._text(row, sampling),
                finish_reason=reason,
                prompt_tokens=len(ids),
                completion_tokens=len(row),
                tokens=tuple(row),
                prompt=scored,
            )
            for row, reason in rows
        ]

    def _prompt_tokens(
        self, ids: list[int], logprobs: Tensor, sampling: Sampling
    ) -> tuple[Token, ...]:
        first = Token(id=ids[0], text=self._decode(ids[0]), logprob=None, rank=None)
        rest = [
            self._token(token, logprobs[place], sampling) for place, token in enumerate(ids[1:])
        ]
        return (first, *rest)

    def _continue(
        self, cache: Any, logprobs: Tensor, sampling: Sampling, budget: int
    ) -> list[tuple[list[Token], str]]:
        """Return tokens and finish reason of each sample; ends of turn are not among them."""
        rows: list[list[Token]] = [[] for _ in range(sampling.n)]
        reasons: list[str | None] = [None] * sampling.n
        if budget == 0:
            return [(row, "length") for row in rows]
        cache.batch_repeat_interleave(sampling.n)
        heads = logprobs.expand(sampling.n, -1)
        sources = [_source(sampling.seed, place) for place in range(sampling.n)]
        while True:
            chosen = [
                _draw(head, sampling, source) for head, source in zip(heads, sources, strict=True)
            ]
            for place, (row, token) in enumerate(zip(rows, chosen, strict=True)):
                if reasons[place] is not None:
                    continue
                if token in self._ends:
                    reasons[place] = "stop"
                    continue
                row.append(self._token(token, heads[place], sampling))
                if any(stop in self._joined(row) for stop in sampling.stop):
                    reasons[place] = "stop"
                elif len(row) == budget:
                    reasons[place] = "length"
            if all(reasons):
                return [(row, str(why)) for row, why in zip(rows, reasons, strict=True)]
            out = self._model(
                input_ids=torch.tensor(chosen, device=heads.device)[:, None],
                past_key_values=cache,
                use_cache=True,
            )
            heads = out.logits[:, -1].float().log_softmax(-1)

    def _token(self, token: int, logprobs: Tensor, sampling: Sampling) -> Token:
        value = logprobs[token]
        top: list[tuple[int, str, float]] = []
        if sampling.top_logprobs:
            best = logprobs.topk(sampling.top_logprobs)
            top = [
                (int(i), self._decode(int(i)), float(v))
                for v, i in zip(best.values, best.indices, strict=True)
            ]
        return Token(
            id=token,
            text=self._decode(token),
            logprob=float(value),
            rank=int((logprobs > value).sum()) + 1,
            top=tuple(top),
        )

    def _text(self, row: list[Token], sampling: Sampling) -> str:
        text = self._joined(row)
        for stop in sampling.stop:
            text = text.split(stop)[0]
        return text

    def _joined(self, row: list[Token]) -> str:
        return self._tokenizer.decode([t.id for t in row], skip_special_tokens=True)

    def _decode(self, token: int) -> str:
        return self._tokenizer.decode([token], skip_special_tokens=False)


def _source(seed: int | None, place: int) -> torch.Generator:
    """Return the randomness of one sample; it depends on the seed and its place alone."""
    source = torch.Generator()
    if seed is None:
        source.seed()
    else:
        # What a generator takes has 64 bits, and a request may use 62 of them.
        source.manual_seed((seed * 1_000_003 + place) % 2**63)
    return source


def _draw(logprobs: Tensor, sampling: Sampling, source: torch.Generator) -> int:
    """Return the next token: the likeliest at temperature 0, else one of the nucleus."""
    if sampling.temperature == 0:
        return int(logprobs.argmax())
    chances = (logprobs / sampling.temperature).softmax(-1).cpu()
    if sampling.top_p < 1:
        ordered, order = chances.sort(descending=True)
        outside = ordered.cumsum(-1) - ordered >= sampling.top_p
        outside[0] = False  # The likeliest stays, also where top_p is 0.
        chances[order[outside]] = 0.0
    return int(torch.multinomial(chances, 1, generator=source))
