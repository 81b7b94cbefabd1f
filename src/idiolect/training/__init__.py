"""LoRA fine-tuning on top of TRL and PEFT. Importing the package loads neither."""

from idiolect.training.recipe import PRESETS, Recipe, resolve, steps_of
from idiolect.training.rows import TrainingRow

__all__ = ["PRESETS", "Recipe", "TrainingRow", "resolve", "steps_of"]
