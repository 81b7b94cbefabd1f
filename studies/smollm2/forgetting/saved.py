"""What the study keeps: forgetting.csv and forgetting.json. The page is made from these alone."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from idiolect.records import Drift
from idiolect.runs.manifest import write_atomically
from studies.smollm2.forgetting.analysis import DatasetRow, Measured

__all__ = ["CSV", "JSON", "read_drifts", "read_facts", "write_drifts"]

CSV, JSON = "forgetting.csv", "forgetting.json"
_TABLES = ("datasets", "drifts", "pairs")
_SUMS = ("kl_base_tuned", "kl_tuned_base", "base_nll", "tuned_nll")


def write_drifts(path: Path, measured: Measured) -> None:
    """Write the raw sums in nats, one adapter and prompt a row; no text of any response."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("dataset", "seed", "task", "example_id", "tokens", *_SUMS))
    for (dataset, seed), rows in measured.items():
        for row in rows:
            sums = [f"{getattr(row, name):.5f}" for name in _SUMS]
            writer.writerow((dataset, seed, row.split, row.example_id, row.tokens, *sums))
    write_atomically(path, text.getvalue())


def read_drifts(path: Path) -> dict[tuple[str, int], list[Drift]]:
    """Read what `write_drifts` wrote."""
    found: dict[tuple[str, int], list[Drift]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            drift = Drift(
                subject_id="",
                split=row["task"],
                example_id=row["example_id"],
                source="own",
                tokens=int(row["tokens"]),
                **{name: float(row[name]) for name in _SUMS},
            )
            found.setdefault((row["dataset"], int(row["seed"])), []).append(drift)
    return found


def read_facts(path: Path) -> tuple[dict[str, Any], list[DatasetRow]]:
    """Return the circumstances and what was trained on, as forgetting.json has them."""
    results: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    facts = {key: value for key, value in results.items() if key not in _TABLES}
    return facts, [_dataset(entry) for entry in results["datasets"]]


def _dataset(entry: Mapping[str, Any]) -> DatasetRow:
    losses: dict[str, Sequence[float]] = {
        name: tuple(entry[name]) for name in ("first_losses", "last_losses")
    }
    return DatasetRow(**{**entry, **losses})
