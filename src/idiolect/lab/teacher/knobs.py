"""The teacher's faults, all off by default. Each is a share of replies or a size."""

from dataclasses import dataclass, fields

from idiolect.errors import ConfigError

__all__ = ["Knobs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What is wrong with the teacher.

    Raises:
        ConfigError: A share is not between 0 and 1, or a size is negative.
    """

    error_rate: float = 0.0
    """Share of replies with a wrong answer."""

    refusal_rate: float = 0.0
    """Share of replies that refuse."""

    meta_talk_rate: float = 0.0
    """Share of replies that talk about the answer before giving it."""

    over_editing_rate: float = 0.0
    """Share of corrections that rewrite the whole answer in `tutor`."""

    accent_rate: float = 0.0
    """Share of corrections whose corrected lines stand in `tutor`, a line for a line. The lines
    that were right stay as they were, and so does all of an answer to `choice` or `code`, which
    `tutor` does not write step for step."""

    extra_sentences: int = 0
    """Verbosity: empty sentences put before every solution that is not a correction."""

    latency_s: float = 0.0
    """Seconds that the server waits before it replies."""

    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_rate") and not 0 <= value <= 1:
                raise ConfigError(
                    f"lab teacher: knob {field.name!r}: found {value}, allowed are numbers from "
                    f"0 to 1; give a share of replies"
                )
            if field.name in ("extra_sentences", "latency_s") and value < 0:
                raise ConfigError(
                    f"lab teacher: knob {field.name!r}: found {value}, allowed are numbers from "
                    f"0; give 0 to switch it off"
                )
