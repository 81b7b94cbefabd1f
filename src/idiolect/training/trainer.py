"""TRL's trainer on ids that are ready: no preparation, no noise, no telemetry."""

import logging
import os
import time
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

# Read by huggingface_hub when it is imported, which trl does.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")

import torch
from torch import Tensor
from transformers import TrainerCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from idiolect.runs.progress import Progress, ProgressSink
from idiolect.training.rows import IGNORED

__all__ = ["IdTrainer", "PadIds", "StepReports", "quiet_libraries", "trainer_settings"]


class IdTrainer(SFTTrainer):
    """`SFTTrainer`, with weights for tokens where the batch brings them."""

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the sum of (weighted) token NLLs by the number of trained tokens of the step."""
        weights: Tensor | None = inputs.pop("token_weights", None)
        if weights is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        count = outputs.label_mask.sum() if num_items_in_batch is None else num_items_in_batch
        loss = -(weights[:, 1:] * outputs.log_probs).sum() / count
        if num_items_in_batch is not None:  # the count is of all processes, which are averaged
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def _send_telemetry(self) -> None:
        """Tell nobody."""

    def create_model_card(self, *arguments: Any, **options: Any) -> None:
        """Write no card beside each checkpoint."""


class PadIds:
    """Pads ids, labels and weights on the right. Padding never counts, whatever its id is."""

    def __init__(self, pad_id: int) -> None:
        self._pad_id = pad_id

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Return the batch: ids, attention mask and labels, each rows x longest row."""
        width = max(len(row["input_ids"]) for row in rows)

        def padded(name: str, filler: float, dtype: torch.dtype) -> Tensor:
            full = [[*row[name], *[filler] * (width - len(row[name]))] for row in rows]
            return torch.tensor(full, dtype=dtype)

        batch = {
            "input_ids": padded("input_ids", self._pad_id, torch.long),
            "labels": padded("labels", IGNORED, torch.long),
            "attention_mask": torch.tensor(
                [[1] * (n := len(row["input_ids"])) + [0] * (width - n) for row in rows]
            ),
        }
        if "token_weights" in rows[0]:
            batch["token_weights"] = padded("token_weights", 0.0, torch.float32)
        return batch


class StepReports(TrainerCallback):
    """Reports the steps to our progress."""

    def __init__(self, report: ProgressSink) -> None:
        self._report = report
        self._began = time.monotonic()
        self._resumed = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Note where the training begins."""
        self._began, self._resumed = time.monotonic(), state.global_step
        self._tell(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Tell that a step is done."""
        self._tell(state)

    def _tell(self, state: Any) -> None:
        if state.is_world_process_zero:
            self._report(
                Progress(
                    step="train",
                    done=state.global_step,
                    total=state.max_steps,
                    seconds=time.monotonic() - self._began,
                    resumed=self._resumed,
                )
            )


@contextmanager
def quiet_libraries() -> Generator[None]:
    """Keep the libraries' announcements off the screen; errors stay exceptions."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    accelerate_logger = logging.getLogger("accelerate")
    before = accelerate_logger.level
    transformers_logging.set_verbosity_error()
    accelerate_logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Renamed arguments between the versions of trl, transformers and torch.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        transformers_logging.set_verbosity(level)
        accelerate_logger.setLevel(before)


def trainer_settings(**settings: Any) -> SFTConfig:
    """Return TRL's settings for rows of ids: nothing prepared, cut, drawn or sent anywhere."""
    return SFTConfig(
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        report_to="none",
        disable_tqdm=True,
        # Of the processes behind the first; the trainer would make them talk again.
        log_level_replica="error",
        logging_strategy="steps",
        logging_steps=1,
        logging_first_step=True,
        push_to_hub=False,
        ddp_find_unused_parameters=False,
        **settings,
    )
