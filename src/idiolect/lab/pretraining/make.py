"""One call from nothing to a target: train, write the folder, measure it, record how.

`pretraining.json` in the model folder says what was asked, what came out, on which machine and
in what time. It is written last: a folder that has it is finished.
"""

import dataclasses
import json
import os
import platform
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from idiolect.errors import ConfigError, RunError
from idiolect.lab import skills, tokens
from idiolect.lab.idiolects import IDIOLECTS
from idiolect.lab.pretraining import checkpoint
from idiolect.lab.pretraining.export import export
from idiolect.lab.pretraining.loop import Plan, Report, train

__all__ = ["RECORD", "pick_device", "pretrain"]

RECORD = "pretraining.json"


def pretrain(
    plan: Plan,
    folder: Path,
    *,
    device: str,
    report: Report,
    command: str,
    problems: int = 500,
) -> dict[str, Any]:
    """Make a target in a folder and return its record; a finished folder is left as it is.

    Args:
        plan: What to train.
        folder: Where to; gone on from if it holds a checkpoint of the same plan.
        device: `cpu` or `cuda`.
        report: Called after each step.
        command: The command line, for the record.
        problems: Unseen problems per row of the skill table.

    Raises:
        ConfigError: There is no such idiolect.
        RunError: The folder holds a target or a checkpoint that was made by another plan.
    """
    if plan.native not in IDIOLECTS:
        raise ConfigError(
            f"lab pretrain: idiolect {plan.native!r} does not exist; "
            f"allowed: {', '.join(IDIOLECTS)}; choose one of them"
        )
    wanted = json.loads(json.dumps(dataclasses.asdict(plan)))
    done = folder / RECORD
    if done.exists():
        record = json.loads(done.read_text(encoding="utf-8"))
        if record["plan"] != wanted:
            raise RunError(
                f"{done}: the folder holds a target that was made by another plan; "
                f"found {record['plan']}, asked for {wanted}; choose another folder or delete it"
            )
        return record
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tokens.build()
    weights, progress = train(plan, folder, tokenizer, device=device, report=report)
    shape = plan.shape(len(tokenizer))
    export(weights, shape, tokenizer, folder)
    model, loaded = skills.load(folder)
    table = skills.skill_table(model.to(device), loaded, problems=problems)
    record = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "plan": wanted,
        "parameters": shape.parameters,
        "tokens_seen": progress.tokens,
        "training_seconds": round(progress.seconds, 1),
        "machine": machine(device),
        "skills": {name: dataclasses.asdict(score) for name, score in table.items()},
        "perplexity": skills.perplexity_table(model, loaded),
    }
    done.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder / checkpoint.FOLDER, ignore_errors=True)
    return record


def pick_device(asked: str | None) -> str:
    """Return the device to train on: the one asked for, or CUDA where there is one.

    Raises:
        ConfigError: CUDA was asked for and torch can't use it, or the name is unknown.
    """
    import torch

    if asked not in (None, "cpu", "cuda"):
        raise ConfigError(
            f"lab pretrain: device {asked!r} is unknown; allowed: cpu, cuda; choose one of them"
        )
    if asked == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "lab pretrain: device 'cuda' was asked for, but torch finds no CUDA device; "
            "use --device cpu or install a torch build for this GPU"
        )
    return asked or ("cuda" if torch.cuda.is_available() else "cpu")


def machine(device: str) -> dict[str, Any]:
    """Return what the run was made on: no name of a host, only kinds and versions."""
    import torch

    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": sys.version.split()[0],
        "torch": torch.__version__,
    }


def _processor() -> str:
    """Return the processor's model name where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
