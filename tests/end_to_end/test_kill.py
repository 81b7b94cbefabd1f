"""A run that is killed at any moment ends with the rows of one that was not."""

import os
import random
import signal
import time

import pytest
import tiny

from idiolect.records import Candidate, Measurement
from idiolect.runs import RunReader

KILLS = 10


@pytest.fixture
def command(tmp_path, tiny_model):
    """Return the words of a `build` that takes some seconds, without its run directory."""
    data = tiny.write_jsonl(tmp_path / "sums.jsonl", tiny.arithmetic_rows(60))
    return (
        *("build", data, "--target", tiny_model, "--measures", "perplexity,ifd", "--quiet"),
        *("--set", "own.samples=3", "--set", "own.temperature=1.0"),
        *("--set", "own.max_new_tokens=12"),
    )


def progress_of(run) -> int:
    """Return how many candidates and measurements a run holds, whoever writes it."""
    if not (run / "run.sqlite").is_file():
        return 0
    with RunReader(run) as reader:
        return len(reader.all(Candidate)) + len(reader.all(Measurement))


def test_a_build_that_is_killed_ten_times_ends_with_the_rows_of_an_undisturbed_one(
    start, command, tmp_path, log
):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    undisturbed = start(*command, "-o", whole, log=log)
    undisturbed.join()
    assert undisturbed.exitcode == 0
    total = progress_of(whole)
    moments = random.Random(20240229)
    killed, seen = 0, [0]
    for rows in sorted(moments.randrange(int(0.9 * total)) for _ in range(KILLS)):
        process = start(*command, "-o", broken, log=log)
        while process.is_alive() and progress_of(broken) <= rows:
            time.sleep(moments.uniform(0, 0.02))
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        seen.append(progress_of(broken))
    assert killed >= 3
    assert seen == sorted(seen)  # nothing that was there is ever lost
    assert len(set(seen)) >= 3  # and the kills fell at different places of the work
    last = start(*command, "-o", broken, log=log)
    last.join()
    assert last.exitcode == 0
    assert tiny.tables(broken) == tiny.tables(whole)
    assert (broken / "train.jsonl").read_bytes() == (whole / "train.jsonl").read_bytes()


def test_a_second_process_on_the_same_run_is_told_who_holds_it(start, command, tmp_path, log):
    first = start(*command, "-o", tmp_path / "run", log=log)
    note = tmp_path / "run" / "run.holder.json"
    try:
        while not (note.is_file() and note.read_text()):
            assert first.is_alive()
            time.sleep(0.01)
        # On a busy machine the first could end before the second comes to its lock.
        os.kill(first.pid, signal.SIGSTOP)
        second = start(*command, "-o", tmp_path / "run", log=log)
        second.join()
    finally:
        first.kill()
        first.join()
    assert second.exitcode == 3
    message = log.read_text()
    assert f"another process holds this run (process {first.pid} on " in message
    assert "Traceback" not in message


def test_an_interrupted_process_exits_with_130_and_can_be_resumed(start, command, tmp_path, log):
    process = start(*command, "-o", tmp_path / "run", log=log)
    while progress_of(tmp_path / "run") < 20:
        assert process.is_alive()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 130
    err = log.read_text()
    assert "Resume with: idiolect build" in err
    assert "Traceback" not in err
    assert progress_of(tmp_path / "run") >= 20
    again = start(*command, "-o", tmp_path / "run", log=log)
    again.join()
    assert again.exitcode == 0
