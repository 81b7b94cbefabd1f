"""What a training's configuration adds up to: a preset, and what is set itself."""

import dataclasses
import math

from idiolect.config import TrainingConfig
from idiolect.config.presets import PRESETS, Recipe
from idiolect.errors import ConfigError

__all__ = ["PRESETS", "Recipe", "resolve", "steps_of"]


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


def steps_of(recipe: Recipe, rows: int) -> int:
    """Return how many optimizer steps a recipe takes over so many rows."""
    return recipe.max_steps or recipe.epochs * math.ceil(rows / recipe.batch_size)


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
