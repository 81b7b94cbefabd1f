"""Who answers behind the server: the scripted teacher, or a model from a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from idiolect.errors import ConfigError
from idiolect.lab.teacher import Knobs, reply
from idiolect.lab.tokens import split
from idiolect.records import Message

__all__ = ["Backend", "Generation", "Sampling", "Teacher", "Token"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How an answer is drawn."""

    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    n: int = 1
    stop: tuple[str, ...] = ()
    top_logprobs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token with its log-probability in nats; None for the first of a text."""

    id: int
    text: str
    logprob: float | None
    rank: int | None
    top: tuple[tuple[int, str, float], ...] = ()
    """Ids, texts and log-probabilities of the most likely tokens at this place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One answer. `tokens` is None where there is no model that could have scored them."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    tokens: tuple[Token, ...] | None = None
    prompt: tuple[Token, ...] | None = None
    prompt_text: str = ""


class Backend(Protocol):
    """Answers requests. Called from several threads."""

    def chat(self, messages: Sequence[Message], sampling: Sampling) -> list[Generation]:
        """Return `sampling.n` answers."""
        ...

    def complete(
        self, prompt: str | Sequence[int], sampling: Sampling, *, score_prompt: bool
    ) -> list[Generation]:
        """Return `sampling.n` continuations, with the prompt's own tokens scored if asked."""
        ...


class Teacher:
    """The scripted teacher. Its tokens are the pieces of the targets' tokenizer, unscored."""

    def __init__(self, knobs: Knobs | None = None) -> None:
        self.knobs = knobs or Knobs()

    def chat(self, messages: Sequence[Message], sampling: Sampling) -> list[Generation]:
        """Return the replies to a request."""
        first = (sampling.seed or 0) * sampling.n
        asked = sum(len(split(message.content)) for message in messages)
        answers: list[Generation] = []
        for sample in range(first, first + sampling.n):
            text = reply(messages, self.knobs, sample=sample)
            for stop in sampling.stop:
                text = text.split(stop)[0]
            pieces = split(text)
            kept = pieces if sampling.max_tokens is None else pieces[: sampling.max_tokens]
            answers.append(
                Generation(
                    text="".join(kept),
                    finish_reason="stop" if len(kept) == len(pieces) else "length",
                    prompt_tokens=asked,
                    completion_tokens=len(kept),
                )
            )
        return answers

    def complete(
        self, prompt: str | Sequence[int], sampling: Sampling, *, score_prompt: bool
    ) -> list[Generation]:
        """Refuse: the teacher is a script and continues no text."""
        raise ConfigError(
            "lab:teacher: it answers chat requests only, a completion was asked for; "
            "use /v1/chat/completions"
        )
