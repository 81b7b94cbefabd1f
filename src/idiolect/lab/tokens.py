"""The targets' tokenizer: whole words of the lab, every digit a token, bytes for the rest.

The vocabulary is read off the world itself: every piece that occurs in a seeded sample of
questions and renderings, then the 256 bytes, so that any text can be encoded and decoded
without loss. The chat template puts a role token before and an end token behind each turn.
"""

import re
from pathlib import Path
from typing import Any

from idiolect.errors import MissingExtra
from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.tasks import SKILLS, take

__all__ = ["BOS", "END", "PAD", "TEMPLATE", "build", "save", "split", "vocabulary"]

PAD, BOS, END = "<|pad|>", "<|bos|>", "<|end|>"
SPECIAL = (PAD, BOS, END, "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "<|assistant|>{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}"
    "{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
PIECES = r" ?[A-Z]\)| ?[A-Za-z]+| ?[0-9]| ?[^\sA-Za-z0-9]+\n*|\n+| +|\s"
"""Words and signs with the space before them, option letters, single digits, line ends."""

CONTEXT_LENGTH = 1024
_SAMPLE = 1_500


def vocabulary() -> list[str]:
    """Return the pieces of the world in sorted order, digits included."""
    pieces = {f"{space}{digit}" for space in ("", " ") for digit in range(10)}
    for skill in SKILLS:
        counts = _SAMPLE if skill != "equations" else 800
        for problem in take(counts, skill, seed=0, split="pretrain", steps=(1, 2, 3, 4, 5)):
            for text in (problem.question, *(render(problem, name) for name in IDIOLECTS)):
                pieces.update(split(text))
    return sorted(pieces)


def split(text: str) -> list[str]:
    """Return the pieces of a text, for counting where no tokenizer is at hand."""
    return re.findall(PIECES, text)


def build() -> Any:
    """Return the tokenizer as transformers' fast tokenizer.

    Raises:
        MissingExtra: transformers is not installed.
    """
    try:
        from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
        from transformers import PreTrainedTokenizerFast
    except ImportError as error:
        raise MissingExtra("transformers", "local", "building the lab's tokenizer") from error

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    words = ["".join(p for p, _ in spelled.pre_tokenize_str(piece)) for piece in vocabulary()]
    ids: dict[str, int] = {}
    for token in (*SPECIAL, *words, *sorted(alphabet)):
        ids.setdefault(token, len(ids))
    # Without merges a piece is either one token, through `ignore_merges`, or single bytes.
    core = Tokenizer(models.BPE(vocab=ids, merges=[], ignore_merges=True))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PIECES), behavior="isolated"), spelled]
    )
    core.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=BOS,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=list(SPECIAL[3:]),
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT_LENGTH,
        padding_side="left",
    )


def save(folder: Path) -> None:
    """Write the tokenizer's files into a model folder."""
    build().save_pretrained(str(folder))
