"""What the papers' experiments would cost, and whether each of them runs.

python -m studies.paper prices            # a table, from `idiolect plan`; nothing is sent
python -m studies.paper lab -o FOLDER     # every experiment on the lab, in small, with a report
"""

import argparse
import sys
from pathlib import Path

from idiolect.cli import main as idiolect
from idiolect.config import load_config
from idiolect.pipeline.plan import Plan, Range, plan
from studies.paper.lab import EXPERIMENTS, HERE, command_of, lab_settings, write_data

__all__ = ["price_row", "run_on_lab"]


def main() -> int:
    """Do what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("prices", "lab"))
    parser.add_argument("-o", "--output-dir", type=Path, default=Path("runs/paper-lab"))
    asked = parser.parse_args()
    if asked.what == "prices":
        print(
            "| experiment | US dollars: low / expected / high | trainings | steps each | answers |"
        )
        print("|---|---|---|---|---|")
        for path in EXPERIMENTS:
            print(price_row(path))
        return 0
    write_data(asked.output_dir / "data")
    codes = [run_on_lab(path, asked.output_dir) for path in EXPERIMENTS]
    return max(codes)


def price_row(path: Path) -> str:
    """Return an experiment's row of the table of prices."""
    found: Plan = plan(load_config(path))
    name = path.relative_to(HERE).with_suffix("")
    work = ["-", "-", "-"]
    if found.training is not None:
        answers = found.training.test_answers + found.training.validation_answers
        work = [f"{n:,}" for n in (found.training.cells, found.training.steps, answers)]
    return f"| `{name}` | {_dollars(found.usd)} | {' | '.join(work)} |"


def run_on_lab(path: Path, folder: Path) -> int:
    """Run an experiment on the lab, write its report, and return the exit code.

    Args:
        path: The configuration.
        folder: With `data` in it, see `write_data`; the run goes beside that.
    """
    command = command_of(load_config(path))
    run = folder / "-".join(path.relative_to(HERE).with_suffix("").parts)
    settings = [word for each in lab_settings(path, folder / "data") for word in ("--set", each)]
    words = [command, "-c", str(path), *settings, "-o", str(run), "-q", "--confirm-run-unsafe-code"]
    return idiolect(words) or idiolect(["report", str(run)])


def _dollars(usd: Range | None) -> str:
    return "unknown" if usd is None else f"{usd.low:,.2f} / {usd.expected:,.2f} / {usd.high:,.2f}"


if __name__ == "__main__":
    sys.exit(main())
