"""A PEFT adapter on top of a loaded model."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import torch

from idiolect.errors import ConfigError, MissingExtra
from idiolect.records import content_id

__all__ = ["adapter_revision", "put_on"]

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def put_on(module: Any, folder: str, *, name: str, revision: str) -> Any:
    """Return the model with an adapter on top: an ordinary transformers model again.

    In float32 the adapter is merged into the weights, which then are as fast as the target's own.
    In bfloat16 it stays beside them, as in training: merged, its small changes would be rounded.

    Args:
        module: The loaded target, in evaluation mode; it is changed.
        folder: A folder that `idiolect train` or PEFT has written.
        name: The target's name, for messages.
        revision: The target's revision; an adapter of `idiolect train` must have been made for it.

    Raises:
        ConfigError: there is no adapter, it changes no weights, or it belongs to another model.
        MissingExtra: peft is not installed.
    """
    try:
        import peft
    except ImportError:
        raise MissingExtra("peft", "train", f"the adapter {folder!r}") from None
    config = _config(folder)
    _check_base(Path(folder), name, revision)
    if "r" not in config or config.get("peft_type") != "LORA":
        raise ConfigError(
            f"target.adapter {folder!r}: found the kind {config.get('peft_type')!r}, expected a "
            "LoRA adapter; merge others with their own tools and name the merged folder"
        )
    try:
        with warnings.catch_warnings():
            # PEFT reads attributes of transformers under their old names.
            warnings.simplefilter("ignore", FutureWarning)
            wrapped = peft.PeftModel.from_pretrained(module, folder, is_trainable=False)
    except (ValueError, RuntimeError, KeyError) as error:
        first = (str(error).strip().splitlines() or [repr(error)])[0]
        raise ConfigError(
            f"target.adapter {folder!r}: does not fit {name!r} ({first}); name the model that it "
            "was trained for"
        ) from None
    if next(module.parameters()).dtype == torch.float32:
        merged: Any = wrapped.merge_and_unload()
        return merged.eval().requires_grad_(False)
    return wrapped.get_base_model().eval().requires_grad_(False)


def adapter_revision(folder: str) -> str:
    """Return a hash of the adapter's weights and configuration.

    Raises:
        ConfigError: there is no adapter in the folder.
    """
    _config(folder)
    files = [Path(folder) / _CONFIG, Path(folder) / _WEIGHTS]
    return content_id([hashlib.blake2b(path.read_bytes()).hexdigest() for path in files])


def _config(folder: str) -> dict[str, Any]:
    try:
        found = json.loads((Path(folder) / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        found = None
    if found is None or not (Path(folder) / _WEIGHTS).is_file():
        raise ConfigError(
            f"target.adapter {folder!r}: found no {_CONFIG} with {_WEIGHTS} there; name a folder "
            "that `idiolect train` or PEFT has written"
        )
    return found


def _check_base(folder: Path, name: str, revision: str) -> None:
    """Refuse an adapter whose manifest says that it was trained for other weights."""
    place = folder if (folder / "manifest.json").exists() else folder.parent.parent
    try:
        manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
        trained_for = manifest["identity"]["target.revision"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # an adapter of somebody else
    if trained_for != revision:
        raise ConfigError(
            f"target.adapter {str(folder)!r}: was trained for revision {trained_for} of "
            f"{manifest['identity'].get('target.model')!r}, found revision {revision} of {name!r}; "
            "name the model that it was trained for"
        )
