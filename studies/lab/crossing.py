"""The crossing: does a target learn better from its own language, all else being equal?

Both targets answer the same frontier problems. The scripted teacher corrects both sets of answers
by minimal change, so that all are right and differ in nothing but the language they are written
in. Each target is trained with LoRA on its own corrected answers and, apart from that, on the
other's, with the same problems, steps and seeds. Measured: gain on unseen frontier problems, and
forgetting on the skills of pretraining.

    python studies/lab/crossing.py -o studies/lab/crossing.json --seeds 5

What was expected and what came out stands in docs/log.md.
"""

import argparse
import dataclasses
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional as F

from idiolect.lab import skills
from idiolect.lab.dice import Dice
from idiolect.lab.pretraining.loop import keep_memory
from idiolect.lab.targets import TARGETS, target_folder
from idiolect.lab.tasks import Problem, Skill, take
from idiolect.lab.teacher.correcting import corrected
from idiolect.lab.verifying import verified

FRONTIER = (3, 4)
ROWS: dict[str, tuple[Skill, tuple[int, ...]]] = {
    "frontier": ("shop", FRONTIER),
    "shop": ("shop", (1, 2)),
    "equations": ("equations", (1,)),
    "choice": ("choice", (1,)),
    "lists": ("lists", (1,)),
    "code": ("code", (1,)),
}
SIZES = {"frontier": 300, "shop": 200, "equations": 50, "choice": 50, "lists": 50, "code": 50}
"""Unseen problems of each row."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """How a target is trained; the same for every dataset."""

    problems: int = 100
    epochs: int = 3
    batch: int = 10
    rank: int = 16
    rate: float = 2e-3


def own_answers(folder: Path, problems: list[Problem]) -> list[str]:
    """Return the target's greedy answers."""
    model, tokenizer = skills.load(folder)
    return skills.greedy(model, tokenizer, [p.question for p in problems])


def train(folder: Path, pairs: list[tuple[str, str]], training: Training, seed: int) -> Any:
    """Return the target after LoRA training on pairs of question and response."""
    torch.manual_seed(seed)
    model, tokenizer = skills.load(folder)
    config = LoraConfig(
        r=training.rank,
        lora_alpha=2 * training.rank,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(model, config).train()
    rows = [encoded(tokenizer, question, response) for question, response in pairs]
    weights = [w for w in model.parameters() if w.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=training.rate, weight_decay=0.0)
    steps = training.epochs * -(-len(rows) // training.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: 1 - n / steps)
    for epoch in range(training.epochs):
        order = Dice("crossing", seed, epoch).shuffled(rows)
        for start in range(0, len(order), training.batch):
            loss = mean_nll(model, order[start : start + training.batch], tokenizer.pad_token_id)
            loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    return model.merge_and_unload().eval(), tokenizer


def encoded(tokenizer: Any, question: str, response: str) -> tuple[list[int], int]:
    """Return the ids of prompt, response and end of turn, and how many of them are the prompt."""
    turns = [{"role": "user", "content": question}]
    prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    ids = tokenizer(response, add_special_tokens=False)["input_ids"]
    return [*prompt, *ids, tokenizer.eos_token_id], len(prompt)


def mean_nll(model: Any, rows: list[tuple[list[int], int]], pad: int) -> torch.Tensor:
    """Return the mean negative log-likelihood per response token, end of turn included."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row, _ in rows])
    wanted = torch.full_like(ids, -100)
    for place, (row, prompt) in enumerate(rows):
        wanted[place, prompt : len(row)] = ids[place, prompt : len(row)]
    logits = model(input_ids=ids).logits
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), wanted[:, 1:].flatten())


def measure(model: Any, tokenizer: Any) -> dict[str, float]:
    """Return the share of unseen problems solved, row by row."""
    rates: dict[str, float] = {}
    for name, count in SIZES.items():
        table = skills.skill_table(model, tokenizer, problems=count, rows={name: ROWS[name]})
        rates[name] = table[name].rate
    return rates


def one_seed(seed: int, training: Training, folders: dict[str, Path]) -> list[dict[str, Any]]:
    """Return the measurements of one seed: both learners, each on both authors' answers."""
    torch.set_num_threads(1)
    keep_memory()
    problems = take(training.problems, "shop", seed=1000 + seed, split="train", steps=FRONTIER)
    data: dict[str, list[tuple[str, str]]] = {}
    for author, folder in folders.items():
        answers = own_answers(folder, problems)
        fixed = [corrected(p, a) for p, a in zip(problems, answers, strict=True)]
        assert all(verified(problems, fixed))
        data[author] = [(p.question, text) for p, text in zip(problems, fixed, strict=True)]
    rows: list[dict[str, Any]] = []
    for learner, folder in folders.items():
        model, tokenizer = skills.load(folder)
        for author, pairs in data.items():
            began = time.monotonic()
            lengths = [len(encoded(tokenizer, *pair)[0]) for pair in pairs]
            row = {"seed": seed, "learner": learner, "author": author}
            row["perplexity"] = round(skills.perplexity(model, tokenizer, pairs), 3)
            row["tokens"] = sum(lengths) / len(lengths)
            trained, _ = train(folder, pairs, training, seed)
            row |= measure(trained, tokenizer)
            row["seconds"] = round(time.monotonic() - began, 1)
            print(json.dumps(row), flush=True)
            rows.append(row)
    return rows


def run(seeds: int, training: Training, folders: dict[str, Path]) -> dict[str, Any]:
    """Return every measurement of the study, two seeds at a time."""
    base = {name: measure(*skills.load(folder)) for name, folder in folders.items()}
    print("base", json.dumps(base), flush=True)
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as workers:
        waiting = [workers.submit(one_seed, n, training, folders) for n in range(seeds)]
        rows = [row for done in waiting for row in done.result()]
    return {"training": dataclasses.asdict(training), "base": base, "runs": rows}


def verdict(found: dict[str, Any]) -> list[str]:
    """Return, for each learner, in how many seeds its own language won, and by how much."""
    lines: list[str] = []
    old = [name for name in ROWS if name != "frontier"]
    for learner in TARGETS:
        own, other = (
            sorted(
                (
                    row
                    for row in found["runs"]
                    if row["learner"] == learner and mine == (row["author"] == learner)
                ),
                key=lambda row: row["seed"],
            )
            for mine in (True, False)
        )
        gains = [a["frontier"] - b["frontier"] for a, b in zip(own, other, strict=True)]
        kept = [
            sum(a[name] - b[name] for name in old) / len(old)
            for a, b in zip(own, other, strict=True)
        ]
        lines.append(
            f"{learner}: frontier, own minus other: {[round(g, 3) for g in gains]}, "
            f"better in {sum(g > 0 for g in gains)} of {len(gains)} seeds; "
            f"old skills, own minus other: {[round(k, 3) for k in kept]}, "
            f"better in {sum(k > 0 for k in kept)} of {len(kept)}"
        )
    return lines


def main() -> None:
    """Run the study and write its numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--amber", type=Path, help="the folder of another amber")
    parser.add_argument("--birch", type=Path, help="the folder of another birch")
    for field in dataclasses.fields(Training):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory()
    training = Training(**{f.name: getattr(asked, f.name) for f in dataclasses.fields(Training)})
    folders = {name: getattr(asked, name) or target_folder(name) for name in TARGETS}
    found = run(asked.seeds, training, folders)
    found["command"] = " ".join(["python", "studies/lab/crossing.py", *sys.argv[1:]])
    found["verdict"] = verdict(found)
    asked.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n".join(found["verdict"]))


if __name__ == "__main__":
    main()
