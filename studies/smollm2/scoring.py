"""Score every response of every task under the target. Resumable: it sits on `score` runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from idiolect.config import Config, DataConfig, TargetConfig
from idiolect.pipeline.score import score
from idiolect.runs.progress import ProgressSink

# Smallest first, so that something is there early.
TASKS = ("humaneval", "mbpp", "ecqa", "gsm8k", "math_algebra")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRow:
    """The raw sums of one response."""

    task: str
    example_id: str
    variant: str
    nll: float
    tokens: int
    bytes: int
    rank_surprisal: float


def score_tasks(
    data: Path,
    target: str,
    runs: Path,
    *,
    rows: int,
    tasks: Sequence[str],
    report: ProgressSink,
) -> tuple[ScoredRow, ...]:
    """Return the scores of the first rows of each task, computing what is missing."""
    found: list[ScoredRow] = []
    for task in tasks:
        config = Config(
            data=DataConfig(path=str(data / f"{task}.jsonl"), limit=rows),
            target=TargetConfig(target),
            measures=("perplexity", "rank-surprisal"),
            output_dir=str(runs / task),
        )
        output = runs / f"{task}.jsonl"
        score(config, output, report=report)
        found += read_scores(task, output)
    return tuple(found)


def read_scores(task: str, path: Path) -> list[ScoredRow]:
    """Read the rows that `score` wrote."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        ScoredRow(
            task=task,
            example_id=row["example_id"],
            variant=row["strategy"].removeprefix("column:"),
            nll=row["nll"],
            tokens=row["tokens"],
            bytes=row["bytes"],
            rank_surprisal=row["rank_surprisal"],
        )
        for row in map(json.loads, lines)
    ]
