"""The training loop of the targets: seeded, resumable, on a CPU or a CUDA device."""

import contextlib
import ctypes
import dataclasses
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from idiolect.lab.pretraining import checkpoint, network
from idiolect.lab.pretraining.batches import STEPS_PER_POOL, Batch, steps_of_pool
from idiolect.lab.pretraining.checkpoint import Progress
from idiolect.lab.pretraining.mix import Mix, late_mix
from idiolect.lab.pretraining.network import Shape
from idiolect.lab.pretraining.optimizer import Optimizer, Rates

__all__ = ["Plan", "keep_memory", "train"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that decides what a target becomes."""

    native: str
    """The idiolect that is the target's mother tongue."""

    seed: int = 0
    steps: int = 800
    tokens_per_step: int = 4096
    warmup_steps: int = 40
    decay_share: float = 0.6
    """The last part of the steps, in which the rates fall to zero in a straight line."""

    width: int = 192
    layers: int = 4
    heads: int = 6
    inner: int = 512
    mix: Mix = field(default_factory=Mix)
    late: Mix = field(default_factory=late_mix)
    late_from: int = 608
    """The step after which the late mix is read; whole pools of eight steps count."""

    rates: Rates = field(default_factory=Rates)

    def shape(self, vocabulary: int) -> Shape:
        """Return the size of the network."""
        return Shape(
            vocabulary=vocabulary,
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            inner=self.inner,
        )

    def rate(self, step: int) -> float:
        """Return the share of the full rates at a step, the first being 1."""
        falling = (self.steps + 1 - step) / (self.decay_share * self.steps)
        return min(1.0, step / self.warmup_steps, falling)


Report = Callable[[Progress, float], None]
"""Called after each step with the progress and the mean loss of the step in nats per token."""


def train(
    plan: Plan,
    folder: Path,
    tokenizer: Any,
    *,
    device: str,
    report: Report,
    save_every_s: float = 60.0,
) -> tuple[dict[str, Tensor], Progress]:
    """Train to the plan's last step and return weights and progress.

    A checkpoint in the folder is gone on from; one is written every `save_every_s` seconds and
    at the end.

    Raises:
        RunError: The folder holds a checkpoint of another plan.
    """
    keep_memory()
    shape = plan.shape(len(tokenizer))
    plain = dataclasses.asdict(plan)
    found = checkpoint.load(folder, plan=plain)
    progress, start = Progress(), network.from_scratch(shape, plan.seed)
    if found:
        progress, start, _ = found
    weights = {name: tensor.to(device).requires_grad_() for name, tensor in start.items()}
    optimizer = Optimizer(weights, plan.rates)
    if found:
        for name, tensor in found[2].items():
            optimizer.state[name].copy_(tensor)

    def keep() -> None:
        state = optimizer.state
        checkpoint.save(folder, plan=plain, progress=progress, weights=weights, state=state)

    saved = time.monotonic()
    # Nothing is saved when a step is interrupted: half of its weights could be new.
    for batches in _steps(plan, tokenizer, progress.step):
        began = time.monotonic()
        total, nll, tokens = _backward(weights, shape, batches, device)
        number = progress.step + 1
        optimizer.step(number, plan.rate(number))
        now = time.monotonic()
        progress = Progress(
            step=number, tokens=progress.tokens + tokens, seconds=progress.seconds + now - began
        )
        report(progress, nll / total)
        if now - saved > save_every_s or number == plan.steps:
            keep()
            saved = now
    return weights, progress


def _steps(plan: Plan, tokenizer: Any, done: int) -> Iterator[list[Batch]]:
    """Yield the batches of every step that is still to do."""
    left = plan.steps - done
    first, skipped = divmod(done, STEPS_PER_POOL)
    pools = (
        steps_of_pool(
            plan.mix if number * STEPS_PER_POOL < plan.late_from else plan.late,
            plan.native,
            tokenizer,
            seed=plan.seed,
            number=number,
            tokens_per_step=plan.tokens_per_step,
        )
        for number in itertools.count(first)
    )
    return itertools.islice(itertools.chain.from_iterable(pools), skipped, skipped + left)


def _backward(
    weights: dict[str, Tensor], shape: Shape, batches: list[Batch], device: str
) -> tuple[int, float, int]:
    """Add up the gradients of one step; return learned tokens, their NLL, and all tokens read."""
    total = sum(int(batch.scored.sum()) for batch in batches)
    tokens = sum(int((batch.ids != 0).sum()) for batch in batches)
    nll = 0.0
    for batch in batches:
        summed = network.loss(weights, shape, batch.ids.to(device), batch.scored.to(device))
        (summed / total).backward()  # pyright: ignore[reportUnknownMemberType]
        nll += float(summed.detach())
    return total, nll, tokens


def keep_memory() -> None:
    """Tell glibc to hand freed memory back to us and not to the system.

    On virtual machines a fresh page costs more than the arithmetic done on it: measured 1,900
    against 8,000 tokens a second for one and the same step.
    """
    if sys.platform != "linux":
        return
    trim_threshold, mmap_threshold = -1, -3
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_threshold, 2**31 - 1)
        libc.mallopt(trim_threshold, 2**31 - 1)
