"""The datasets: what is there, and what the target writes itself. They sit on `build` runs."""

from dataclasses import dataclass
from pathlib import Path

from idiolect.config import Config, DataConfig, OwnConfig, TargetConfig
from idiolect.pipeline.build import build
from idiolect.pipeline.job import RunOptions
from idiolect.records import Candidate, Example, Measurement, Verdict
from idiolect.runs.progress import ProgressSink
from idiolect.runs.store import RunReader
from idiolect.training import TrainingRow

__all__ = ["DATASETS", "LONGEST", "Responses", "make_responses"]

_GREEDY, _DRAWN = (0.0, "responses"), (1.0, "responses-drawn")
"""Temperature of what the target writes, and the folder of that run."""

DATASETS = {
    "reference": ("reference", _GREEDY),
    "gpt4": ("column:gpt4", _GREEDY),
    "rewrite": ("rewrite", _GREEDY),
    "own": ("own", _GREEDY),
    "own-drawn": ("own", _DRAWN),
}
"""Dataset -> the strategy that makes it, and in which run.

Greedy answers make a model surer of what it says. Answers drawn at temperature 1 are a control
for that: they come from its own distribution, where its expected gradient is zero before the first
step. They are drawn once, for all seeds.
"""

LONGEST = 256
"""Tokens of an answer that the target writes; a longer one is cut off there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """One dataset, with what is known of it before any training."""

    name: str
    example_ids: tuple[str, ...]
    rows: tuple[TrainingRow, ...]
    nlls: tuple[float, ...]
    """Nats per token of each response under the target, end of turn left out."""

    tokens: int
    """Of all responses."""

    cut_off: int
    correct: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    row: TrainingRow
    nll: float
    """Sum over its tokens, in nats."""

    tokens: int
    correct: bool


def make_responses(
    data: Path,
    target: str,
    runs: Path,
    *,
    prompts: int,
    report: ProgressSink,
) -> tuple[Responses, ...]:
    """Return the datasets over the prompts for which all of them have a response."""
    found: dict[str, dict[str, _Response]] = {}
    for source in (_GREEDY, _DRAWN):
        temperature, folder = source
        names = {name: strategy for name, (strategy, run) in DATASETS.items() if run == source}
        config = Config(
            data=DataConfig(path=str(data / "gsm8k.jsonl"), limit=prompts),
            target=TargetConfig(target),
            strategies=tuple(names.values()),
            own=OwnConfig(max_new_tokens=LONGEST, temperature=temperature),
            verifier="numeric",
            measures=("perplexity",),
            output_dir=str(runs / folder),
        )
        build(config, options=RunOptions(allow_failing_references=True), report=report)
        found |= {name: _read(runs / folder, strategy) for name, strategy in names.items()}
    shared = [e for e in found["reference"] if all(e in made for made in found.values())]
    return tuple(_responses(name, shared, found[name]) for name in DATASETS)


def _read(run: Path, strategy: str) -> dict[str, _Response]:
    """Return the scored responses of a strategy by example id, in the order of the examples."""
    with RunReader(run) as reader:
        measured = {m.candidate_id: m for m in reader.all(Measurement)}
        correct = {v.candidate_id for v in reader.all(Verdict) if v.status == "correct"}
        made = {c.example_id: c for c in reader.all(Candidate) if c.strategy == strategy}
        return {
            example.id: _Response(
                row=_row(example, candidate),
                nll=measured[candidate.id].nll,
                tokens=measured[candidate.id].tokens,
                correct=candidate.id in correct,
            )
            for example in reader.all(Example)
            if (candidate := made.get(example.id)) is not None and candidate.id in measured
        }


def _row(example: Example, candidate: Candidate) -> TrainingRow:
    return TrainingRow(
        messages=example.messages,
        response=candidate.text,
        token_ids=candidate.token_ids,
        complete=candidate.finish_reason != "length",
    )


def _responses(name: str, example_ids: list[str], made: dict[str, _Response]) -> Responses:
    chosen = [made[example_id] for example_id in example_ids]
    return Responses(
        name=name,
        example_ids=tuple(example_ids),
        rows=tuple(each.row for each in chosen),
        nlls=tuple(each.nll / each.tokens for each in chosen),
        tokens=sum(each.tokens for each in chosen),
        cut_off=sum(not each.row.complete for each in chosen),
        correct=sum(each.correct for each in chosen),
    )
