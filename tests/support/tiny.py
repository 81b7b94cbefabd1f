"""Tiny models and tokenizers, made on the spot: nothing is downloaded.

The templates are written for these tests in the style of well-known ones. The weights are
random, with an output layer scaled so that the logits have the spread of a real model: with
flat logits every log-probability is -ln V and an error in the tokens would not show.
"""

import json
import os
import resource
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}"
    "<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
# Older answers lose their thoughts; the last one gets a block even where it has none.
QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' %}"
    "{% set answer = m.content.split('</think>')[-1].lstrip('\n') %}"
    "{% set thought = m.content.split('</think>')[0].split('<think>')[-1].strip('\n')"
    " if '</think>' in m.content else '' %}"
    "{% if loop.last %}<think>\n{{ thought }}\n</think>\n\n{% endif %}{{ answer }}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n"
    "{% endif %}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% elif m.role == 'assistant' %}{{ m.content }}{{ eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}"
    "{% endif %}{% endfor %}"
)
# A space stands between the response and the end of turn.
LLAMA2 = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }} {{ eos_token }}{% endif %}{% endfor %}"
)
TEMPLATES = {
    "chatml": CHATML,
    "llama3": LLAMA3,
    "gemma": GEMMA,
    "qwen3": QWEN3,
    "mistral": MISTRAL,
    "llama2": LLAMA2,
}
TERMINATORS = {
    "chatml": "<|im_end|>",
    "llama3": "<|eot_id|>",
    "gemma": "<end_of_turn>",
    "qwen3": "<|im_end|>",
    "mistral": "</s>",
    "llama2": "</s>",
}

SPECIALS = (
    *("<unk>", "<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>"),
    *("<|end_header_id|>", "<|eot_id|>", "<start_of_turn>", "<end_of_turn>"),
    *("[INST]", "[/INST]"),
)
CORPUS = (
    "How many apples are left when she eats 3 of the 12 apples?",
    "Natalie has 12 apples. She eats 3 of them. 12 - 3 = 9. The answer is 9.",
    "Let us think step by step. Final Answer: 42",
    "The train needs 2 hours for 120 kilometres, so it goes 60 kilometres in an hour.",
    "Answer the question. The result is correct because each step follows from the last.",
)


def byte_level_tokenizer(template: str | None, *, pad: str | None = "<pad>") -> Any:
    """Return a tokenizer that round-trips every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    return _wrapped(PreTrainedTokenizerFast, tokenizer, template, pad)


def sentencepiece_tokenizer(template: str | None) -> Any:
    """Return a tokenizer that, like SentencePiece, writes a space before the first word."""
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )
    from transformers import PreTrainedTokenizerFast

    learned = Tokenizer(models.BPE(unk_token="<unk>"))
    learned.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=560, special_tokens=[*SPECIALS, *bytes_], show_progress=False
    )
    learned.train_from_iterator(CORPUS * 4, trainer)
    state = json.loads(learned.to_str())["model"]
    model = models.BPE(
        vocab=state["vocab"],
        merges=[tuple(merge) for merge in state["merges"]],
        unk_token="<unk>",
        byte_fallback=True,
    )
    tokenizer = Tokenizer(model)
    tokenizer.add_special_tokens(list(SPECIALS))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    bos = tokenizer.token_to_id("<s>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", bos)]
    )
    return _wrapped(PreTrainedTokenizerFast, tokenizer, template, "<pad>")


def _wrapped(kind: Any, tokenizer: Any, template: str | None, pad: str | None) -> Any:
    wrapped = kind(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token=pad,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = template
    return wrapped


def save_model(folder: Path, tokenizer: Any, *, max_length: int = 256, seed: int = 0) -> Path:
    """Save a two-layer Llama with grouped-query attention for a tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=False,
        initializer_range=0.2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
        probe = torch.randint(len(tokenizer), (4, 32))
    with torch.no_grad():
        model.lm_head.weight *= 3 / model(probe).logits.std()
    # Only now: a model that is made with a pad token has a zero in its place.
    model.config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def run_main(
    arguments: Sequence[str], log: Path, largest_file: int | None, env: Mapping[str, str]
) -> None:
    """Run the command line in a child process, print to a file, and exit with its code.

    `largest_file` is a number of bytes that no file of the process may grow beyond.
    """
    os.environ.update(env)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    import torch

    torch.set_num_threads(1)
    from idiolect.cli import main

    sys.exit(main(list(arguments)))


def tables(run: Path, *, without: Sequence[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of a run, table by table, without times and without the named columns.

    The events are left out: they are a diary, which tells of every start.
    """
    left_out = {"at", *without}
    db = sqlite3.connect(f"{(run / 'run.sqlite').as_uri()}?mode=ro", uri=True)
    try:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        found = {}
        for name in set(names) - {"events"}:
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
            kept = ", ".join(f'"{column}"' for column in columns if column not in left_out)
            found[name] = db.execute(f"SELECT {kept} FROM {name} ORDER BY rowid").fetchall()
        return found
    finally:
        db.close()


def write_jsonl(path: Path, rows: Sequence[Any]) -> Path:
    """Write rows, one JSON value a line; texts are written as they are."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def arithmetic_rows(count: int) -> list[dict[str, Any]]:
    """Return rows with a reference that is right, one response that is and one that is not."""
    return [
        {
            "id": f"sum-{n}",
            "question": f"How many apples are {n} apples and {2 * n + 1} apples?",
            "reference": f"{n} + {2 * n + 1} = {3 * n + 1}.\nFinal Answer: {3 * n + 1}",
            "answer": str(3 * n + 1),
            "responses": {
                "right": f"Let us think. The answer is {3 * n + 1}.",
                "wrong": f"The answer is {3 * n + 2}.",
            },
        }
        for n in range(1, count + 1)
    ]
