"""Checkpoints of a pretraining run: weights, optimizer state and how far it is.

Tensors go into safetensors and the rest into JSON; nothing is pickled. A checkpoint is written
beside the old one and renamed, so that a kill at any moment leaves a whole one.
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from idiolect.errors import RunError

__all__ = ["Progress", "load", "save"]

FOLDER = "checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is."""

    step: int = 0
    tokens: int = 0
    """Tokens read, without padding."""

    seconds: float = 0.0
    """Time spent in steps, over all starts of the run."""


def save(
    folder: Path,
    *,
    plan: Mapping[str, Any],
    progress: Progress,
    weights: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
) -> None:
    """Replace the checkpoint of a model folder."""
    fresh, old = folder / f"{FOLDER}.new", folder / f"{FOLDER}.old"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    tensors = {f"weight/{name}": tensor.detach() for name, tensor in weights.items()}
    tensors |= {f"state/{name}": tensor for name, tensor in state.items()}
    save_file(tensors, fresh / "state.safetensors")
    told = {"plan": plan, "progress": dataclasses.asdict(progress)}
    (fresh / "progress.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    shutil.rmtree(old, ignore_errors=True)
    if (folder / FOLDER).exists():
        os.replace(folder / FOLDER, old)
    os.replace(fresh, folder / FOLDER)
    shutil.rmtree(old, ignore_errors=True)


def load(
    folder: Path, *, plan: Mapping[str, Any]
) -> tuple[Progress, dict[str, Tensor], dict[str, Tensor]] | None:
    """Return progress, weights and optimizer state, or None where there is no checkpoint.

    Raises:
        RunError: The checkpoint was made by another plan; a mix of two is no model of either.
    """
    place = folder / FOLDER
    if not place.exists():
        # A kill between the two renames of `save` leaves only these.
        left = [folder / f"{FOLDER}.{name}" for name in ("new", "old")]
        place = next((p for p in left if (p / "progress.json").exists()), place)
    if not place.exists():
        return None
    told = json.loads((place / "progress.json").read_text(encoding="utf-8"))
    wanted = json.loads(json.dumps(plan))
    for name in sorted(wanted.keys() | told["plan"].keys()):
        before, now = told["plan"].get(name), wanted.get(name)
        if before != now:
            raise RunError(
                f"{place}: the checkpoint differs in {name!r}: found {before}, asked for {now}; "
                f"give the same value, or another folder, or delete the checkpoint"
            )
    tensors = load_file(place / "state.safetensors")
    parts = {
        kind: {n.removeprefix(kind): t for n, t in tensors.items() if n.startswith(kind)}
        for kind in ("weight/", "state/")
    }
    return Progress(**told["progress"]), parts["weight/"], parts["state/"]
