"""A target whose weights are on a server: here are its tokenizer and its way of rendering chats."""

from dataclasses import dataclass
from typing import Any

from idiolect.chat import ChatFormat
from idiolect.config import TargetConfig
from idiolect.errors import ConfigError
from idiolect.models.tokenizer import chat_format, folder_revision, load_tokenizer, model_name

__all__ = ["ServedTarget", "load_served_target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTarget:
    """What is known here of a model that runs elsewhere. It scores, and does not answer."""

    name: str
    revision: str
    """Of the tokenizer's files; which weights the server holds is not known here."""

    tokenizer: Any
    chat: ChatFormat
    server_model: str | None = None
    """Name on the server."""

    device: str = "server"
    dtype: str = "unknown"


def load_served_target(config: TargetConfig) -> ServedTarget:
    """Load the tokenizer and the chat format, no weights.

    Raises:
        ConfigError: no model was named, its tokenizer cannot be loaded, or an adapter was named.
        TemplateError: its chat template cannot be used.
    """
    if config.adapter:
        raise ConfigError(
            f"target.adapter: found {config.adapter!r} with target.server, whose weights are not "
            "here; let the server load the adapter and name it with target.server_model"
        )
    tokenizer = load_tokenizer(config)
    name = model_name(config)
    return ServedTarget(
        name=name,
        revision=folder_revision(name) or config.revision or "unknown",
        tokenizer=tokenizer,
        chat=chat_format(tokenizer, config),
    )
