"""Rows to train on, and a small training that takes a second."""

import pytest

from idiolect.config import TargetConfig, TrainingConfig
from idiolect.records import Message
from idiolect.training import TrainingRow

SMALL = TrainingConfig(
    rank=4, alpha=8, learning_rate=1e-2, max_steps=4, batch_size=4, rows_at_once=2
)


@pytest.fixture
def rows() -> list[TrainingRow]:
    """Return eight rows of different lengths."""
    return [
        TrainingRow(
            messages=(Message(role="user", content=f"What is {n} and {n * n}?"),),
            response="It is " + " + ".join(["1"] * n) + f", so {n + n * n}.",
        )
        for n in range(1, 9)
    ]


@pytest.fixture
def train(tiny_model, tmp_path):
    """Return a function that trains the tiny model into a folder of the given name."""
    pytest.importorskip("trl")
    pytest.importorskip("peft")
    from idiolect.training.train import train as run

    def go(rows, name="adapter", config=SMALL, **options):
        target = TargetConfig(str(tiny_model), dtype="float32", device="cpu")
        return run(target, rows, config, tmp_path / name, **options)

    return go
