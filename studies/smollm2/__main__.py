"""Score a target on the responses that the paper's authors published, and test its statements.

    python -m studies.smollm2 --data FOLDER --target FOLDER
    python -m studies.smollm2 --again
    python -m studies.smollm2 --check

The data (gsm8k.jsonl, math_algebra.jsonl, ecqa.jsonl, mbpp.jsonl, humaneval.jsonl) have no licence
and are no part of the project. Stopped at any moment, the same command goes on where it was.

`--again` scores nothing: it makes the page, the JSON and the figure anew from scores.csv and the
circumstances in results.json. `--check` writes nothing either: it says whether they are the ones
that lie there. A run that scores says which printed digits changed.
"""

import argparse
import difflib
import json
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from idiolect.runs.manifest import write_atomically
from studies.smollm2.figure import draw
from studies.smollm2.lines import Lines
from studies.smollm2.places import DATA, TARGET
from studies.smollm2.scoring import TASKS, read_csv, score_tasks, write_csv
from studies.smollm2.tables import Tables, as_json, page

__all__ = ["changed", "main"]

HERE = Path(__file__).parent
PAGE, NUMBERS, FIGURE = "README.md", "results.json", "perplexity.svg"
_TABLES = ("variants", "agreement", "orders", "statements")
_DRAWN_BY = re.compile(r"Matplotlib v[\w.]+")
"""What the figure names as its maker; another version of it may draw other lines."""

_SAME = "comes out of scores.csv"
_OTHER = "does NOT come out of scores.csv"


def main(arguments: list[str] | None = None) -> int:
    """Score what is missing and write the results; return the exit code."""
    options = _options(arguments)
    if options.check:
        return _check(options.output)
    if options.again:
        _write(options.output, *_kept(options.output))
        print(f"written: {options.output / PAGE}")
        return 0
    return _run(options)


def _run(options: Any) -> int:
    tasks = [task for task in TASKS if task in options.tasks.split(",")]
    target = str(Path(options.target).expanduser())
    rows = score_tasks(
        options.data, target, options.runs, rows=options.rows, tasks=tasks, report=Lines()
    )
    options.output.mkdir(parents=True, exist_ok=True)
    readme = options.output / PAGE
    before = readme.read_text(encoding="utf-8") if readme.exists() else None
    write_csv(options.output / "scores.csv", rows)
    tables = Tables.of(read_csv(options.output / "scores.csv"))
    _write(options.output, _circumstances(options, tasks), tables)
    print(f"written: {readme}")
    if before is not None:
        _say(changed(before, readme.read_text(encoding="utf-8")))
    return 0


def _check(folder: Path) -> int:
    """Return 1 where the written page, JSON or figure is not what the scores give."""
    facts, tables = _kept(folder)
    with TemporaryDirectory() as made:
        _write(Path(made), facts, tables)
        said = {n: _compared(folder / n, Path(made) / n) for n in (PAGE, NUMBERS, FIGURE)}
    for name, words in said.items():
        print(f"{folder / name}: {words}")
    return int(_OTHER in said.values())


def _compared(kept: Path, made: Path) -> str:
    """Say whether a file is the one that the scores give."""
    old, new = (path.read_text(encoding="utf-8") for path in (kept, made))
    if old == new:
        return _SAME
    if kept.name == FIGURE:
        drawn, here = ("".join(_DRAWN_BY.findall(text)[:1]) for text in (old, new))
        if drawn and drawn != here:
            return f"cannot tell, drawn by {drawn} and here is {here}"
    return _OTHER


def _kept(folder: Path) -> tuple[dict[str, Any], Tables]:
    """Return the circumstances that were written, and the tables of the scores."""
    results = json.loads((folder / NUMBERS).read_text(encoding="utf-8"))
    facts = {key: value for key, value in results.items() if key not in _TABLES}
    return facts, Tables.of(read_csv(folder / "scores.csv"))


def _write(folder: Path, facts: dict[str, Any], tables: Tables) -> None:
    """Write the page, the JSON and the figure."""
    named = {name: getattr(tables, name) for name in _TABLES}
    write_atomically(folder / PAGE, page(facts, tables))
    write_atomically(folder / NUMBERS, as_json(facts, **named))
    draw(folder / FIGURE, tables.variants)


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
    parser.add_argument("--again", action="store_true", help="Score nothing; write the page anew.")
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
