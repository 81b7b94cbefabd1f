"""The four datasets: what is there, and what the target writes itself. It sits on a `build` run."""

from collections.abc import Mapping
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

DATASETS = {
    "reference": "reference",
    "gpt4": "column:gpt4",
    "rewrite": "rewrite",
    "own": "own",
}
"""Dataset -> the strategy that makes it."""

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


def make_responses(
    data: Path,
    target: str,
    run: Path,
    *,
    prompts: int,
    report: ProgressSink,
) -> tuple[Responses, ...]:
    """Return the datasets over the prompts for which all of them have a response."""
    config = Config(
        data=DataConfig(path=str(data / "gsm8k.jsonl"), limit=prompts),
        target=TargetConfig(target),
        strategies=tuple(DATASETS.values()),
        own=OwnConfig(max_new_tokens=LONGEST),
        verifier="numeric",
        measures=("perplexity",),
        output_dir=str(run),
    )
    build(config, options=RunOptions(allow_failing_references=True), report=report)
    with RunReader(run) as reader:
        examples = reader.all(Example)
        measured = {m.candidate_id: m for m in reader.all(Measurement)}
        verdicts = {v.candidate_id: v.status for v in reader.all(Verdict)}
        by_strategy: dict[str, dict[str, Candidate]] = {name: {} for name in DATASETS.values()}
        for candidate in reader.all(Candidate):
            if candidate.id in measured:
                by_strategy[candidate.strategy][candidate.example_id] = candidate
    shared = [e for e in examples if all(e.id in found for found in by_strategy.values())]
    return tuple(
        _responses(name, shared, by_strategy[strategy], measured, verdicts)
        for name, strategy in DATASETS.items()
    )


def _responses(
    name: str,
    examples: list[Example],
    candidates: Mapping[str, Candidate],
    measured: Mapping[str, Measurement],
    verdicts: Mapping[str, str],
) -> Responses:
    chosen = [candidates[example.id] for example in examples]
    sums = [measured[candidate.id] for candidate in chosen]
    return Responses(
        name=name,
        example_ids=tuple(example.id for example in examples),
        rows=tuple(
            TrainingRow(
                messages=example.messages,
                response=candidate.text,
                token_ids=candidate.token_ids,
                complete=candidate.finish_reason != "length",
            )
            for example, candidate in zip(examples, chosen, strict=True)
        ),
        nlls=tuple(one.nll / one.tokens for one in sums),
        tokens=sum(one.tokens for one in sums),
        cut_off=sum(candidate.finish_reason == "length" for candidate in chosen),
        correct=sum(verdicts.get(candidate.id) == "correct" for candidate in chosen),
    )
