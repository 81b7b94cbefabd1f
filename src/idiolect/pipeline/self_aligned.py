"""What has to be there before self-aligned perplexity is begun."""

from collections.abc import Sequence

from idiolect.config import Config
from idiolect.errors import ConfigError

__all__ = ["NAME", "check_self_aligned"]

NAME = "self-aligned"


def check_self_aligned(config: Config, strategies: Sequence[str], *, is_verified: bool) -> None:
    """Check that there will be answers to show.

    Raises:
        ConfigError: a number is out of range, or no strategy or no verifier gives answers
            that are known to be correct.
    """
    if NAME not in config.measures:
        return
    settings = config.self_aligned
    if settings.examples < 1 or settings.draws < 1:
        raise ConfigError(
            f"self_aligned: found examples {settings.examples}, draws {settings.draws}; expected "
            "at least 1 of each"
        )
    if settings.answers not in strategies:
        raise ConfigError(
            f"measures: {NAME!r} needs the target's own answers, and no strategy "
            f"{settings.answers!r} is run; add it (--strategies "
            f"{','.join([*strategies, settings.answers])}), or name the responses that are its "
            "own (--set self_aligned.answers=column:NAME)"
        )
    if not is_verified:
        raise ConfigError(
            f"measures: {NAME!r} shows answers that are correct, and nothing is verified; give "
            "the data an answer column, or choose a verifier with --verifier"
        )
