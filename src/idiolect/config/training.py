"""`training`: how an adapter is trained."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from idiolect.config.base import FORBID

__all__ = ["TrainingConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How an adapter is trained. What is None is taken from the preset."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID

    preset: Literal["default", "paper"] = "default"
    """`default`: all linear layers. `paper`: what arXiv 2402.11192 ran."""

    rank: int | None = None
    """Of the LoRA matrices."""

    alpha: int | None = None
    """The update is scaled by alpha / rank."""

    dropout: float | None = None
    """Share of the inputs of the LoRA matrices that are set to zero at random."""

    modules: tuple[str, ...] | None = None
    """Names of the layers that get LoRA matrices; `("all-linear",)` is all but the head."""

    learning_rate: float | None = None
    """At its highest."""

    schedule: Literal["cosine", "linear", "constant"] | None = None
    """How the learning rate falls after the warm-up: to zero, or not at all."""

    warmup_share: float | None = None
    """Share of the steps over which the learning rate rises from zero."""

    epochs: int | None = None
    """Passes over the rows; `max_steps` takes precedence."""

    max_steps: int | None = None
    """Optimizer steps."""

    batch_size: int | None = None
    """Rows of one optimizer step, over all processes."""

    rows_at_once: int | None = None
    """Rows that go through the model together, on one device; 0 takes the whole batch. Less needs
    less memory; gradients add up to the same batch."""

    weight_decay: float | None = None
    """Of AdamW."""

    max_grad_norm: float | None = None
    """Gradients with a larger norm are scaled down to it."""

    activation_checkpointing: bool | None = None
    """Compute activations twice to store fewer of them."""

    checkpoint_steps: int | None = None
    """Write a checkpoint every so many steps; 0 writes none."""

    keep_checkpoints: int | None = None
    """The newest n are kept; 0 keeps all."""

    surprisal_limit: float | None = None
    """Nats. Response tokens that surprise the target more than this before training count
    `surprisal_weight` in the loss. None: all tokens count."""

    surprisal_weight: float | None = None
    """0 leaves them out."""
