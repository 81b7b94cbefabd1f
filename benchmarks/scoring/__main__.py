"""The command: reads options, runs the race, prints and writes the tables."""

import argparse
import datetime
import os
import re
from pathlib import Path

from rich.console import Console
from transformers import AutoTokenizer

from benchmarks.machine import physical_cores, short_name
from benchmarks.scoring.contestants import CONTESTANTS, PEERS
from benchmarks.scoring.race import Entry, Rules, race
from benchmarks.scoring.report import markdown, table
from benchmarks.scoring.workloads import NAMES, make_workloads

_MODEL = os.environ.get("IDIOLECT_TEST_MODEL") or "~/.cache/idiolect-dev/smollm2-135m-instruct"
_RESULTS = Path(__file__).parents[1] / "results"
_WIDTH = 110
_HUGE = {"THP_MEM_ALLOC_ENABLE": "1"}
_ALLOCATORS = tuple(
    Entry(title=f"{name}, {pages}", contestant=name, keeps_pages=keeps, environment=environment)
    for name in ("ours", "lm-eval")
    for pages, keeps, environment in (
        ("pages kept", True, {}),
        ("default allocator", False, {}),
        ("huge pages", False, _HUGE),
        ("pages kept, huge pages", True, _HUGE),
    )
)


def main() -> None:
    options = _options()
    console = Console()
    console.width = max(console.width, _WIDTH)
    rules = Rules(
        model=options.model.expanduser().resolve(),
        threads=options.threads,
        repetitions=options.repetitions,
        checked=options.checked,
    )
    entries = _ALLOCATORS if options.allocator else _entries(options.contestants)
    tokenizer = AutoTokenizer.from_pretrained(rules.model)
    names = [name for name in NAMES if re.search(options.workloads, name)]
    outcomes = []
    kind = "scoring-allocator" if options.allocator else "scoring"
    file = options.results / f"{kind}-{short_name()}-{datetime.date.today().isoformat()}.md"
    options.results.mkdir(parents=True, exist_ok=True)
    for workload in make_workloads(options.data, tokenizer, scale=options.scale, names=names):
        with console.status(workload.name) as status:
            outcome = race(
                workload,
                entries,
                rules,
                lambda step, name=workload.name: status.update(f"{name}: {step}"),
            )
        console.print(table(outcome))
        for result in outcome.results:
            if result.failure is not None:
                console.print(f"{result.title} failed: {result.failure}", markup=False)
        # After each workload, so that a run that is stopped leaves what it has measured.
        outcomes.append(outcome)
        file.write_text(markdown(outcomes, rules), encoding="utf-8")
    console.print(f"written: benchmarks/results/{file.name}")


def _entries(pattern: str) -> tuple[Entry, ...]:
    """Return the contestants of a pattern. Ours keep pages, as the package does by default."""
    return tuple(
        Entry(title=name, contestant=name, keeps_pages=name not in PEERS)
        for name in CONTESTANTS
        if re.search(pattern, name)
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(_MODEL), help="folder of the target")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many prompts")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--checked", type=int, default=6, help="requests against float64")
    parser.add_argument("--workloads", default="", help="pattern of the names to run")
    parser.add_argument("--contestants", default="", help="pattern of the names to run")
    parser.add_argument("--results", type=Path, default=_RESULTS, help="folder of the report")
    parser.add_argument(
        "--allocator", action="store_true", help="compare ways of getting memory instead"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
