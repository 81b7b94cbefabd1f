"""Score a target on the responses that the paper's authors published, and test its statements.

    python -m studies.smollm2 --data FOLDER --target FOLDER
    python -m studies.smollm2 --check

The data (gsm8k.jsonl, math_algebra.jsonl, ecqa.jsonl, mbpp.jsonl, humaneval.jsonl) have no licence
and are no part of the project. Stopped at any moment, the same command goes on where it was.

`--check` scores and writes nothing: it makes the page and the JSON again from scores.csv and says
whether they are the ones that lie there. A run that scores says which printed digits changed.
"""

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import Any

from idiolect.runs.manifest import write_atomically
from studies.smollm2.figure import draw
from studies.smollm2.lines import Lines
from studies.smollm2.places import DATA, TARGET
from studies.smollm2.scoring import TASKS, read_csv, score_tasks, write_csv
from studies.smollm2.tables import Tables, as_json, page

__all__ = ["changed", "main"]

HERE = Path(__file__).parent
_TABLES = ("variants", "agreement", "orders", "statements")


def main(arguments: list[str] | None = None) -> int:
    """Score what is missing and write the results; return the exit code."""
    options = _options(arguments)
    return _check(options.output) if options.check else _run(options)


def _run(options: Any) -> int:
    tasks = [task for task in TASKS if task in options.tasks.split(",")]
    target = str(Path(options.target).expanduser())
    rows = score_tasks(
        options.data, target, options.runs, rows=options.rows, tasks=tasks, report=Lines()
    )
    options.output.mkdir(parents=True, exist_ok=True)
    readme = options.output / "README.md"
    before = readme.read_text(encoding="utf-8") if readme.exists() else None
    write_csv(options.output / "scores.csv", rows)
    tables = Tables.of(read_csv(options.output / "scores.csv"))
    after, numbers = _texts(_circumstances(options, tasks), tables)
    write_atomically(readme, after)
    write_atomically(options.output / "results.json", numbers)
    draw(options.output / "perplexity.svg", tables.variants)
    print(f"written: {readme}")
    if before is not None:
        _say(changed(before, after))
    return 0


def _check(folder: Path) -> int:
    """Return 1 where the written page or JSON is not what the scores give."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    facts = {key: value for key, value in results.items() if key not in _TABLES}
    texts = _texts(facts, Tables.of(read_csv(folder / "scores.csv")))
    wrong = False
    for name, text in zip(("README.md", "results.json"), texts, strict=True):
        is_same = text == (folder / name).read_text(encoding="utf-8")
        print(f"{folder / name}: {'comes' if is_same else 'does NOT come'} out of scores.csv")
        wrong |= not is_same
    return int(wrong)


def _texts(facts: dict[str, Any], tables: Tables) -> tuple[str, str]:
    """Return README.md and results.json."""
    named = {name: getattr(tables, name) for name in _TABLES}
    return page(facts, tables), as_json(facts, **named)


def changed(before: str, after: str) -> list[str]:
    """Return the lines below the circumstances that differ, with - and +."""
    old, new = (text.partition("\n## ")[2].splitlines() for text in (before, after))
    lines = difflib.unified_diff(old, new, lineterm="", n=0)
    return [line for line in lines if line[:3] not in ("---", "+++") and line[:2] != "@@"]


def _say(lines: list[str]) -> None:
    if not lines:
        print("All printed digits are those that were there before.")
        return
    print("Not as before:", *lines, sep="\n")


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m studies.smollm2",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=DATA, help="Folder of the JSONL files.")
    parser.add_argument("--target", default=TARGET, help="Folder of SmolLM2-135M-Instruct.")
    parser.add_argument("--runs", type=Path, default=Path("runs/smollm2"))
    parser.add_argument("--rows", type=int, default=100, help="First rows of each task.")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--output", type=Path, default=HERE)
    parser.add_argument(
        "--check", action="store_true", help="Compare what is written; score nothing."
    )
    return parser.parse_args(arguments)


def _circumstances(options: Any, tasks: list[str]) -> dict[str, Any]:
    """Return what the figures were made with, from the runs' own manifests."""
    manifests = [json.loads((options.runs / t / "manifest.json").read_text()) for t in tasks]
    first = manifests[0]
    chosen = "" if tasks == list(TASKS) else f" --tasks {','.join(tasks)}"
    return {
        "model": "SmolLM2-135M-Instruct, weights de-quantised from Q4_1",
        "revision (hash of the files)": first["target"]["revision"],
        "way of scoring": first["scoring"]["path"],
        "machine": f"{first['hardware']['cpu']}, {first['hardware'].get('threads')} thread(s)",
        "date": max(manifest["began"] for manifest in manifests)[:10],
        "rows": f"the first {options.rows} of each task, or all that there are",
        "seed": "none is drawn from but that of the bootstrap and the permutations (0)",
        "command": f"python -m studies.smollm2 --data FOLDER --target FOLDER --rows {options.rows}"
        f"{chosen}",
        "versions": ", ".join(f"{k} {v}" for k, v in first["versions"].items()),
    }


if __name__ == "__main__":
    sys.exit(main())
