"""`--responses`: which of the responses that the data bring a command looks at."""

from collections.abc import Sequence

from idiolect.data.read import Dataset
from idiolect.errors import ConfigError, nearest
from idiolect.pipeline.inputs import column_names, default_strategies

__all__ = ["named_responses"]


def named_responses(dataset: Dataset, responses: Sequence[str]) -> list[str]:
    """Return the strategies that stand for the named responses, in the order of their naming.

    Args:
        dataset: The examples.
        responses: `all`, or names: `reference`, `label`, and response columns, with or without
            `column:` in front.

    Raises:
        ConfigError: the data hold no response of a name.
    """
    everything = default_strategies(dataset)
    if list(responses) == ["all"]:
        return everything
    columns = column_names(dataset)
    known = [*everything, *(["label"] if any(e.answer for e in dataset.examples) else [])]
    names = [f"column:{name}" if name in columns else name for name in responses]
    for name in names:
        if name not in known:
            allowed = [known_name.removeprefix("column:") for known_name in known]
            bare = name.removeprefix("column:")
            raise ConfigError(
                f"--responses: unknown response {name!r}{nearest(bare, allowed)} "
                f"(allowed: all, {', '.join(allowed)})"
            )
    return list(dict.fromkeys(names))
