"""The problems of the quickstart, drawn and written as the user's own data would be."""

import json
from dataclasses import dataclass
from pathlib import Path

from idiolect.errors import RunError
from idiolect.lab.datasets import row_of
from idiolect.lab.tasks import Problem, Skill, take
from idiolect.runs.manifest import write_atomically

__all__ = ["DEFAULT_SIZES", "OTHERS", "Sizes", "write_problems"]

_FRONTIER = (3, 4)
"""Steps of the problems that the target solves sometimes: there is something to learn."""

OTHERS: dict[str, tuple[Skill, tuple[int, ...]]] = {
    "easy-shop": ("shop", (1, 2)),
    "equations": ("equations", (1,)),
    "choice": ("choice", (1,)),
    "lists": ("lists", (1,)),
}
"""Name -> skill and steps of what may be forgotten. `code` is left out: its check runs programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is trained and tested."""

    trained: int
    """Problems to train on."""

    tested: int
    """Unseen problems of the same kind."""

    others: int
    """Problems of each other skill."""

    epochs: int
    trainings: int
    """Of each dataset, with different seeds."""

    max_new_tokens: int = 160


DEFAULT_SIZES = Sizes(trained=200, tested=200, others=50, epochs=2, trainings=3)
"""A minute and a half on two quiet cores, of which four minutes are allowed."""


def write_problems(folder: Path, sizes: Sizes, *, seed: int, fresh: bool) -> None:
    """Write `train.jsonl`, `test.jsonl` and one file for each other skill.

    Raises:
        RunError: there are other problems already, and they are not to be replaced.
    """
    drawn: dict[str, list[Problem]] = {
        "train": take(sizes.trained, "shop", seed=seed, split="train", steps=_FRONTIER),
        "test": take(sizes.tested, "shop", seed=seed, split="test", steps=_FRONTIER),
    }
    for name, (skill, steps) in OTHERS.items():
        drawn[name] = take(sizes.others, skill, seed=seed, split="test", steps=steps)
    folder.mkdir(exist_ok=True)
    for name, problems in drawn.items():
        rows = [json.dumps(row_of(problem), ensure_ascii=False) for problem in problems]
        _write(folder / f"{name}.jsonl", "".join(f"{row}\n" for row in rows), fresh=fresh)


def _write(path: Path, text: str, *, fresh: bool) -> None:
    is_there = path.exists()
    if is_there and path.read_text(encoding="utf-8") == text:
        return
    if is_there and not fresh:
        raise RunError(
            f"{path}: holds other problems than this quickstart draws, of another seed or an "
            "older version; use --fresh to start over, or another --output-dir"
        )
    write_atomically(path, text)
