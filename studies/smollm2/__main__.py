"""Score a target on the responses that the paper's authors published, and test its statements.

    python -m studies.smollm2 --data FOLDER --target FOLDER

The data (gsm8k.jsonl, math_algebra.jsonl, ecqa.jsonl, mbpp.jsonl, humaneval.jsonl) have no licence
and are no part of the project. Stopped at any moment, the same command goes on where it was.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from studies.smollm2.analysis import agreements, statements, variant_table
from studies.smollm2.lines import Lines
from studies.smollm2.scoring import TASKS, score_tasks
from studies.smollm2.writing import figure, readme, write_results, write_scores

HERE = Path(__file__).parent


def main(arguments: list[str] | None = None) -> int:
    """Score what is missing and write the results."""
    options = _options(arguments)
    tasks = [task for task in TASKS if task in options.tasks.split(",")]
    rows = score_tasks(
        options.data,
        str(options.target),
        options.runs,
        rows=options.rows,
        tasks=tasks,
        report=Lines(),
    )
    table, tested = variant_table(rows), statements(rows)
    agreement = agreements(table)
    circumstances = _circumstances(options, tasks)
    options.output.mkdir(parents=True, exist_ok=True)
    write_scores(options.output / "scores.csv", rows)
    write_results(
        options.output / "results.json",
        circumstances,
        variants=table,
        agreement=agreement,
        statements=tested,
    )
    figure(options.output / "perplexity.svg", table)
    readme(options.output / "README.md", circumstances, table, agreement, tested)
    print(f"written: {options.output / 'README.md'}")
    return 0


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m studies.smollm2", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Folder of the JSONL files.")
    parser.add_argument("--target", required=True, help="Folder of SmolLM2-135M-Instruct.")
    parser.add_argument("--runs", type=Path, default=Path("runs/smollm2"))
    parser.add_argument("--rows", type=int, default=100, help="First rows of each task.")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--output", type=Path, default=HERE)
    return parser.parse_args(arguments)


def _circumstances(options: Any, tasks: list[str]) -> dict[str, Any]:
    """Return what the figures were made with, from the runs' own manifests."""
    manifests = [json.loads((options.runs / t / "manifest.json").read_text()) for t in tasks]
    first = manifests[0]
    return {
        "model": "SmolLM2-135M-Instruct, weights de-quantised from Q4_1",
        "revision (hash of the files)": first["target"]["revision"],
        "way of scoring": first["scoring"]["path"],
        "machine": f"{first['hardware']['cpu']}, {first['hardware'].get('threads')} thread(s)",
        "date": max(manifest["began"] for manifest in manifests)[:10],
        "rows": f"the first {options.rows} of each task, or all that there are",
        "seed": "none is drawn from but that of the bootstrap (0)",
        "command": f"python -m studies.smollm2 --data FOLDER --target FOLDER --rows {options.rows}",
        "versions": ", ".join(f"{k} {v}" for k, v in first["versions"].items()),
    }


if __name__ == "__main__":
    sys.exit(main())
