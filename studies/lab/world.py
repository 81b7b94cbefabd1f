"""The data of the lab's study, and the corrected answers of both targets."""

import json
from pathlib import Path

from idiolect.config import Config, load_config
from idiolect.lab.datasets import row_of, write
from idiolect.lab.targets import TARGETS
from idiolect.lab.tasks import Skill, take
from idiolect.pipeline.build import build
from idiolect.records import Candidate
from idiolect.runs import RunReader
from idiolect.runs.progress import ProgressSink

__all__ = ["FRONTIER", "OTHERS", "config_of", "write_crossing", "write_problems"]

HERE = Path(__file__).parent
FRONTIER = (3, 4)
TRAINED = 300
TESTED = 300
OTHERS: dict[str, tuple[Skill, tuple[int, ...], int]] = {
    "shop": ("shop", (1, 2), 200),
    "equations": ("equations", (1,), 50),
    "choice": ("choice", (1,), 50),
    "lists": ("lists", (1,), 50),
}
"""Name -> skill, steps, unseen problems. `code` is left out: its check runs programs."""


def write_problems(folder: Path, *, scale: float) -> None:
    """Write the frontier to train on and to test on, and the skills that may be forgotten."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", TRAINED), ("test", TESTED)):
        problems = take(round(scale * count), "shop", seed=1000, split=split, steps=FRONTIER)
        write(problems, folder / f"{split}.jsonl")
    for name, (skill, steps, count) in OTHERS.items():
        problems = take(max(2, round(scale * count)), skill, seed=1000, split="test", steps=steps)
        write(problems, folder / f"{name}.jsonl")


def config_of(file: str, data: Path, train: str, target: str, output: Path) -> Config:
    """Return one of the configurations beside this file, with paths, for one target."""
    splits = {"test": "test.jsonl", **{f"others.{name}": f"{name}.jsonl" for name in OTHERS}}
    return load_config(
        HERE / file,
        flags={
            "data.path": str(data / train),
            "target.model": f"lab:{target}",
            "output_dir": str(output),
            **{
                f"study.{key}": {"data": {"path": str(data / name)}} for key, name in splits.items()
            },
        },
    )


def write_crossing(data: Path, runs: Path, report: ProgressSink, *, scale: float) -> None:
    """Let both targets answer the problems, and the teacher correct them; write both."""
    texts: dict[str, dict[str, str]] = {}
    for author in TARGETS:
        config = load_config(
            HERE / "main.yaml",
            flags={
                "data.path": str(data / "train.jsonl"),
                "target.model": f"lab:{author}",
                "strategies": ["minimal-change"],
                "output_dir": str(runs / f"corrected-{author}"),
            },
        )
        build(config, report=report)
        with RunReader(config.output_dir or "") as run:
            found = [c for c in run.all(Candidate) if c.strategy == "minimal-change"]
        texts[author] = {c.example_id: c.text for c in found}
    problems = take(round(scale * TRAINED), "shop", seed=1000, split="train", steps=FRONTIER)
    rows = [row_of(problem) for problem in problems]
    shared = [row for row in rows if all(row["id"] in each for each in texts.values())]
    lines = [
        json.dumps(row | {"responses": {name: each[row["id"]] for name, each in texts.items()}})
        for row in shared
    ]
    (data / "crossing.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
