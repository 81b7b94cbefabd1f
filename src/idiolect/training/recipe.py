"""Presets, and what a configuration adds up to.

`default`: LoRA on every linear layer but the head, alpha twice the rank, a learning rate about ten
times that of full fine-tuning, small batches.
Source: Schulman and Thinking Machines Lab, LoRA Without Regret, 2025: adapters of the attention
alone learn worse than those of all layers at the same size, the best rate is about ten times that
of full fine-tuning, and LoRA suffers from large batches. Differs in the rank: 16 holds the few
hundred to some thousand responses that this tool is for.

`paper`: what arXiv 2402.11192 ran (docs/paper.md §5): rank 8 on the query and value projections,
alpha 16, 2e-5 with a cosine, 20 epochs, batches of 30. Its warm-up bug: the released code computes
a number of warm-up steps and never passes it on, so that nothing was warmed up; this preset does
the same, and `warmup_share` asks for the warm-up. Differs in the precision, which was float16, and
in that rows longer than 1,024 tokens are not cut.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from idiolect.config import TrainingConfig
from idiolect.errors import ConfigError

__all__ = ["PRESETS", "Recipe", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Every setting of a training, decided. `config.TrainingConfig` explains the fields."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    modules: tuple[str, ...] = ("all-linear",)
    learning_rate: float = 2e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_share: float = 0.03
    epochs: int = 3
    max_steps: int | None = None
    batch_size: int = 16
    rows_at_once: int = 0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    activation_checkpointing: bool = False
    checkpoint_steps: int = 100
    keep_checkpoints: int = 1
    surprisal_limit: float | None = None
    surprisal_weight: float = 0.0


PRESETS: dict[str, Recipe] = {
    "default": Recipe(),
    "paper": Recipe(
        rank=8,
        alpha=16,
        modules=("q_proj", "v_proj"),
        learning_rate=2e-5,
        warmup_share=0.0,
        epochs=20,
        batch_size=30,
    ),
}


def resolve(config: TrainingConfig) -> Recipe:
    """Return the preset with everything that the configuration sets itself.

    Raises:
        ConfigError: a value is out of its range.
    """
    given = {
        field.name: value
        for field in dataclasses.fields(Recipe)
        if (value := getattr(config, field.name)) is not None
    }
    recipe = dataclasses.replace(PRESETS[config.preset], **given)
    _check(recipe)
    return recipe


def _check(recipe: Recipe) -> None:
    at_least_one = ("rank", "alpha", "epochs", "batch_size", "max_steps")
    for name in at_least_one:
        value = getattr(recipe, name)
        if value is not None and value < 1:
            raise ConfigError(f"training.{name}: found {value}, expected at least 1")
    at_least_zero = ("rows_at_once", "weight_decay", "checkpoint_steps", "keep_checkpoints")
    for name in at_least_zero:
        value = getattr(recipe, name)
        if value < 0:
            raise ConfigError(f"training.{name}: found {value}, expected at least 0")
    for name in ("learning_rate", "max_grad_norm", "surprisal_limit"):
        value = getattr(recipe, name)
        if value is not None and not 0 < value < float("inf"):
            raise ConfigError(f"training.{name}: found {value}, expected a number above 0")
    for name in ("dropout", "warmup_share", "surprisal_weight"):
        value = getattr(recipe, name)
        if not 0 <= value < 1:
            raise ConfigError(f"training.{name}: found {value}, expected at least 0 and below 1")
    if not recipe.modules:
        raise ConfigError(
            "training.modules: found no name, expected e.g. all-linear or q_proj,v_proj"
        )
