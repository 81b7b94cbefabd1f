"""Which verifier checks the responses to a dataset, for every command that checks any."""

from typing import Any

from idiolect.config import Config
from idiolect.data.read import Dataset
from idiolect.errors import ConfigError, MissingExtra
from idiolect.models.money import Money
from idiolect.verification import NO_VERIFIER, Verifier, detect_verifier, get_verifier
from idiolect.verification.judge import Ask, AskModel, open_judge

__all__ = [
    "NOT_ASKED_FOR",
    "SWITCHED_OFF",
    "judge_identity",
    "judge_of",
    "need_verifier",
    "open_verifier",
]

NOT_ASKED_FOR = "not asked for"
SWITCHED_OFF = "switched off"


def judge_of(config: Config, money: Money, *, ask_again: bool = False) -> AskModel | None:
    """Return the model of `judge`, where the verifier asks it and it is named.

    Args:
        config: `verifier` and `judge`.
        money: What its answers are paid from.
        ask_again: Send requests again whose kept answer is empty.

    Raises:
        IdiolectError: see `open_judge`.
    """
    if config.verifier != "judge":
        return None
    return open_judge(config, money, ask_again=ask_again)


def judge_identity(config: Config) -> dict[str, Any]:
    """Return what a judge's verdicts depend on, for the identity of a run."""
    keys = ("model", "temperature", "top_p", "max_new_tokens")
    return {f"judge.{key}": getattr(config.judge, key) for key in keys}


def open_verifier(
    config: Config,
    dataset: Dataset,
    *,
    confirm_run_unsafe_code: bool,
    judge: Ask | None = None,
    may_be_left_out: bool = False,
) -> tuple[Verifier | None, str]:
    """Return the verifier that is asked for, or that suits the data, and why it is this one.

    Args:
        config: Its `verifier`.
        dataset: May bring a verifier of its own; else its examples decide.
        confirm_run_unsafe_code: Lets `code` run the programs of responses in a sandbox.
        judge: What the verifier of that name asks; see `judge_of`.
        may_be_left_out: Go on without the verifier that suits the data where it cannot work.

    Returns:
        None where nothing is to be checked, with the reason.

    Raises:
        ConfigError: there is no such verifier, or it lacks what it needs.
        MissingExtra: a package is not installed that the verifier needs.
    """
    name, why = _suitable(config, dataset)
    if name == NO_VERIFIER:
        return None, why
    try:
        return get_verifier(name, confirm_run_unsafe_code=confirm_run_unsafe_code, ask=judge), why
    except (ConfigError, MissingExtra) as error:
        if config.verifier is not None:
            raise
        # Nobody asked for it by name.
        if may_be_left_out:
            return None, f"{why}, but {error}"
        raise ConfigError(
            f"{dataset.source}: {why}, but {error}; or go on without checks with --verifier none"
        ) from None


def need_verifier(
    config: Config,
    dataset: Dataset,
    *,
    confirm_run_unsafe_code: bool,
    judge: Ask | None = None,
) -> tuple[Verifier, str]:
    """Return the verifier as `open_verifier` does, where checking is the point.

    Raises:
        ConfigError: the data hold nothing to check against, or see `open_verifier`.
        MissingExtra: a package is not installed that the verifier needs.
    """
    name, why = _suitable(config, dataset)
    if name == NO_VERIFIER:
        raise ConfigError(
            f"{dataset.source}: found nothing to check against ({why}); name the answer's "
            "column with --columns answer=COLUMN, or a verifier with --verifier"
        )
    return get_verifier(name, confirm_run_unsafe_code=confirm_run_unsafe_code, ask=judge), why


def _suitable(config: Config, dataset: Dataset) -> tuple[str, str]:
    """Return the name of the verifier, or `none`, and why."""
    if config.verifier == NO_VERIFIER:
        return NO_VERIFIER, SWITCHED_OFF
    if config.verifier is not None:
        return config.verifier, "asked for"
    if dataset.verifier:
        return dataset.verifier, f"what {dataset.source} is checked with"
    return detect_verifier(dataset.examples)
