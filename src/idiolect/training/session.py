"""One training in this process: model, trainer and what comes out. Loads torch and trl."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from peft import LoraConfig
from transformers import PrinterCallback

from idiolect.chat import Rendered
from idiolect.config import TargetConfig
from idiolect.errors import ConfigError
from idiolect.models.local import LocalModel, load_local_model
from idiolect.models.memory import settle
from idiolect.runs.progress import ProgressSink
from idiolect.training.directory import newest_checkpoint
from idiolect.training.recipe import Recipe
from idiolect.training.rows import all_ids, labels
from idiolect.training.trainer import (
    IdTrainer,
    PadIds,
    StepReports,
    quiet_libraries,
    trainer_settings,
)
from idiolect.training.weights import response_surprisals, token_weights, weighted_rows

__all__ = ["Fitted", "Session", "is_main", "load", "wait"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What a training gave."""

    losses: tuple[float, ...]
    seconds: float


def is_main() -> bool:
    """Say whether this process writes the files: the only one, or the first of several."""
    return os.environ.get("RANK", "0") == "0"


def wait() -> None:
    """Wait until all processes of this training are here."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        PartialState().wait_for_everyone()


def load(target: TargetConfig) -> LocalModel:
    """Load the target, in each process on a device of its own."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    model = load_local_model(target)
    settle(model.module)
    return model


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A training that is about to run."""

    model: LocalModel
    rendered: Sequence[Rendered]
    recipe: Recipe
    folder: Path
    seed: int
    merge: bool
    report: ProgressSink

    def fit(self) -> Fitted:
        """Train to the end, from the newest checkpoint if there is one, and save the adapter."""
        began = time.monotonic()
        rows = self._rows()
        with quiet_libraries():
            trainer = self._trainer(rows)
            trainer.remove_callback(PrinterCallback)
            checkpoint = newest_checkpoint(self.folder)
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        seconds = time.monotonic() - began
        if is_main():
            self._save(trainer.accelerator.unwrap_model(trainer.model))
        losses = {e["step"]: e["loss"] for e in trainer.state.log_history if "loss" in e}
        return Fitted(
            losses=tuple(losses[step] for step in sorted(losses)),
            seconds=seconds,
        )

    def _rows(self) -> list[dict[str, Any]]:
        limit, weight = self.recipe.surprisal_limit, self.recipe.surprisal_weight
        if limit is None:
            return [{"input_ids": all_ids(r), "labels": labels(r)} for r in self.rendered]
        surprisals = response_surprisals(self.model, self.rendered)
        return weighted_rows(self.rendered, token_weights(surprisals, limit=limit, weight=weight))

    def _trainer(self, rows: list[dict[str, Any]]) -> IdTrainer:
        recipe, model = self.recipe, self.model
        at_once, accumulated = self._division()
        settings = trainer_settings(
            output_dir=str(self.folder / "checkpoints"),
            per_device_train_batch_size=at_once,
            gradient_accumulation_steps=accumulated,
            num_train_epochs=recipe.epochs,
            max_steps=recipe.max_steps or -1,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type=recipe.schedule,
            warmup_steps=recipe.warmup_share,
            weight_decay=recipe.weight_decay,
            max_grad_norm=recipe.max_grad_norm,
            gradient_checkpointing=recipe.activation_checkpointing,
            save_strategy="steps" if recipe.checkpoint_steps else "no",
            save_steps=recipe.checkpoint_steps or 500,
            save_total_limit=recipe.keep_checkpoints or None,
            seed=self.seed,
            data_seed=self.seed,
            use_cpu=model.device == "cpu",
            bf16=model.dtype == "bfloat16",
        )
        pad = model.tokenizer.pad_token_id
        try:
            return IdTrainer(
                model=model.module,
                args=settings,
                train_dataset=Dataset.from_list(rows),
                processing_class=model.tokenizer,
                data_collator=PadIds(model.chat.terminator_id if pad is None else pad),
                peft_config=self._lora(),
                callbacks=[StepReports(self.report)],
            )
        except ValueError as error:
            raise ConfigError(f"training: {str(error).splitlines()[0]}") from None

    def _lora(self) -> LoraConfig:
        recipe = self.recipe
        modules: Any = list(recipe.modules)
        return LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules="all-linear" if modules == ["all-linear"] else modules,
            task_type="CAUSAL_LM",
        )

    def _division(self) -> tuple[int, int]:
        """Return how many rows go through the model together, and how often for one step."""
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        each, rest = divmod(self.recipe.batch_size, processes)
        at_once = min(self.recipe.rows_at_once or each, each)
        if rest or at_once < 1 or each % at_once:
            raise ConfigError(
                f"training.batch_size: found {self.recipe.batch_size} with {processes} processes "
                f"and rows_at_once {self.recipe.rows_at_once}; expected a multiple of both together"
            )
        return at_once, each // at_once

    def _save(self, module: Any) -> None:
        # What the adapter belongs to: the name that the user gave, not where its files lie here.
        module.peft_config["default"].base_model_name_or_path = self.model.name
        # The embeddings are not trained; PEFT would look for them on the hub by the name above.
        module.save_pretrained(str(self.folder), save_embedding_layers=False)
        if self.merge:
            merged = module.merge_and_unload()
            merged.save_pretrained(str(self.folder / "merged"))
            self.model.tokenizer.save_pretrained(str(self.folder / "merged"))
