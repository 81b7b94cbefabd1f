"""Which checkpoint of a training, and which learning rate of a dataset, is taken.

The research that this follows chose checkpoints on the test file (docs/paper.md, section 5). Here
the choice sees a validation split and can see nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from idiolect.errors import ConfigError
from idiolect.pipeline.study.splits import Split

__all__ = ["best_on_validation"]

K = TypeVar("K")


def best_on_validation(rates: Mapping[K, Sequence[float]], *, split: Split | None, what: str) -> K:
    """Return the option with the highest mean rate; the first of those that tie.

    Args:
        rates: Option -> its rates of correct answers to the validation split.
        split: What the rates were measured on.
        what: What is chosen, for messages.

    Raises:
        ConfigError: there are several options and no validation split, or it is another split.
    """
    options = list(rates)
    if split is not None:
        split.need("validation")
    if len(options) == 1:
        return options[0]
    if split is None:
        raise ConfigError(
            f"study: {len(options)} {what} to choose from and no validation split; set "
            "study.validation_examples, e.g. 100, or study.validation"
        )
    return max(options, key=lambda option: sum(rates[option]) / len(rates[option]))
