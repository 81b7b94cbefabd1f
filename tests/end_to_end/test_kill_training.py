"""Training, evaluation and a study that are killed with SIGKILL end as if nothing had happened."""

import json
import random
import signal
import time
from itertools import pairwise

import pytest
import tiny
from safetensors.torch import load_file

from idiolect.lab.datasets import write
from idiolect.lab.tasks import take
from idiolect.records import Answer, Cell
from idiolect.runs import RunReader
from idiolect.training.directory import newest_checkpoint

pytest.importorskip("trl")
pytest.importorskip("peft")
STEPS = 24
ANSWERS = ("--samples", 2, "--temperature", 1.0, "--max-new-tokens", 32)


@pytest.fixture
def data(tmp_path):
    """Problems to learn and others to be tested on."""
    for split, count in (("train", 12), ("test", 64)):
        problems = take(count, "shop", seed=1, split=split, steps=(1, 2))
        write(problems, tmp_path / f"{split}.jsonl")
    return tmp_path


@pytest.fixture
def ended(start, log):
    """Return a function that runs a command to its end."""

    def run(*arguments):
        process = start(*arguments, log=log)
        process.join()
        assert process.exitcode == 0, log.read_text()

    return run


@pytest.fixture
def killed(start, log):
    """Return a function that runs a command and kills it a moment after something is true.

    It says whether the kill came before the end.
    """
    moments = random.Random(1905)

    def run(*arguments, after, within_s=0.05):
        process = start(*arguments, log=log)
        while process.is_alive() and not after():
            time.sleep(0.001)
        time.sleep(moments.uniform(0, within_s))
        process.kill()
        process.join()
        return process.exitcode == -signal.SIGKILL

    return run


def newest_step(folder) -> int:
    """Return the step of the newest whole checkpoint of an adapter; 0 where there is none."""
    found = newest_checkpoint(folder)
    return 0 if found is None else int(found.name.rpartition("-")[2])


def rows_of(run, kind) -> list:
    if not (run / "run.sqlite").is_file():
        return []
    with RunReader(run) as reader:
        return reader.all(kind)


def largest_difference(one, other) -> float:
    a, b = (load_file(folder / "adapter_model.safetensors") for folder in (one, other))
    assert a.keys() == b.keys()
    return max((a[name] - b[name]).abs().max().item() for name in a)


def test_a_training_that_is_killed_three_times_ends_with_the_same_adapter(
    data, ended, killed, tmp_path
):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train = ("train", data / "train.jsonl", "--target", "lab:amber", "--quiet", "--steps", STEPS)
    train = (*train, "--batch-size", 4, "--set", "training.checkpoint_steps=2")
    train = (*train, "--set", "training.dropout=0.1")
    ended(*train, "-o", whole)
    reached = []
    for step in (0, 2, 8):
        assert killed(
            *(*train, "-o", broken),
            after=lambda step=step: (
                (broken / "manifest.json").exists() and newest_step(broken) >= step
            ),
        )
        reached.append(newest_step(broken))
    assert reached == sorted(reached)
    assert reached[1] >= 2  # it went on from a checkpoint at least once
    ended(*train, "-o", broken)
    assert largest_difference(whole, broken) == 0
    found, expected = (json.loads((f / "manifest.json").read_text()) for f in (broken, whole))
    assert (found["losses"], found["steps"]) == (expected["losses"], STEPS)
    assert not (broken / "checkpoints").exists()


def test_an_evaluation_that_is_killed_three_times_asks_nothing_twice_and_gives_the_same_answers(
    data, ended, killed, tmp_path
):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    test = ("evaluate", data / "test.jsonl", "--target", "lab:amber", "--quiet", *ANSWERS)
    ended(*test, "-o", whole)
    seen = []
    for rows in (0, 1, 33):
        killed(
            *(*test, "-o", broken),
            after=lambda rows=rows: len(rows_of(broken, Answer)) >= rows,
        )
        seen.append([row.example_id for row in rows_of(broken, Answer)])
    assert any(0 < len(ids) < 128 for ids in seen)  # a kill fell into the middle of the work
    assert all(later[: len(sooner)] == sooner for sooner, later in pairwise(seen))
    ended(*test, "-o", broken)
    assert tiny.tables(broken) == tiny.tables(whole)
    assert len(rows_of(broken, Answer)) == 128


def test_a_study_that_is_killed_in_a_cell_goes_on_inside_of_it(data, ended, killed, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    tree = {
        "data": {"path": str(data / "train.jsonl")},
        "target": "lab:amber",
        "measures": ["perplexity"],
        "training": {"max_steps": 16, "batch_size": 4, "checkpoint_steps": 4, "dropout": 0.1},
        "study": {
            "datasets": {
                "terse": {"strategies": ["reference"]},
                "verbose": {"strategies": ["column:tutor"]},
            },
            "seeds": [0],
            "test": {"data": {"path": str(data / "test.jsonl"), "limit": 4}},
            "evaluation": {"max_new_tokens": 8},
            "base_runs": 1,
        },
    }
    (tmp_path / "study.yaml").write_text(json.dumps(tree))
    study = ("study", "-c", tmp_path / "study.yaml", "--quiet")
    ended(*study, "-o", whole)

    def in_the_second_cell() -> bool:
        found = [newest_step(path) for path in (broken / "adapters").glob("verbose-*")]
        return any(found) and len(rows_of(broken, Cell)) == 1

    assert killed(*study, "-o", broken, after=in_the_second_cell, within_s=0.02)
    (first,) = rows_of(broken, Cell)
    assert newest_step(next((broken / "adapters").glob("verbose-*"))) in (4, 8, 12, 16)
    killed(*study, "-o", broken, after=lambda: len(rows_of(broken, Cell)) == 2)
    ended(*study, "-o", broken)
    assert rows_of(broken, Cell)[0] == first  # trained once
    without = ("seconds", "value")
    assert tiny.tables(broken, without=without) == tiny.tables(whole, without=without)
    for cell in rows_of(whole, Cell):
        assert largest_difference(whole / cell.adapter, broken / cell.adapter) == 0
    subjects = [(a.subject_id, a.example_id) for a in rows_of(broken, Answer)]
    assert len(subjects) == len(set(subjects)) == 3 * 4
