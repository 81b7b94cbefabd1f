"""The only place where a chat template is applied: ids, and which of them are the response.

A prompt is rendered with the generation prompt and tokenised once; the response is tokenised
alone and appended. That is what generation sees, what scoring shares between the responses
of one prompt, and what training trains on. The end of turn is one id, known and separate.

A base model has no template. It gets a plain format, chosen by name: a template like any
other, shipped here, that writes the turns out as text and ends with the end of sequence.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from idiolect.errors import ConfigError, TemplateError, nearest
from idiolect.records import Message

__all__ = ["PLAIN_FORMATS", "ChatFormat", "Rendered", "strip_thinking"]

PLAIN_FORMATS: dict[str, str] = {
    # Question and answer on lines of their own; what many base models saw in pretraining.
    "question-answer": (
        "{% for m in messages %}"
        "{% if m.role == 'system' %}{{ m.content }}\n\n"
        "{% elif m.role == 'user' %}Question: {{ m.content }}\n"
        "{% elif m.role == 'assistant' %}Answer:\n{{ m.content }}{{ eos_token }}\n"
        "{% else %}{{ raise_exception('the plain format knows no ' + m.role + ' turns') }}"
        "{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}Answer:\n{% endif %}"
    ),
    # The turns and nothing else.
    "bare": (
        "{% for m in messages %}"
        "{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}\n"
        "{% endfor %}"
    ),
}

_PROBE = "Zebra 7 crossing."
_THINKING = re.compile(r"\s*<think>.*?</think>\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rendered:
    """One prompt with one response, as ids."""

    prompt_ids: tuple[int, ...]
    response_ids: tuple[int, ...]
    terminator_id: int | None
    """The end of turn; None when the response does not end its turn."""


class ChatFormat:
    """Turns messages into ids through one tokenizer and one template.

    Args:
        tokenizer: A Hugging Face tokenizer.
        name: The model's name, for messages.
        plain: Name of a plain format; needed where the tokenizer has no template, and used
            instead of its template where it has one.
        template_kwargs: Handed to the template, e.g. `{"enable_thinking": False}`.
        thinking: What happens to a `<think>` block at the start of a response.

    Raises:
        TemplateError: there is no template, or it does not leave a rendered prompt as it is
            when a response follows (the prefix property).
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        name: str,
        plain: str | None = None,
        template_kwargs: Mapping[str, Any] | None = None,
        thinking: Literal["keep", "strip"] = "keep",
    ) -> None:
        self._tokenizer = tokenizer
        self._name = name
        self._kwargs = dict(template_kwargs or {})
        self._thinking = thinking
        self.template = _template(tokenizer, name, plain)
        # A chat template writes its own special tokens. A plain format writes none, so what the
        # tokenizer puts before every text must be put there.
        self._lead_ids = _leading_ids(tokenizer) if plain else ()
        self.label = f"plain format {plain!r}" if plain else "its own chat template"
        self._suffix = self._closing_text()
        ids = self._encode(self._suffix)
        if not self._suffix.strip():
            raise TemplateError(
                f"{name}: {self.label} puts nothing after a response, so its end cannot be "
                "learned or scored; use a template that ends the assistant's turn"
            )
        self.suffix_ids: tuple[int, ...] = ids
        """Everything that the template puts after a response: end of turn, then newlines."""

        self.terminator_id: int = _terminator(tokenizer, ids)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change with the template, its arguments or the thinking rule."""
        text = json.dumps([self.template, self._kwargs, self._thinking], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def prompt_text(self, messages: Sequence[Message]) -> str:
        """Return the rendered prompt, generation prompt included."""
        return self._render(messages, add_generation_prompt=True)

    def prompt_ids(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Return the ids of the rendered prompt.

        Raises:
            TemplateError: the template refuses the messages, or renders them to nothing.
        """
        ids = self._lead_ids + self._encode(self.prompt_text(messages))
        if not ids:
            raise TemplateError(
                f"{self._name}: {self.label} renders the prompt to no tokens; "
                "there is nothing that a response could follow"
            )
        return ids

    def response_ids(self, text: str) -> tuple[int, ...]:
        """Return the ids of a response, tokenised alone, without the end of turn."""
        return self._encode_inside(self.response_text(text))

    def response_text(self, text: str) -> str:
        """Return the text of a response that is scored and trained on."""
        return strip_thinking(text) if self._thinking == "strip" else text

    def render(
        self,
        messages: Sequence[Message],
        text: str,
        *,
        complete: bool = True,
        token_ids: Sequence[int] | None = None,
    ) -> Rendered:
        """Return the ids of a prompt with a response.

        Args:
            messages: The turns before the response.
            text: The response.
            complete: Whether the response ends its turn; a cut-off one has no terminator.
            token_ids: The ids that this very model generated for the text. They are taken as they
                are, because its tokenizer could divide the text otherwise; only where thoughts
                are cut out of the text is it tokenised anew.

        Raises:
            TemplateError: the template changes the prompt or the response when they stand
                together.
        """
        kept = self.response_text(text)
        self._check_prefix(messages, kept)
        generated = tuple(token_ids) if token_ids and kept == text else None
        return Rendered(
            self.prompt_ids(messages),
            generated or self.response_ids(text),
            self.terminator_id if complete else None,
        )

    def joint_ids(self, messages: Sequence[Message], text: str) -> tuple[int, ...]:
        """Return the ids of the whole conversation rendered and tokenised in one piece.

        This is what trainers do that render the full conversation. It can differ from
        `render` where a token would straddle the seam.
        """
        turns = [*messages, Message(role="assistant", content=self.response_text(text))]
        return self._lead_ids + self._encode(self._render(turns, add_generation_prompt=False))

    def unconditional_ids(self) -> tuple[int, ...]:
        """Return the context of a response scored without its prompt: one boundary token.

        Raises:
            TemplateError: the tokenizer has neither a begin- nor an end-of-sequence token.
        """
        token = self._tokenizer.bos_token_id
        token = self._tokenizer.eos_token_id if token is None else token
        if token is None:
            raise TemplateError(
                f"{self._name}: has neither a begin- nor an end-of-sequence token, so a "
                "response cannot be scored without its prompt; leave out `ifd`"
            )
        return (int(token),)

    def _render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        from jinja2 import TemplateError as JinjaError

        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return self._tokenizer.apply_chat_template(
                turns,
                chat_template=self.template,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                **self._kwargs,
            )
        except JinjaError as error:
            roles = ", ".join(message.role for message in messages)
            raise TemplateError(
                f"{self._name}: {self.label} refuses the turns ({roles}): {error}"
            ) from None

    def _check_prefix(self, messages: Sequence[Message], text: str) -> str:
        """Check that prompt + response is how the conversation renders; return what follows."""
        prompt = self.prompt_text(messages)
        turns = [*messages, Message(role="assistant", content=text)]
        whole = self._render(turns, add_generation_prompt=False)
        # Many templates trim a turn. The ids of the response keep its outer white space.
        start = whole.find(text.strip(), len(prompt)) if whole.startswith(prompt) else -1
        if start < 0 or whole[len(prompt) : start].strip():
            found = whole[len(prompt) :] if whole.startswith(prompt) else whole
            raise TemplateError(
                f"{self._name}: {self.label} breaks the prefix property: after the prompt, "
                f"which ends with {prompt[-30:]!r}, it writes {found[:60]!r} instead of the "
                f"response {text[:30]!r}. Scoring and training would see other tokens. Change "
                "the template's arguments (for thinking models: "
                "--set target.template_kwargs.enable_thinking=false), or use a plain format"
            )
        return whole[start + len(text.strip()) :]

    def _closing_text(self) -> str:
        return self._check_prefix([Message(role="user", content="Hello")], _PROBE)

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(text, add_special_tokens=False))

    def _encode_inside(self, text: str) -> tuple[int, ...]:
        """Tokenise a text that something precedes.

        SentencePiece tokenizers put a space before the first word of any text. Behind a
        sentinel they do not; its ids are taken off again.
        """
        plain = self._encode(text)
        if not self._adds_space:
            return plain
        behind = self._encode("\n" + text)
        sentinel = self._encode("\n")
        return behind[len(sentinel) :] if behind[: len(sentinel)] == sentinel else plain

    @cached_property
    def _adds_space(self) -> bool:
        decoded = self._tokenizer.convert_ids_to_tokens(list(self._encode("a")))
        return bool(decoded) and str(decoded[0]).startswith("▁")


