"""A model by its name: a server's, the lab's, or one whose weights are on this machine."""

import re
from collections.abc import Mapping

from idiolect.config import PriceConfig, TargetConfig, TeacherConfig
from idiolect.errors import ConfigError, MissingExtra, nearest
from idiolect.models.base import Model
from idiolect.models.money import Money

__all__ = ["open_teacher"]

_KINDS = ("openai", "anthropic", "lab")
_LAB = ("lab:teacher", "lab:amber", "lab:birch")
_LOCAL_PACKAGES = ("torch", "transformers", "safetensors", "jaxtyping")


def open_teacher(
    config: TeacherConfig,
    *,
    money: Money | None = None,
    prices: Mapping[str, PriceConfig] | None = None,
    section: str = "teacher",
) -> Model:
    """Return the model that a configuration names. Nothing is sent yet.

    Args:
        config: The section that names it.
        money: What its answers are paid from; None pays without a cap.
        prices: `prices` of the configuration.
        section: Where the configuration names it, for messages.

    Raises:
        ConfigError: no model was named, there is none of that name, or there is a cap and its
            price is not known.
        MissingExtra: a package that it needs is not installed.
        StorageError: the response cache cannot be used.
    """
    name = config.model
    if not name:
        raise ConfigError(
            f"{section}: no model was given; name one with {section}.model, e.g. openai:gpt-4.1"
        )
    kind = name.partition(":")[0] if re.match(r"\w\w+:", name) else "local"
    if kind == "lab" and name not in _LAB:
        raise ConfigError(
            f"{section}.model: found {name!r}, expected one of {', '.join(_LAB)}"
            f"{nearest(name, _LAB)}"
        )
    if name == "lab:teacher":
        from idiolect.lab.teacher.model import ScriptedTeacher

        return ScriptedTeacher()
    if kind in ("lab", "local"):
        return _local(name, section)
    raise ConfigError(
        f"{section}.model: found {name!r}, expected {', '.join(f'{k}:NAME' for k in _KINDS)}, a "
        f"folder or a hub id{nearest(kind, _KINDS)}"
    )


def _local(name: str, section: str) -> Model:
    """Load weights from a folder or a hub id."""
    try:
        from idiolect.models.local import load_local_model

        return load_local_model(TargetConfig(name))
    except ImportError as error:
        if error.name and error.name.split(".")[0] in _LOCAL_PACKAGES:
            raise MissingExtra(error.name, "local", f"a {section} on this machine") from None
        raise
