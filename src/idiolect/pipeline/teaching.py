"""What strategies need before they begin: the teacher, the money for it, checked settings."""

import dataclasses
from collections.abc import Mapping, Sequence
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
    "config_for",
    "require_verifier",
    "strategies_identity",
    "teachers_for",
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
    for name, teacher in config.teachers.items():
        check_sampling(teacher, f"teachers.{name}")
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


def config_for(strategy: Strategy, config: Config) -> Config:
    """Return the configuration as a strategy sees it: with the teacher that it asks."""
    if strategy.teacher is None:
        return config
    return dataclasses.replace(config, teacher=config.teachers[strategy.teacher])


def teachers_for(
    strategies: Sequence[Strategy],
    config: Config,
    money: Money,
    given: Model | None,
    *,
    ask_again: bool = False,
) -> dict[str | None, Model]:
    """Open the teachers that strategies ask, by `Strategy.teacher`.

    Args:
        strategies: All of a run.
        config: Names the teachers.
        money: What all of them are paid from.
        given: Answers in place of `teacher`.
        ask_again: Send requests again whose kept answer is empty.

    Raises:
        ConfigError: a strategy needs one and none is named, or it cannot be opened.
    """
    opened: dict[str | None, Model] = {}
    for strategy in strategies:
        name = strategy.teacher
        if "teacher" not in strategy.asks or name in opened:
            continue
        if name is None and given is not None:
            opened[name] = given
            continue
        teacher = config_for(strategy, config).teacher
        if not teacher.model:
            asking = [s.name for s in strategies if "teacher" in s.asks and s.teacher == name]
            named = f"teachers.{name}.model" if name else "--teacher, e.g. openai:gpt-4.1"
            one = len(asking) == 1
            raise ConfigError(
                f"strategies: {', '.join(asking)} {'asks' if one else 'ask'} a teacher, and none "
                f"is named; name one with {named}, or leave {'it' if one else 'them'} out"
            )
        from idiolect.models.registry import open_teacher

        opened[name] = open_teacher(
            teacher,
            money=money,
            prices=config.prices,
            section=f"teachers.{name}" if name else "teacher",
            ask_again=ask_again,
        )
    return opened


def strategies_identity(
    strategies: Sequence[Strategy],
    config: Config,
    teachers: Mapping[str | None, Model],
    wording: Wording,
) -> dict[str, Any]:
    """Return what the strategies' answers depend on, for the identity of the run."""
    identity: dict[str, Any] = {}
    for name, teacher in teachers.items():
        section = f"teachers.{name}" if name else "teacher"
        settings = dataclasses.asdict(config.teachers[name] if name else config.teacher)
        identity |= {f"{section}.model": teacher.name, f"{section}.revision": teacher.revision}
        identity |= {f"{section}.{key}": settings[key] for key in _DECIDES_ANSWERS}
    if any("target" in strategy.asks for strategy in strategies):
        identity["own.sampler"] = SAMPLER_VERSION
    for strategy in strategies:
        for section in _SECTIONS.get(strategy.kind, ()):
            identity[section] = dataclasses.asdict(getattr(config, section))
        for prompt in strategy.prompts:
            identity[f"prompts.{prompt}"] = wording.hash_of(prompt)
    return identity