def strip_thinking(text: str) -> str:
    """Return a response without the `<think>` block at its start."""
    thoughts = _THINKING.match(text)
    return text[thoughts.end() :] if thoughts else text


def _leading_ids(tokenizer: Any) -> tuple[int, ...]:
    """Return what the tokenizer itself puts before a text: a begin-of-sequence token or none."""
    bos = tokenizer.bos_token_id
    first = tuple(tokenizer.encode("a", add_special_tokens=True))[:1]
    return first if bos is not None and first == (bos,) else ()


def _terminator(tokenizer: Any, suffix_ids: Sequence[int]) -> int:
    """Return the id that ends a turn: the first special one, where there is one.

    Some templates (Llama 2) write a space before it. Generation must not stop at a space.
    """
    added: Mapping[int, Any] = tokenizer.added_tokens_decoder
    special = {*tokenizer.all_special_ids, *(i for i, token in added.items() if token.special)}
    return next((i for i in suffix_ids if i in special), suffix_ids[0])


def _template(tokenizer: Any, name: str, plain: str | None) -> str:
    if plain is not None:
        if plain not in PLAIN_FORMATS:
            raise ConfigError(
                f"target.format: unknown plain format {plain!r}{nearest(plain, PLAIN_FORMATS)} "
                f"(allowed: {', '.join(PLAIN_FORMATS)})"
            )
        return PLAIN_FORMATS[plain]
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if not template:
        raise TemplateError(
            f"{name}: the tokenizer has no chat template; for a base model choose a plain "
            f"format: --format {' or --format '.join(PLAIN_FORMATS)}"
        )
    return str(template)
