"""Every experiment on the lab, in small: the same configuration with other models and data."""

from pathlib import Path

from idiolect.config import Config, load_config
from idiolect.lab.datasets import write
from idiolect.lab.tasks import Skill, take

__all__ = ["EXPERIMENTS", "commands_of", "lab_settings", "task_of", "write_data"]

HERE = Path(__file__).parent
EXPERIMENTS = tuple(sorted([*HERE.glob("*.yaml"), *HERE.glob("corrected/*.yaml")]))
_SKILLS: dict[str, tuple[Skill, tuple[int, ...]]] = {
    "gsm8k": ("shop", (3, 4)),
    "math-algebra": ("equations", (1,)),
    "ecqa": ("choice", (1,)),
    "winogrande": ("choice", (1,)),
    "esnli": ("choice", (1,)),
    "squad": ("choice", (1,)),
    "drop": ("shop", (3, 4)),
    "hellaswag": ("choice", (1,)),
    "mbpp": ("code", (1,)),
    "humaneval": ("code", (1,)),
}
"""Task -> the lab's skill that is nearest to it, and how many steps its problems have."""

_TEACHERS = {"claude": "lab:birch", "mini": "lab:amber"}
_SMALL = {
    "compare.prompts": 6,
    "own.max_new_tokens": 80,
    "own.samples": 1,
    "training.batch_size": 4,
    "training.max_steps": 2,
    "study.seeds": [0],
    "study.learning_rates": [],
    "study.base_runs": 1,
    "study.examples": 6,
    "study.evaluation.samples": 1,
    "study.evaluation.max_new_tokens": 24,
}
"""What makes a run small. It shows that the experiment runs, and nothing else."""


def task_of(config: Config) -> str:
    """Return the name of the task that an experiment trains, or measures."""
    return config.data.path or ""


def commands_of(config: Config) -> list[str]:
    """Return the commands of `idiolect` that an experiment is for."""
    can = {"compare": config.strategies, "study": config.study.datasets}
    return [command for command, has in can.items() if has]


def write_data(folder: Path) -> None:
    """Write a file to train on, one to validate with and one to test with for each skill."""
    folder.mkdir(parents=True, exist_ok=True)
    for skill, steps in set(_SKILLS.values()):
        for split, name, count in (("train", "train", 10), ("test", "test", 2)):
            problems = take(count, skill, seed=7, split=split, steps=steps)
            write(problems, folder / f"{skill}-{name}.jsonl")
        write(
            take(12, skill, seed=7, split="train", steps=steps)[10:],
            folder / f"{skill}-validation.jsonl",
        )


def lab_settings(path: Path, data: Path) -> list[str]:
    """Return what has to be set (`KEY=VALUE`) to run an experiment on the lab, in small.

    Args:
        path: The configuration.
        data: Where `write_data` wrote to.
    """
    config = load_config(path)

    def file(task: str, split: str) -> str:
        return str(data / f"{_SKILLS[task][0]}-{split}.jsonl")

    settings: dict[str, object] = {
        "target": "lab:amber",
        "teacher": "lab:teacher",
        **{f"teachers.{name}": _TEACHERS[name] for name in config.teachers},
        "data.path": file(task_of(config), "train"),
        "study.checkpoints": min(config.study.checkpoints, 2),
        "study.validation_examples": min(config.study.validation_examples, 2),
        **_SMALL,
    }
    if config.study.test:
        settings["study.test.data.path"] = file(config.study.test.data.path or "", "test")
    if config.study.validation:
        validation = config.study.validation.data.path or ""
        settings["study.validation.data.path"] = file(validation, "validation")
    for name, other in config.study.others.items():
        settings[f"study.others.{name}.data.path"] = file(other.data.path or "", "test")
    return [f"{key}={value}" for key, value in settings.items()]
