"""Presets of a training. `train` takes them, and so do the configs that are exported.

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

from dataclasses import dataclass
from typing import Literal

__all__ = ["PRESETS", "Recipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Every setting of a training, decided. `TrainingConfig` explains the fields."""

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
