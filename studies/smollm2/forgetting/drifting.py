"""How far each adapter moves the target, on prompts of its task and of others. Resumable."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from idiolect.chat import Rendered
from idiolect.config import DataConfig, TargetConfig
from idiolect.data.read import read_dataset
from idiolect.evaluation.change import first_token_logprobs, require_change
from idiolect.evaluation.drift import DriftBase, DriftItem, own_answers
from idiolect.models.local import LocalModel, load_local_model
from idiolect.records import Drift, Example, content_id
from idiolect.runs.progress import ProgressSink
from idiolect.runs.store import Run
from idiolect.training.directory import read_manifest
from studies.smollm2.forgetting.cells import Cell

__all__ = ["OUTSIDE", "PROBE_LONGEST", "TASKS", "Prober", "probe_prompts"]

OUTSIDE = ("ecqa", "mbpp", "chat")
"""Tasks that nothing is trained on."""

TASKS = ("gsm8k", *OUTSIDE)
PROBE_LONGEST = 96
"""Tokens of the base model's answers that the models are compared on."""

_CHAT = Path(__file__).parent / "chat.jsonl"


def probe_prompts(data: Path, *, trained: int, prompts: int) -> dict[str, tuple[Example, ...]]:
    """Return the prompts of each task; those of GSM8K are the rows behind the trained ones."""
    files = {task: data / f"{task}.jsonl" for task in TASKS} | {"chat": _CHAT}
    found: dict[str, tuple[Example, ...]] = {}
    for task, file in files.items():
        first = trained if task == "gsm8k" else 0
        rows = read_dataset(DataConfig(path=str(file), limit=first + prompts)).examples
        found[task] = rows[first:]
    return found


class Prober:
    """The base model with its own answers, which every adapter is compared on.

    Args:
        target: The base model's folder.
        prompts: Task -> examples.
        runs: Answers and drifts are kept below.
        report: Is told how far the work is.
    """

    def __init__(
        self,
        target: str,
        prompts: Mapping[str, Sequence[Example]],
        runs: Path,
        *,
        report: ProgressSink,
    ) -> None:
        self._target, self._prompts = target, prompts
        self._runs, self._report = runs, report
        self._base = load_local_model(TargetConfig(target))
        self._bases: dict[str, DriftBase] = {}
        self._identity = {
            "target.revision": self._base.revision,
            "target.dtype": self._base.dtype,
            "target.template": self._base.chat.fingerprint,
            "prompts": content_id([[dataclasses.asdict(e) for e in p] for p in prompts.values()]),
            "max_new_tokens": PROBE_LONGEST,
        }

    @property
    def base(self) -> LocalModel:
        """The model before training."""
        return self._base

    def answers(self) -> dict[str, list[DriftItem]]:
        """Return the base model's greedy answers, task by task."""
        found: dict[str, list[DriftItem]] = {}
        with Run(self._runs / "answers", self._identity) as run:
            for task, examples in self._prompts.items():
                kept = run.recall(task)
                if kept is None:
                    items = own_answers(self._base, examples, max_new_tokens=PROBE_LONGEST)
                    kept = [_plain(item) for item in items]
                    run.note(task, kept)
                found[task] = [_item(entry) for entry in kept]
        return found

    def drifts(self, cell: Cell) -> list[Drift]:
        """Return the drift of an adapter on each answer, computing what is missing."""
        trained = content_id(read_manifest(cell.result.adapter)["identity"])
        identity = {**self._identity, "training": trained}
        answers = self.answers()
        with Run(self._runs / cell.name, identity) as run:
            done = {row.split for row in run.all(Drift)}
            missing = [task for task in answers if task not in done]
            tuned = self._tuned(cell) if missing else None
            for task in missing:
                assert tuned is not None
                if task not in self._bases:
                    self._bases[task] = DriftBase(self._base, answers[task])
                run.add(*self._bases[task].drift(tuned, split=task, report=self._report))
            return run.all(Drift)

    def _tuned(self, cell: Cell) -> LocalModel:
        folder = str(cell.result.adapter)
        tuned = load_local_model(TargetConfig(self._target, adapter=folder))
        examples = next(iter(self._prompts.values()))
        before, after = (
            first_token_logprobs(self._base, examples),
            first_token_logprobs(tuned, examples),
        )
        require_change(before, after, adapter=folder)
        return tuned


def _plain(item: DriftItem) -> dict[str, Any]:
    return {"id": item.example_id, **dataclasses.asdict(item.rendered)}


def _item(entry: Mapping[str, Any]) -> DriftItem:
    rendered = Rendered(
        tuple(entry["prompt_ids"]), tuple(entry["response_ids"]), entry["terminator_id"]
    )
    return DriftItem(example_id=entry["id"], source="own", rendered=rendered)
