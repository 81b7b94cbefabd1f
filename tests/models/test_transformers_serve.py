"""Somebody else's OpenAI-compatible server, with the real model behind it.

What is odd about `transformers serve` (5.23):
- It takes the one name that it was started with, and answers under that name with `@main`.
- It samples only where the model's own generation settings do: where they do not, every
  temperature is greedy, and nothing says so.
- It takes `max_tokens` and a seed, and refuses fields that it does not know with 422 and `detail`
  in place of `error`. Some that it does know it leaves out without a word.
- `GET /v1/models` fails where there is no cache of the hub. We do not ask it.
"""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from endpoints import ask

from idiolect.config import TeacherConfig
from idiolect.models.base import Generation, GenerationFailure
from idiolect.models.money import Money
from idiolect.models.registry import open_teacher

pytestmark = [pytest.mark.real, pytest.mark.slow]

START_S = 120.0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_until_it_answers(process, url, log) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"not ready after {START_S:.0f} s: {log.read_text()}")


@pytest.fixture
def served(real_model, tmp_path):
    """Start the server in a process of its own; yield its process and its URL."""
    for package in ("fastapi", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"`transformers serve` needs {package}, which is not installed")
    port = free_port()
    command = ["from transformers.cli.transformers import main; main()", "serve", str(real_model)]
    options = ["--device", "cpu", "--host", "127.0.0.1", "--port", str(port)]
    log = tmp_path / "serve.txt"
    with log.open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-c", *command, *options],
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_it_answers(process, url, log)
        yield process, url
    finally:
        process.kill()
        process.wait()


def test_a_server_of_somebody_else_answers_as_a_teacher(served, real_model):
    process, url = served
    money = Money()
    teacher = open_teacher(TeacherConfig(f"openai:{real_model}@{url}/v1"), money=money)
    whole, cut = teacher.generate([ask("What is the capital of France?"), ask("Hi", limit=4)])

    assert isinstance(whole, Generation)
    assert "Paris" in whole.text
    assert whole.finish_reason == "stop"
    assert whole.tokens_in > 10
    assert 1 < whole.tokens_out < 300
    assert isinstance(cut, Generation)
    assert (cut.finish_reason, cut.tokens_out) == ("length", 4)
    # Nobody told what it costs; that is not the same as nothing.
    assert whole.cost_usd is None
    assert (money.spent_usd, money.billed, money.unknown) == (0.0, 2, 2)
    assert teacher.notes == (f"{teacher.name} answered as {real_model}@main",)
    (again,) = teacher.generate([ask("Hi", limit=4)])
    assert (again.text, again.cached) == (cut.text, True)
    teacher.close()

    other = open_teacher(TeacherConfig(f"openai:other@{url}/v1"))
    (refused,) = other.generate([ask("Hi", limit=4)])
    assert isinstance(refused, GenerationFailure)
    assert not refused.retryable
    assert "requested 'other'" in refused.reason
    other.close()

    process.send_signal(signal.SIGINT)
    # Its own way to end at Ctrl-C; no connection of ours keeps it from it.
    assert process.wait(timeout=30) == 1
