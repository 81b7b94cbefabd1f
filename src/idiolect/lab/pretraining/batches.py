"""Conversations to token batches: padded little, mixed well, the same for the same seed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from idiolect.lab.pretraining.mix import Mix, Turn, pool

__all__ = ["Batch", "steps_of_pool"]

STEPS_PER_POOL = 8
BATCHES_PER_STEP = 4
TOKENS_PER_EXAMPLE = 52
"""Mean length of an example, only used to size a pool."""


class Batch(NamedTuple):
    """Token ids [rows, time], right-padded, and which of them are learned."""

    ids: Tensor
    scored: Tensor


def steps_of_pool(
    mix: Mix, native: str, tokenizer: Any, *, seed: int, number: int, tokens_per_step: int
) -> list[list[Batch]]:
    """Return the training steps of one pool, each a few batches of similar lengths.

    The pool is sorted by length and cut into as many runs as there are batches; a step gets
    short, middle and long ones, so that its mix is that of the pool and little is padding.
    """
    size = STEPS_PER_POOL * tokens_per_step // TOKENS_PER_EXAMPLE
    conversations = pool(mix, native, seed=seed, number=number, size=size)
    rows = sorted(_encoded(conversations, tokenizer), key=lambda row: len(row[0]))
    wanted = STEPS_PER_POOL * BATCHES_PER_STEP
    budget = sum(len(ids) for ids, _ in rows) / wanted
    batches: list[Batch] = []
    taken: list[tuple[list[int], list[bool]]] = []
    total = 0
    for row in rows:
        taken.append(row)
        total += len(row[0])
        if total >= budget * (len(batches) + 1) - 1e-6:
            batches.append(_padded(taken, tokenizer.pad_token_id))
            taken = []
    if taken:
        batches.append(_padded(taken, tokenizer.pad_token_id))
    return [batches[place::STEPS_PER_POOL] for place in range(STEPS_PER_POOL)]


def _encoded(
    conversations: Sequence[Sequence[Turn]], tokenizer: Any
) -> list[tuple[list[int], list[bool]]]:
    """Return ids and which of them are learned: responses and their end tokens."""
    texts = [text for turns in conversations for turn in turns for text in turn]
    encoded = iter(tokenizer(texts, add_special_tokens=False)["input_ids"])
    bos, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    user, assistant = tokenizer.convert_tokens_to_ids(["<|user|>", "<|assistant|>"])
    rows: list[tuple[list[int], list[bool]]] = []
    for turns in conversations:
        ids, scored = [bos], [False]
        for question, _ in turns:
            asked, answered = next(encoded), next(encoded)
            prompt = [user, *asked, end, assistant] if question else []
            ids += [*prompt, *answered, end]
            scored += [False] * len(prompt) + [True] * (len(answered) + 1)
        rows.append((ids, scored))
    return rows


def _padded(rows: Sequence[tuple[list[int], list[bool]]], pad: int) -> Batch:
    time = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), time), pad, dtype=torch.long)
    scored = torch.zeros((len(rows), time), dtype=torch.bool)
    for place, (row, learned) in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        scored[place, : len(row)] = torch.tensor(learned)
    return Batch(ids, scored)
