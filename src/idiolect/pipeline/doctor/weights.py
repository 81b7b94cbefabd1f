"""Where the target's weights are, and whether they fit into memory."""

import json
import os
import struct
from pathlib import Path
from typing import Any

from idiolect.config import TargetConfig
from idiolect.errors import IdiolectError
from idiolect.models.tokenizer import model_name, model_path
from idiolect.pipeline.doctor.checks import Check, gibibytes, problem

__all__ = ["check_weights", "count_parameters"]

_FILE, _INDEX = "model.safetensors", "model.safetensors.index.json"


def check_weights(config: TargetConfig) -> list[Check]:
    """Look for the weights, without loading them."""
    if config.server:
        return [_served(config)]
    try:
        name = model_path(model_name(config))
    except IdiolectError as error:
        return [problem("weights", error)]
    folder = Path(name) if Path(name).is_dir() else _cached(name, config.revision)
    if folder is None:
        revision = f" --revision {config.revision}" if config.revision else ""
        offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
        return [
            Check(
                name="weights",
                status="problem" if offline else "warning",
                found=f"{name}: not on this machine"
                + (", and HF_HUB_OFFLINE is set" if offline else ""),
                fix=f"env -u HF_HUB_OFFLINE hf download {name}{revision}"
                if offline
                else "the first run downloads them",
            )
        ]
    files = _files(folder)
    missing = [file.name for file in files if not file.is_file()]
    if missing or not files:
        return [
            Check(
                name="weights",
                status="problem",
                found=f"{folder}: found no {', '.join(missing) or _FILE}",
                fix="download the model again, or save it with save_pretrained (safetensors)",
            )
        ]
    try:
        parameters = sum(count_parameters(file) for file in files)
    except (OSError, ValueError, struct.error) as error:
        return [
            Check(
                name="weights",
                status="problem",
                found=f"{folder}: cannot be read ({error})",
                fix="download the model again",
            )
        ]
    return [
        Check(
            name="weights",
            status="ok",
            found=f"{folder}: {len(files)} file{'s' * (len(files) > 1)}, {_count(parameters)} "
            "parameters",
        ),
        _memory(parameters, config),
    ]


def count_parameters(file: Path) -> int:
    """Return the number of values in a safetensors file, read off its header.

    Source: https://github.com/huggingface/safetensors#format: 8 bytes of length, then JSON.

    Raises:
        ValueError: the header is none.
    """
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        if length > file.stat().st_size:
            raise ValueError(f"{file.name} is cut off")
        header: dict[str, Any] = json.loads(opened.read(length))
    total = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        count = 1
        for size in entry["shape"]:
            count *= int(size)
        total += count
    return total


def _files(folder: Path) -> list[Path]:
    index = folder / _INDEX
    if index.is_file():
        tree = json.loads(index.read_text(encoding="utf-8"))
        return [folder / name for name in sorted(set(tree["weight_map"].values()))]
    return sorted(folder.glob("*.safetensors"))


def _cached(name: str, revision: str | None) -> Path | None:
    """Return the folder of the hub's cache that holds a model's weights."""
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    for file in (_FILE, _INDEX):
        try:
            found = try_to_load_from_cache(name, file, revision=revision)
        except HFValidationError:
            return None
        if isinstance(found, str):
            return Path(found).parent
    return None


def _served(config: TargetConfig) -> Check:
    from idiolect.scoring.server import Server

    try:
        server = Server(config.server or "", retries=0, timeout_s=10.0)
        model = server.model(config.server_model)
    except IdiolectError as error:
        return problem("server", error)
    return Check(name="server", status="ok", found=f"{server.url} offers {model.name}")


def _memory(parameters: int, config: TargetConfig) -> Check:
    """Compare the weights, as they are held, with the memory that is free."""
    free, where, width = _free_memory(config)
    need = parameters * (4 if config.dtype == "float32" else width)
    if free is None:
        return Check(name="memory", status="ok", found=f"the weights take {gibibytes(need)}")
    found = f"the weights take {gibibytes(need)} of {gibibytes(free)} free on the {where}"
    if need > free:
        return Check(
            name="memory",
            status="problem",
            found=found,
            fix="close other programs, take a smaller model, or score over a server (--server)",
        )
    if need * 1.5 > free:
        return Check(
            name="memory",
            status="warning",
            found=found,
            fix="little is left for scoring; close other programs if memory runs out",
        )
    return Check(name="memory", status="ok", found=found)


def _free_memory(config: TargetConfig) -> tuple[int | None, str, int]:
    """Return free bytes, of what, and the bytes a weight takes there."""
    if config.device != "cpu":
        try:
            import torch
        except ImportError:
            pass
        else:
            if torch.cuda.is_available():
                return int(torch.cuda.mem_get_info()[0]), "GPU", 2
    width = 2 if config.dtype == "bfloat16" else 4
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        (line,) = [line for line in lines if line.startswith("MemAvailable:")]
        return int(line.split()[1]) * 1024, "machine", width
    except (OSError, ValueError):
        return None, "machine", width


def _count(number: int) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return str(number)
