"""One training in several processes gives the adapter that one process gives."""

import json
import socket

import pytest
from safetensors.torch import load_file

from idiolect.lab.datasets import write
from idiolect.lab.tasks import take

pytest.importorskip("trl")
pytest.importorskip("peft")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def ended(start, tmp_path):
    """Return a function that runs a training in so many processes to its end."""

    def run(*arguments, processes):
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
        shared |= {"WORLD_SIZE": str(processes)} if processes > 1 else {}
        started = [
            start(
                *arguments,
                log=tmp_path / f"{processes}-{rank}.txt",
                **shared,
                **({"RANK": str(rank), "LOCAL_RANK": str(rank)} if processes > 1 else {}),
            )
            for rank in range(processes)
        ]
        for rank, process in enumerate(started):
            process.join(120)
            assert process.exitcode == 0, (tmp_path / f"{processes}-{rank}.txt").read_text()
        return [(tmp_path / f"{processes}-{rank}.txt").read_text() for rank in range(processes)]

    return run


def test_two_processes_give_the_adapter_of_one_and_only_the_first_prints(ended, tmp_path):
    write(take(12, "shop", seed=1, split="train", steps=(1, 2)), tmp_path / "train.jsonl")
    train = ("train", tmp_path / "train.jsonl", "--target", "lab:amber", "--quiet", "--steps", 5)
    train = (*train, "--batch-size", 4, "--set", "training.checkpoint_steps=2")
    one, two = tmp_path / "one", tmp_path / "two"
    ended(*train, "-o", one, processes=1)
    first, second = ended(*train, "-o", two, processes=2)
    assert "adapter:" in first
    assert second == ""
    a, b = (load_file(folder / "adapter_model.safetensors") for folder in (one, two))
    assert max((a[name] - b[name]).abs().max().item() for name in a) < 1e-5
    losses = [json.loads((f / "manifest.json").read_text())["losses"] for f in (one, two)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
