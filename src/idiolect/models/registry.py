"""A model by its name: a server's, the lab's, or one whose weights are on this machine."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from idiolect.config import HelperConfig, PriceConfig, TargetConfig
from idiolect.errors import ConfigError, nearest, needs_local
from idiolect.models.base import Model
from idiolect.models.money import Money
from idiolect.models.prices import price_of
from idiolect.models.wires.address import base_url
from idiolect.models.wires.base import Wire

__all__ = ["check_name", "check_sampling", "open_teacher", "server_of"]

_KINDS = ("openai", "anthropic", "lab")
_LAB = ("lab:teacher", "lab:amber", "lab:birch")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Provider:
    """Where a protocol's own service is, and which environment variables lead there."""

    official_url: str
    path: str
    key: str
    url: str


_PROVIDERS = {
    "openai": _Provider(
        official_url="https://api.openai.com/v1",
        path="/v1",
        key="OPENAI_API_KEY",
        url="OPENAI_BASE_URL",
    ),
    "anthropic": _Provider(
        official_url="https://api.anthropic.com",
        path="",
        key="ANTHROPIC_API_KEY",
        url="ANTHROPIC_BASE_URL",
    ),
}


def check_sampling(config: HelperConfig, section: str) -> None:
    """Check how a model is to draw its tokens.

    Raises:
        ConfigError: a value is outside of what is allowed.
    """
    if config.temperature < 0 or not 0 < config.top_p <= 1 or config.max_new_tokens < 1:
        raise ConfigError(
            f"{section}: found temperature {config.temperature}, top_p {config.top_p}, "
            f"max_new_tokens {config.max_new_tokens}; expected >= 0, in (0, 1] and >= 1"
        )


def open_teacher(
    config: HelperConfig,
    *,
    money: Money | None = None,
    prices: Mapping[str, PriceConfig] | None = None,
    section: str = "teacher",
    ask_again: bool = False,
) -> Model:
    """Return the model that a configuration names. Nothing is sent yet.

    Args:
        config: The section that names it.
        money: What its answers are paid from; None pays without a cap.
        prices: `prices` of the configuration.
        section: Where the configuration names it, for messages.
        ask_again: Send requests again whose kept answer is empty.

    Raises:
        ConfigError: no model was named, there is none of that name, or there is a cap and its
            price is not known.
        MissingExtra: a package that it needs is not installed.
        StorageError: the response cache cannot be used.
    """
    kind = check_name(config, section=section)
    name = config.model or ""
    if name == "lab:teacher":
        from idiolect.lab.teacher.model import ScriptedTeacher

        return ScriptedTeacher()
    if kind in ("lab", "local"):
        return _local(name, section)
    return _endpoint(kind, name, config, money or Money(), prices or {}, section, ask_again)


def check_name(config: HelperConfig, *, section: str = "teacher") -> str:
    """Check the name of a model and return its kind: `openai`, `anthropic`, `lab` or `local`.

    Raises:
        ConfigError: no model was named, there is no such kind, or its URL is malformed.
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
    if kind not in (*_KINDS, "local"):
        raise ConfigError(
            f"{section}.model: found {name!r}, expected {', '.join(f'{k}:NAME' for k in _KINDS)}, "
            f"a folder or a hub id{nearest(kind, _KINDS)}"
        )
    server_of(config, section=section)
    return kind


def server_of(config: HelperConfig, *, section: str = "teacher") -> tuple[str, str, str] | None:
    """Return protocol, name on the server and base URL; None for a model without a server.

    Raises:
        ConfigError: the name or its URL is malformed.
    """
    name = config.model or ""
    kind = name.partition(":")[0]
    if kind not in _PROVIDERS:
        return None
    return (kind, *_address(name, _PROVIDERS[kind], section))


def _local(name: str, section: str) -> Model:
    """Load weights from a folder or a hub id."""
    with needs_local(f"a {section} on this machine"):
        from idiolect.models.local import load_local_model

        return load_local_model(TargetConfig(name))


def _endpoint(
    kind: str,
    name: str,
    config: HelperConfig,
    money: Money,
    prices: Mapping[str, PriceConfig],
    section: str,
    ask_again: bool,
) -> Model:
    """Prepare a model behind a server."""
    from idiolect.models.cache import ResponseCache, cache_folder
    from idiolect.models.endpoint import EndpointModel
    from idiolect.models.service import Service

    if config.max_concurrency < 1 or config.timeout_s <= 0 or config.retries < 0:
        raise ConfigError(
            f"{section}: found max_concurrency {config.max_concurrency}, timeout_s "
            f"{config.timeout_s}, retries {config.retries}; expected >= 1, > 0 and >= 0"
        )
    provider = _PROVIDERS[kind]
    model, url = _address(name, provider, section)
    official = url == provider.official_url
    price = price_of(name if official else f"{kind}:{model}@{url}", prices)
    if price is None and money.cap_usd is not None:
        raise ConfigError(
            f"{section}.model: the price of {name!r} is not known, so a cap on the cost cannot be "
            f"kept; leave out --max-cost, or give the price in the configuration: prices: "
            f"{{{model!r}: {{input_usd_per_million: 1.0, output_usd_per_million: 2.0}}}} "
            "(0 for a server of your own)"
        )
    key = os.environ.get(provider.key)
    if not key and official:
        raise ConfigError(f"{section}.model: {name!r} needs an API key; set {provider.key}")
    make = _openai_wire if kind == "openai" else _anthropic_wire
    wire = make(model, url=url, key=key or "none", timeout_s=config.timeout_s)
    return EndpointModel(
        Service(
            name=name,
            kind=kind,
            model=model,
            wire=wire,
            price=price,
            money=money,
            cache=ResponseCache(cache_folder()) if config.cache else None,
            max_concurrency=config.max_concurrency,
            retries=config.retries,
            help=f"{provider.key}, {section}.model and the account",
            ask_again=ask_again,
        )
    )


def _address(name: str, provider: _Provider, section: str) -> tuple[str, str]:
    """Return the name on the server, and the base URL."""
    found = re.fullmatch(r"\w+:(?P<model>.+?)(@(?P<url>https?://.*))?", name, re.DOTALL)
    if found is None:
        raise ConfigError(
            f"{section}.model: found {name!r}, expected a name behind the colon, e.g. "
            "openai:gpt-4.1 or openai:NAME@http://localhost:8000/v1"
        )
    url = found["url"] or os.environ.get(provider.url) or provider.official_url
    where = f"{section}.model" if found["url"] else provider.url
    return found["model"], base_url(url, where=where, key=provider.key, path=provider.path)


def _openai_wire(model: str, *, url: str, key: str, timeout_s: float) -> Wire:
    from idiolect.models.wires.openai import OpenAIWire

    return OpenAIWire(model, url=url, key=key, timeout_s=timeout_s)


def _anthropic_wire(model: str, *, url: str, key: str, timeout_s: float) -> Wire:
    from idiolect.models.wires.anthropic import AnthropicWire

    return AnthropicWire(model, url=url, key=key, timeout_s=timeout_s)
