"""Run the lab's study and write what came out beside this file.

    python -m studies.lab --seeds 5 --jobs 2
    python -m studies.lab --seeds 3 --jobs 2 --only-main -o runs/lab-main

A run that was stopped goes on where it was; `--fresh` starts over.
"""

import argparse
import dataclasses
import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from idiolect.cli.progress import progress
from idiolect.lab.targets import TARGETS, target_folder
from idiolect.pipeline.compare import Pilot, compare
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.study import Study, study
from idiolect.pipeline.study.datasets import strategies_of
from idiolect.runs.manifest import hardware, versions
from idiolect.runs.progress import ProgressSink
from studies.lab.familiarity import surprisals
from studies.lab.points import Point, all_points
from studies.lab.world import HERE, config_of, write_crossing, write_problems


def main() -> int:
    """Run every part, write the results, and say which points hold."""
    asked = _arguments()
    began = time.monotonic()
    with progress(quiet=False) as report:
        lab = Lab(asked=asked, report=report)
        write_problems(lab.data, scale=asked.scale)
        if asked.only_main:
            done = lab.study("main.yaml", "train.jsonl", "amber", "main")
            minutes = (time.monotonic() - began) / 60
            datasets = len(done.found.datasets)
            print(f"{datasets} datasets, {asked.seeds} seeds: {minutes:.1f} minutes; {done.page}")
            return 0
        write_crossing(lab.data, lab.runs, report, scale=asked.scale)
        pilot = lab.pilot()
        first = lab.study("main.yaml", "train.jsonl", "amber", "main")
        crossings = {
            learner: lab.study("crossing.yaml", "crossing.jsonl", learner, f"crossing-{learner}")
            for learner in TARGETS
        }
        familiar = {
            target: surprisals(target, lab.runs, lab.data, lab.options) for target in TARGETS
        }
    points = all_points(first, crossings, pilot, familiar)
    minutes = (time.monotonic() - began) / 60
    _write(asked.results, points, {"main": first, **crossings}, minutes, asked.seeds)
    for point in points:
        print(f"{'holds' if point.holds else 'DOES NOT HOLD'}: {point.name}")
    return 0 if all(point.holds for point in points) else 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output-dir", type=Path, default=Path("runs/lab-study"))
    parser.add_argument("--results", type=Path, default=HERE, help="Folder of results.md.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="Processes that train and answer.")
    parser.add_argument("--scale", type=float, default=1.0, help="Share of the problems: a look.")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument(
        "--only-main",
        action="store_true",
        help="The study of four datasets alone, to time it; writes no results.",
    )
    asked = parser.parse_args()
    if asked.seeds < 2 and not asked.only_main:
        parser.error("--seeds: the fifth point compares halves of the seeds; give at least 2")
    return asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """The parts of the study, each a run of its own below one folder."""

    asked: argparse.Namespace
    report: ProgressSink

    @property
    def runs(self) -> Path:
        """The folder of the runs."""
        return self.asked.output_dir

    @property
    def data(self) -> Path:
        """The folder of the problems."""
        return self.runs / "data"

    @property
    def options(self) -> RunOptions:
        """How every part goes about its run."""
        return RunOptions(fresh=self.asked.fresh)

    def pilot(self) -> Pilot:
        """Compare the strategies of the main study on some of its prompts."""
        config = config_of("main.yaml", self.data, "train.jsonl", "amber", self.runs / "pilot")
        names = tuple(strategies_of(config.study.datasets))
        config = dataclasses.replace(config, strategies=names)
        return compare(config, options=self.options, report=self.report)

    def study(self, file: str, train: str, target: str, name: str) -> Study:
        """Train and test the datasets of a configuration for a target."""
        config = config_of(file, self.data, train, target, self.runs / name)
        seeded = dataclasses.replace(config.study, seeds=tuple(range(self.asked.seeds)))
        return study(
            dataclasses.replace(config, study=seeded),
            options=self.options,
            jobs=self.asked.jobs,
            report=self.report,
        )


def _write(
    folder: Path, points: list[Point], studies: dict[str, Study], minutes: float, seeds: int
) -> None:
    """Write `results.json` and `results.md`."""
    circumstances = {
        "command": " ".join(["python -m studies.lab", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "minutes": round(minutes, 1),
        "seeds": seeds,
        "hardware": hardware(),
        "versions": versions(),
        "skills": {name: _skills(name) for name in TARGETS},
    }
    tree = circumstances | {"points": [dataclasses.asdict(point) for point in points]}
    (folder / "results.json").write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")
    lines = [
        "# The lab's study",
        "",
        "The lab is a model organism: these numbers test the machinery and are no evidence about "
        "large models.",
        "",
        f"`{circumstances['command']}`, {seeds} seeds, {minutes:.0f} minutes on "
        f"{circumstances['hardware']['cpu']} ({circumstances['hardware']['cores']} cores), "
        f"{circumstances['date']}.",
    ]
    for number, point in enumerate(points, start=1):
        lines += [
            "",
            f"## {number}. {point.name}: {'holds' if point.holds else 'does not hold'}",
            "",
        ]
        lines += [f"- {fact}" for fact in point.facts]
    for name, done in studies.items():
        page = done.page.read_text(encoding="utf-8").replace("# Study", f"## Study: {name}", 1)
        lines += ["", page.replace("\n## Datasets", "\n### Datasets").rstrip()]
    (folder / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _skills(name: str) -> object:
    return json.loads((target_folder(name) / "pretraining.json").read_text()).get("skills")


if __name__ == "__main__":
    sys.exit(main())
