"""Score every response of every task under the target. Resumable: it sits on `score` runs."""

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from idiolect.config import Config, DataConfig, TargetConfig
from idiolect.pipeline.score import score
from idiolect.runs.manifest import write_atomically
from idiolect.runs.progress import ProgressSink

__all__ = ["TASKS", "ScoredRow", "read_csv", "score_tasks", "write_csv"]

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
        found += _scores(task, output)
    return tuple(found)


def write_csv(path: Path, rows: Sequence[ScoredRow]) -> None:
    """Write the raw sums, one response a row; no text of any response."""
    text = io.StringIO()
    names = [field.name for field in dataclasses.fields(ScoredRow)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = dataclasses.asdict(row)
        values |= {"nll": f"{row.nll:.3f}", "rank_surprisal": f"{row.rank_surprisal:.4f}"}
        writer.writerow(values)
    write_atomically(path, text.getvalue())


def read_csv(path: Path) -> tuple[ScoredRow, ...]:
    """Read what `write_csv` wrote. All tables are made from that, so they can be made again."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            ScoredRow(
                task=row["task"],
                example_id=row["example_id"],
                variant=row["variant"],
                nll=float(row["nll"]),
                tokens=int(row["tokens"]),
                bytes=int(row["bytes"]),
                rank_surprisal=float(row["rank_surprisal"]),
            )
            for row in csv.DictReader(file)
        )


def _scores(task: str, path: Path) -> list[ScoredRow]:
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
