"""A target's tokenizer and chat format, and the revision of its files. Needs no torch."""

import hashlib
from pathlib import Path
from typing import Any

from idiolect.chat import ChatFormat
from idiolect.config import TargetConfig
from idiolect.errors import ConfigError
from idiolect.records import content_id

__all__ = [
    "cannot_be_loaded",
    "chat_format",
    "folder_revision",
    "load_options",
    "load_tokenizer",
    "model_name",
    "model_path",
]

# Weights, settings, every kind of vocabulary, and code that comes with a model.
_FILES = ("*.json", "*.jinja", "*.safetensors", "*.bin", "*.txt", "*.model", "*.tiktoken", "*.py")
_SAMPLE_BYTES = 1 << 20


def model_name(config: TargetConfig) -> str:
    """Return the folder or hub id of the target.

    Raises:
        ConfigError: none was named.
    """
    if not config.model:
        raise ConfigError("no target was given; name a model folder or hub id with --target")
    return config.model


def model_path(name: str) -> str:
    """Return where transformers finds a model: the folder of a `lab:` target, or the name itself.

    Raises:
        ConfigError: there is no lab target of that name.
    """
    prefix, colon, target = name.partition(":")
    if not colon or prefix != "lab":
        return name
    from idiolect.lab import target_folder

    return str(target_folder(target))


def load_tokenizer(config: TargetConfig) -> Any:
    """Load the target's tokenizer.

    Raises:
        ConfigError: no model was named, it does not exist or cannot be loaded.
    """
    import transformers

    name = model_name(config)
    try:
        return transformers.AutoTokenizer.from_pretrained(model_path(name), **load_options(config))
    except (OSError, ValueError, KeyError) as error:
        raise cannot_be_loaded(name, error) from None


def load_options(config: TargetConfig) -> dict[str, Any]:
    """Return how transformers is asked for a part of the target."""
    return {"revision": config.revision, "trust_remote_code": config.trust_remote_code}


def cannot_be_loaded(name: str, error: Exception) -> ConfigError:
    """Return the error for a part of a target that transformers refuses."""
    lines = str(error).strip().splitlines() or [repr(error)]
    return ConfigError(
        f"target {name!r}: cannot be loaded ({lines[0]}); check the folder or hub "
        "id, and HF_HUB_OFFLINE and HF_TOKEN for hub models"
    )


def chat_format(tokenizer: Any, config: TargetConfig) -> ChatFormat:
    """Return the chat format that the configuration asks for.

    Raises:
        TemplateError: the template cannot be used.
    """
    return ChatFormat(
        tokenizer,
        name=model_name(config),
        plain=config.format,
        template_kwargs=config.template_kwargs,
        thinking=config.thinking,
    )


def folder_revision(name: str) -> str | None:
    """Return a hash of the files of a model folder; None where the name is no folder."""
    folder = Path(model_path(name))
    if not folder.is_dir():
        return None
    files = sorted({path for pattern in _FILES for path in folder.glob(pattern)})
    return content_id([(path.name, path.stat().st_size, _sampled_hash(path)) for path in files])


def _sampled_hash(path: Path) -> str:
    """Hash a file by its size and 17 places spread over it: exact for small files, fast for all."""
    digest = hashlib.blake2b(digest_size=8)
    size = path.stat().st_size
    with path.open("rb") as file:
        for step in range(17):
            file.seek(max(0, size - _SAMPLE_BYTES) * step // 16)
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
