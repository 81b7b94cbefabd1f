"""Run the lab's study and write what came out beside this file.

    python -m studies.lab --seeds 5 --jobs 2

A run that was stopped goes on where it was; `--fresh` starts over.
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

from idiolect.cli.progress import progress
from idiolect.config import Config
from idiolect.lab.targets import TARGETS, target_folder
from idiolect.pipeline.compare import compare
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.study import Study, study
from idiolect.runs.manifest import hardware, versions
from studies.lab.familiarity import surprisals
from studies.lab.points import Point, all_points
from studies.lab.world import HERE, config_of, write_crossing, write_problems


def main() -> int:
    """Run every part, write the results, and say which points hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output-dir", type=Path, default=Path("runs/lab-study"))
    parser.add_argument("--results", type=Path, default=HERE)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="Share of the problems: a look.")
    parser.add_argument("--fresh", action="store_true")
    asked = parser.parse_args()
    began = time.monotonic()
    runs, data = asked.output_dir, asked.output_dir / "data"
    options = RunOptions(fresh=asked.fresh)
    seeds = tuple(range(asked.seeds))
    write_problems(data, scale=asked.scale)
    with progress(quiet=False) as report:
        write_crossing(data, runs, report, scale=asked.scale)
        settings = config_of("main.yaml", data, "train.jsonl", "amber", runs / "main")
        pilot_settings = dataclasses.replace(
            settings,
            strategies=("reference", "teacher", "minimal-change", "ladder"),
            output_dir=str(runs / "pilot"),
        )
        pilot = compare(pilot_settings, options=options, report=report)
        first = study(_seeded(settings, seeds), options=options, jobs=asked.jobs, report=report)
        crossings: dict[str, Study] = {}
        for learner in TARGETS:
            crossing = config_of(
                "crossing.yaml", data, "crossing.jsonl", learner, runs / f"crossing-{learner}"
            )
            crossings[learner] = study(
                _seeded(crossing, seeds), options=options, jobs=asked.jobs, report=report
            )
        familiar = {target: surprisals(target, runs, data, options) for target in TARGETS}
    points = all_points(first, crossings, pilot, familiar)
    minutes = (time.monotonic() - began) / 60
    _write(asked.results, points, {"main": first, **crossings}, minutes, asked.seeds)
    for point in points:
        print(f"{'holds' if point.holds else 'DOES NOT HOLD'}: {point.name}")
    return 0 if all(point.holds for point in points) else 2


def _seeded(config: Config, seeds: tuple[int, ...]) -> Config:
    return dataclasses.replace(config, study=dataclasses.replace(config.study, seeds=seeds))


def _write(
    folder: Path, points: list[Point], studies: dict[str, Study], minutes: float, seeds: int
) -> None:
    """Write `results.json` and `results.md`."""
    circumstances = {
        "command": " ".join(["python -m studies.lab", *sys.argv[1:]]),
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
        f"{circumstances['hardware']['cpu']} ({circumstances['hardware']['cores']} cores).",
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
