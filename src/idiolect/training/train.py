"""Train a LoRA adapter for a target, and keep what it was made from beside it.

The output directory holds the adapter in PEFT's form, `manifest.json`, and `checkpoints/`. A
training that was killed goes on from its newest whole checkpoint to the same adapter; one that is
finished is not repeated; one with other inputs is refused by name.

Several adapters in one process: call `train` several times. The libraries are loaded once, and the
weights of the target anew each time, because training changes the loaded model.

Several GPUs: `accelerate launch --num_processes N -m idiolect train ...`, or `torchrun`;
`batch_size` stays the number of rows of one optimizer step over all of them.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idiolect.chat import Rendered
from idiolect.config import TargetConfig, TrainingConfig
from idiolect.errors import ConfigError, MissingExtra
from idiolect.runs.manifest import write_manifest
from idiolect.runs.progress import ProgressSink, ignore_progress
from idiolect.training.directory import (
    checkpoints,
    drop_checkpoints,
    held,
    prepare,
    read_manifest,
)
from idiolect.training.recipe import Recipe, resolve
from idiolect.training.rows import TrainingRow, encode_rows, fingerprint, labels, with_own_ids

__all__ = ["TrainingResult", "train"]

_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """A trained adapter, and how the training went."""

    adapter: Path
    """The folder: `TargetConfig.adapter` takes it."""

    steps: int
    first_loss: float
    """Nats per trained token on the rows of the first step, before the first update."""

    losses: tuple[float, ...]
    """Nats per trained token of each step, before its update."""

    seconds: float
    """Wall time of the training, without loading, in the process that finished it."""

    rows: int
    tokens: int
    """Trained tokens of one epoch: responses and ends of turn."""

    checkpoints: tuple[Path, ...] = ()
    """Adapters of earlier steps that were kept, oldest first; each folder is an adapter."""

    merged: Path | None = None
    """The whole model with the adapter merged in, where that was asked for."""


def train(
    target: TargetConfig,
    rows: Sequence[TrainingRow],
    config: TrainingConfig,
    output: str | Path,
    *,
    seed: int = 0,
    merge: bool = False,
    fresh: bool = False,
    report: ProgressSink = ignore_progress,
) -> TrainingResult:
    """Train a LoRA adapter on the rows, or finish a training that was interrupted.

    Args:
        target: The model to train.
        rows: What it is to learn. The loss falls on responses and ends of turn alone.
        config: Preset and settings.
        output: The folder of the adapter.
        seed: Decides the adapter's first values and the order of the rows.
        merge: Write the whole model with the adapter merged in, too, to `output/merged`.
        fresh: Forget an earlier training in `output`.
        report: Is told the steps.

    Raises:
        ConfigError: a setting is wrong, or the layers that it names do not exist.
        DataError: there is nothing to train on, a row is too long, or no row ends its turn.
        RunError: `output` is held, or belongs to a training from other inputs.
        MissingExtra: trl or peft is not installed.
    """
    recipe = resolve(config)
    if target.server or target.adapter:
        raise ConfigError(
            "training needs the plain weights here: leave out target.server and target.adapter "
            "(to train further, merge the adapter first and name the merged folder)"
        )
    try:
        from idiolect.training import session
    except ImportError as error:
        if error.name and error.name.split(".")[0] in _PACKAGES:
            raise MissingExtra(error.name, "train", "training") from None
        raise
    folder, main = Path(output), session.is_main()
    with held(folder) if main else nullcontext():
        model = session.load(target)
        rows = with_own_ids(rows, model.revision)
        rendered = encode_rows(model.chat, rows, max_length=model.max_length)
        identity = _identity(model, rendered, recipe, seed, merge)
        if main:
            prepare(folder, identity, fresh=fresh)
        session.wait()
        if read_manifest(folder).get("status") == "complete":
            if main:  # it may have been killed before this
                _tidy(folder, recipe)
            session.wait()
            return _result(folder)
        session.wait()
        entries = {"preset": config.preset, "identity": identity, **_facts(model, rendered)}
        if main:
            write_manifest(folder / "manifest.json", {"status": "running", **entries}, seconds=0)
        began = time.monotonic()
        fitted = session.Session(
            model=model,
            rendered=rendered,
            recipe=recipe,
            folder=folder,
            seed=seed,
            merge=merge,
            report=report,
        ).fit()
        if main:
            entries |= {
                "status": "complete",
                "steps": len(fitted.losses),
                "training_seconds": round(fitted.seconds, 2),
                "losses": list(fitted.losses),
            }
            write_manifest(folder / "manifest.json", entries, seconds=time.monotonic() - began)
            _tidy(folder, recipe)
        session.wait()
        return _result(folder)


def _tidy(folder: Path, recipe: Recipe) -> None:
    """Drop a checkpoint that was there only to resume from."""
    if recipe.keep_checkpoints == 1:
        drop_checkpoints(folder)


def _identity(
    model: Any, rendered: Sequence[Rendered], recipe: Recipe, seed: int, merge: bool
) -> dict[str, Any]:
    """Return what the adapter depends on."""
    return {
        "target.model": model.name,
        "target.revision": model.revision,
        "target.dtype": model.dtype,
        "target.device": model.device,
        "target.template": model.chat.fingerprint,
        "data": fingerprint(rendered),
        "seed": seed,
        "merge": merge,
        **{f"training.{key}": value for key, value in dataclasses.asdict(recipe).items()},
    }


def _facts(model: Any, rendered: Sequence[Rendered]) -> dict[str, Any]:
    """Return what a reader of the manifest wants to know beside the identity."""
    return {
        "template": model.chat.label,
        "rows": len(rendered),
        "tokens": sum(label >= 0 for item in rendered for label in labels(item)),
    }


def _result(folder: Path) -> TrainingResult:
    found: Mapping[str, Any] = read_manifest(folder)
    merged = folder / "merged"
    return TrainingResult(
        adapter=folder,
        steps=found["steps"],
        first_loss=found["losses"][0],
        losses=tuple(found["losses"]),
        seconds=found["training_seconds"],
        rows=found["rows"],
        tokens=found["tokens"],
        checkpoints=tuple(checkpoints(folder)),
        merged=merged if merged.is_dir() else None,
    )
