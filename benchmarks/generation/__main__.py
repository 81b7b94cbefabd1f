"""The command: reads options, runs the race, prints and writes the table."""

import argparse
import datetime
import os
import re
from pathlib import Path

from rich.console import Console

from benchmarks.generation.contestants import CONTESTANTS, Order
from benchmarks.generation.race import race
from benchmarks.generation.report import markdown, table
from benchmarks.machine import physical_cores, short_name

_MODEL = os.environ.get("IDIOLECT_TEST_MODEL") or "~/.cache/idiolect-dev/smollm2-135m-instruct"
_RESULTS = Path(__file__).parents[1] / "results"


def main() -> None:
    options = _options()
    console = Console()
    names = [name for name in CONTESTANTS if re.search(options.contestants, name)]
    order = Order(
        contestant="",
        model=str(options.model.expanduser().resolve()),
        data=str(options.data.resolve()),
        threads=options.threads,
        prompts=options.prompts,
        samples=options.samples,
        max_new_tokens=options.max_new_tokens,
    )
    load = os.getloadavg()[0]
    with console.status("") as status:
        results = race(names, order, options.repetitions, status.update)
    console.print(table(results))
    for result in results:
        if result.failure is not None:
            console.print(f"{result.title} failed: {result.failure}", markup=False)
    options.results.mkdir(parents=True, exist_ok=True)
    file = options.results / f"generation-{short_name()}-{datetime.date.today().isoformat()}.md"
    file.write_text(markdown(results, order, options.repetitions, load), encoding="utf-8")
    console.print(f"written: {file.name}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(_MODEL), help="folder of the target")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/gsm8k.jsonl"))
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--contestants", default="", help="pattern of the names to run")
    parser.add_argument("--results", type=Path, default=_RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
