"""What the papers' experiments would cost, and whether each of them runs.

python -m studies.paper prices            # a table, from `idiolect plan`; nothing is sent
python -m studies.paper lab -o FOLDER     # every experiment on the lab, in small, with a report
"""

import argparse
import sys
from pathlib import Path

from idiolect.cli import main as idiolect
from idiolect.config import load_config
from idiolect.pipeline.estimates import Range
from idiolect.pipeline.plan import Plan, plan
from idiolect.training import resolve
from studies.paper.lab import EXPERIMENTS, HERE, commands_of, lab_settings, write_data

__all__ = ["price_row", "run_of", "run_on_lab"]

HEADERS = (
    "experiment",
    "US dollars: low / expected / high",
    "trainings",
    "steps",
    "answers",
    "hours",
)

# The hours are an estimate that nobody has checked: one A100 of 80 GB and a model of 7B.
ROW_TOKENS = 250
ANSWER_TOKENS = 150
FLOP_PER_TOKEN = 4 * 7.2e9
"""LoRA: forward, and backward through the frozen weights, two operations a weight each."""

FLOP_PER_SECOND = 0.4 * 312e12
"""Forty per cent of the card's peak in bfloat16."""

TOKENS_PER_SECOND = 1500
"""Generated, in batches."""


def main() -> int:
    """Do what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("prices", "lab"))
    parser.add_argument("-o", "--output-dir", type=Path, default=Path("runs/paper-lab"))
    asked = parser.parse_args()
    if asked.what == "prices":
        print(f"| {' | '.join(HEADERS)} |\n{'|---' * len(HEADERS)}|")
        for path in EXPERIMENTS:
            print(price_row(path))
        return 0
    write_data(asked.output_dir / "data")
    codes = [run_on_lab(path, asked.output_dir) for path in EXPERIMENTS]
    return max(codes)


def price_row(path: Path) -> str:
    """Return an experiment's row of the table of prices."""
    config = load_config(path)
    found: Plan = plan(config)
    name = path.relative_to(HERE).with_suffix("")
    cells = steps = 0
    answers = round(sum(r.requests.expected for r in found.requests if r.role == "target"))
    if found.training is not None:
        cells, steps = found.training.cells, found.training.steps
        answers += found.training.test_answers + found.training.validation_answers
    rows = cells * steps * resolve(config.training).batch_size
    seconds = rows * ROW_TOKENS * FLOP_PER_TOKEN / FLOP_PER_SECOND
    seconds += answers * ANSWER_TOKENS / TOKENS_PER_SECOND
    hours = f"{seconds / 3600:.1f}" if seconds >= 360 else "<0.1"
    work = [f"{cells:,}", f"{steps:,}", f"{answers:,}", hours]
    return f"| `{name}` | {_dollars(found.usd)} | {' | '.join(work)} |"


def run_on_lab(path: Path, folder: Path) -> int:
    """Run the commands of an experiment on the lab, with their reports; return the exit code.

    Args:
        path: The configuration.
        folder: With `data` in it, see `write_data`; the runs go beside that.
    """
    codes: list[int] = []
    for command in commands_of(load_config(path)):
        run = run_of(path, folder, command)
        settings = [f"--set={each}" for each in lab_settings(path, folder / "data")]
        words = [command, "-c", str(path), *settings, "-o", str(run), "-q"]
        codes.append(
            idiolect([*words, "--confirm-run-unsafe-code"]) or idiolect(["report", str(run)])
        )
    return max(codes)


def run_of(path: Path, folder: Path, command: str) -> Path:
    """Return where a command of an experiment writes to."""
    return folder / "-".join([*path.relative_to(HERE).with_suffix("").parts, command])


def _dollars(usd: Range | None) -> str:
    return "unknown" if usd is None else f"{usd.low:,.2f} / {usd.expected:,.2f} / {usd.high:,.2f}"


if __name__ == "__main__":
    sys.exit(main())
