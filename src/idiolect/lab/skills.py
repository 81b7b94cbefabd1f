"""What a model can do in the lab: greedy answers to unseen problems, and what it finds familiar.

Both tables are measured on the finished Hugging Face folder, as anybody else would load it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idiolect.errors import MissingExtra
from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.tasks import Problem, Skill, take
from idiolect.lab.verifying import verified

__all__ = ["ROWS", "Score", "greedy", "load", "perplexity", "perplexity_table", "skill_table"]

ROWS: dict[str, tuple[Skill, tuple[int, ...]]] = {
    "shop": ("shop", (1, 2)),
    "equations": ("equations", (1,)),
    "choice": ("choice", (1,)),
    "code": ("code", (1,)),
    "lists": ("lists", (1,)),
    "frontier": ("shop", (3, 4)),
}
"""Name of a row -> skill and, for `shop`, numbers of steps."""

TEST_SEED = 2024
LONGEST = 160
"""New tokens after which an answer is cut off; the longest native one has about 60."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How many of the problems were solved."""

    correct: int
    problems: int

    @property
    def rate(self) -> float:
        """Share of correct answers."""
        return self.correct / self.problems


def load(folder: Path) -> tuple[Any, Any]:
    """Return model and tokenizer of a folder, in float32 and ready to answer.

    Raises:
        MissingExtra: transformers is not installed.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise MissingExtra("transformers", "local", "measuring a target") from error
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


def greedy(
    model: Any, tokenizer: Any, questions: Sequence[str], *, batch_size: int = 256
) -> list[str]:
    """Return the greedy response to each question, in order."""
    import torch

    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
        )
        for question in questions
    ]
    # Prompts of like length share a batch: the left padding of a batch is work for nothing.
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    texts = [""] * len(prompts)
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        batch = tokenizer(
            [prompts[place] for place in places],
            add_special_tokens=False,
            padding=True,
            return_tensors="pt",
        ).to(model.device)
        with torch.inference_mode():
            ids = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=LONGEST,
                do_sample=False,
            )
        new = ids[:, batch["input_ids"].shape[1] :]
        for place, text in zip(
            places, tokenizer.batch_decode(new, skip_special_tokens=True), strict=True
        ):
            texts[place] = text
    return texts


def skill_table(
    model: Any,
    tokenizer: Any,
    *,
    problems: int = 500,
    rows: Mapping[str, tuple[Skill, tuple[int, ...]]] = ROWS,
    check: Callable[[Sequence[Problem], Sequence[str]], list[bool]] = verified,
) -> dict[str, Score]:
    """Return how many unseen problems of each row are solved, greedy decoding."""
    table: dict[str, Score] = {}
    for name, (skill, steps) in rows.items():
        asked = take(problems, skill, seed=TEST_SEED, split="test", steps=steps)
        texts = greedy(model, tokenizer, [problem.question for problem in asked])
        table[name] = Score(correct=sum(check(asked, texts)), problems=problems)
    return table


def perplexity(model: Any, tokenizer: Any, pairs: Sequence[tuple[str, str]]) -> float:
    """Return exp of the mean NLL per response token, over all pairs of question and response.

    The end token of a response is left out, as everywhere in idiolect.
    """
    import torch
    from torch.nn import functional as F

    nll, tokens = 0.0, 0
    for start in range(0, len(pairs), 64):
        prompts = [_prompt(tokenizer, question) for question, _ in pairs[start : start + 64]]
        responses = [
            tokenizer(text, add_special_tokens=False)["input_ids"]
            for _, text in pairs[start : start + 64]
        ]
        longest = max(len(p) + len(r) for p, r in zip(prompts, responses, strict=True))
        # Right padding behind a causal mask changes nothing before it.
        ids = torch.full((len(prompts), longest), tokenizer.pad_token_id)
        wanted = torch.zeros((len(prompts), longest), dtype=torch.bool)
        for row, (p, r) in enumerate(zip(prompts, responses, strict=True)):
            ids[row, : len(p) + len(r)] = torch.tensor([*p, *r])
            wanted[row, len(p) : len(p) + len(r)] = True
        with torch.inference_mode():
            logits = model(input_ids=ids.to(model.device)).logits[:, :-1][wanted[:, 1:]]
        nll += float(F.cross_entropy(logits.float(), ids[:, 1:][wanted[:, 1:]], reduction="sum"))
        tokens += int(wanted.sum())
    return math.exp(nll / tokens)


def perplexity_table(model: Any, tokenizer: Any, *, problems: int = 100) -> dict[str, float]:
    """Return the perplexity of right responses in each idiolect, over two-step `shop` problems."""
    asked = take(problems, "shop", seed=TEST_SEED, split="test", steps=(2,))
    return {
        name: perplexity(model, tokenizer, [(p.question, render(p, name)) for p in asked])
        for name in IDIOLECTS
    }


def _prompt(tokenizer: Any, question: str) -> list[int]:
    return tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], add_generation_prompt=True, return_dict=False
    )
