"""What strategies need before they begin: the teacher, the money for it, checked settings."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from idiolect.config import Config
from idiolect.errors import ConfigError
from idiolect.models.base import Model
from idiolect.models.generation import SAMPLER_VERSION
from idiolect.models.money import Money
from idiolect.models.registry import check_sampling
from idiolect.strategies import Strategy
from idiolect.strategies.wording import Wording
from idiolect.verification import Verifier

__all__ = [
    "check_settings",
    "require_verifier",
    "strategies_identity",
    "teacher_for",
]

_SECTIONS = {
    "minimal-change": ("minimal_change",),
    "continue": ("continuation",),
    "styled": ("styled",),
    "ladder": ("ladder", "minimal_change", "continuation", "styled"),
}
_DECIDES_ANSWERS = ("temperature", "top_p", "max_new_tokens", "show_answer")


def check_settings(config: Config) -> None:
    """Check the settings of the strategies.

    Raises:
        ConfigError: one is outside of what is allowed.
    """
    check_sampling(config.teacher, "teacher")
    if not 0 < config.minimal_change.budget <= 1:
        raise ConfigError(
            f"minimal_change.budget: found {config.minimal_change.budget}, expected a share of "
            "words in (0, 1], e.g. 0.5"
        )
    counts = {
        "minimal_change.attempts": config.minimal_change.attempts,
        "continuation.rounds": config.continuation.rounds,
        "styled.examples": config.styled.examples,
        "ladder.samples": config.ladder.samples,
    }
    for key, count in counts.items():
        if count < 1:
            raise ConfigError(f"{key}: found {count}, expected at least 1")
    if config.continuation.rounds > 3:
        raise ConfigError(f"continuation.rounds: found {config.continuation.rounds}, at most 3")
    if config.ladder.temperature <= 0:
        raise ConfigError(
            f"ladder.temperature: found {config.ladder.temperature}, expected above 0, or every "
            "sample is the same; e.g. 0.8"
        )
    if config.max_cost is not None and config.max_cost < 0:
        raise ConfigError(f"max_cost: found {config.max_cost}, expected US dollars from 0")


def require_verifier(strategies: Sequence[Strategy], verifier: Verifier | None) -> None:
    """Refuse strategies that build upon verdicts where nothing can be checked.

    Raises:
        ConfigError: there is such a strategy.
    """
    needy = [s.name for s in strategies if "verifier" in s.needs]
    if needy and verifier is None:
        raise ConfigError(
            f"strategies: {', '.join(needy)} build upon answers that were checked, and nothing "
            "can be checked here; name a verifier with --verifier, or leave them out"
        )


def teacher_for(
    strategies: Sequence[Strategy], config: Config, money: Money, given: Model | None
) -> Model | None:
    """Open the teacher, if any strategy asks it.

    Raises:
        ConfigError: a strategy needs one and none is named, or it cannot be opened.
    """
    asking = [s.name for s in strategies if "teacher" in s.asks]
    if not asking:
        return None
    if given is not None:
        return given
    if not config.teacher.model:
        raise ConfigError(
            f"strategies: {', '.join(asking)} ask a teacher, and none is named; name one with "
            "--teacher, e.g. openai:gpt-4.1, or leave them out"
        )
    from idiolect.models.registry import open_teacher

    return open_teacher(config.teacher, money=money, prices=config.prices)


def strategies_identity(
    strategies: Sequence[Strategy], config: Config, teacher: Model | None, wording: Wording
) -> dict[str, Any]:
    """Return what the strategies' answers depend on, for the identity of the run."""
    identity: dict[str, Any] = {}
    if teacher is not None:
        settings = dataclasses.asdict(config.teacher)
        identity |= {"teacher.model": teacher.name, "teacher.revision": teacher.revision}
        identity |= {f"teacher.{key}": settings[key] for key in _DECIDES_ANSWERS}
    if any("target" in strategy.asks for strategy in strategies):
        identity["own.sampler"] = SAMPLER_VERSION
    for strategy in strategies:
        for section in _SECTIONS.get(strategy.name, ()):
            identity[section] = dataclasses.asdict(getattr(config, section))
        for prompt in strategy.prompts:
            identity[f"prompts.{prompt}"] = wording.hash_of(prompt)
    return identity
