"""Which verifier checks the responses to a dataset, for every command that checks any."""

from idiolect.config import Config
from idiolect.data.read import Dataset
from idiolect.errors import ConfigError, MissingExtra
from idiolect.models.money import Money
from idiolect.verification import NO_VERIFIER, Verifier, detect_verifier, get_verifier
from idiolect.verification.judge import open_judge

__all__ = ["NOT_ASKED_FOR", "SWITCHED_OFF", "need_verifier", "open_verifier"]

NOT_ASKED_FOR = "not asked for"
SWITCHED_OFF = "switched off"


def open_verifier(
    config: Config,
    dataset: Dataset,
    *,
    confirm_run_unsafe_code: bool,
    money: Money | None = None,
    may_be_left_out: bool = False,
) -> tuple[Verifier | None, str]:
    """Return the verifier that is asked for, or that suits the data, and why it is this one.

    Args:
        config: `verifier`, and `judge` for the verifier of that name.
        dataset: May bring a verifier of its own; else its examples decide.
        confirm_run_unsafe_code: Lets `code` run the programs of responses in a sandbox.
        money: What the answers of a judge are paid from.
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
        return _opened(name, config, confirm_run_unsafe_code, money), why
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
    money: Money | None = None,
) -> tuple[Verifier, str]:
    """Return the verifier as `open_verifier` does, where checking is the point.

    Raises:
        ConfigError: the data hold nothing to check against, or see `open_verifier`.
        MissingExtra: a package is not installed that the verifier needs.
    """
    name, why = _suitable(config, dataset)
    if name == NO_VERIFIER:
        raise ConfigError(
            f"{dataset.source}: found nothing to check answers against ({why}); name the answer's "
            "column with --columns answer=COLUMN, or a verifier with --verifier"
        )
    return _opened(name, config, confirm_run_unsafe_code, money), why


def _suitable(config: Config, dataset: Dataset) -> tuple[str, str]:
    """Return the name of the verifier, or `none`, and why."""
    if config.verifier == NO_VERIFIER:
        return NO_VERIFIER, SWITCHED_OFF
    if config.verifier is not None:
        return config.verifier, "asked for"
    if dataset.verifier:
        return dataset.verifier, f"what {dataset.source} is checked with"
    return detect_verifier(dataset.examples)


def _opened(
    name: str, config: Config, confirm_run_unsafe_code: bool, money: Money | None
) -> Verifier:
    ask = open_judge(config, money) if name == "judge" else None
    return get_verifier(name, confirm_run_unsafe_code=confirm_run_unsafe_code, ask=ask)
