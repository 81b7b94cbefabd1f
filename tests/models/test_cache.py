"""The machine-wide cache: many processes, kills, and files that are no cache."""

import json
import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from endpoints import ask, open_model, questions

from idiolect.errors import StorageError
from idiolect.lab.serving import LabServer, Teacher, running
from idiolect.lab.teacher import Knobs
from idiolect.models.base import Generation
from idiolect.models.cache import ResponseCache, cache_folder, request_key
from idiolect.models.money import Money
from idiolect.models.wires.base import Answer, Refusal, Usage


def answer(text: str) -> Answer:
    return Answer(text=text, stopped="stop", usage=Usage(tokens_in=1, tokens_out=2), model="m")


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["openai", "endpoints"])
    return context


def test_what_is_put_comes_back_with_everything(tmp_path):
    cache = ResponseCache(tmp_path)
    odd = Answer(text="\ud800 🙂\n", stopped="length", usage=Usage(tokens_out=4), model=None)
    cache.put("k", odd)
    assert cache.get("k") == odd
    assert cache.get("other") is None
    cache.close()


def test_a_refusal_that_was_paid_for_is_kept_with_its_reason(tmp_path):
    refusal = Refusal(
        reason="the model refused: I won't.",
        status=200,
        bill="paid",
        usage=Usage(tokens_in=5, tokens_out=3),
    )
    cache = ResponseCache(tmp_path)
    cache.put("k", refusal)
    assert cache.get("k") == refusal
    cache.close()


def test_the_folder_is_the_platforms_unless_one_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("IDIOLECT_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("IDIOLECT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "idiolect"


def test_the_key_of_a_request_stays_the_same_from_version_to_version():
    key = request_key("openai", "http://h/v1", "m", ask("Hi", seed=3, limit=9))
    assert key == "a3b1288bf85b3fb96935aa6d790dbcfccf8d3be677dc14a26a2daeff176c6c39"


@pytest.mark.parametrize("content", [b"not a database at all" * 99, b"SQLite format 3\x00garbage"])
def test_a_file_that_is_no_cache_is_one_sentence(content, tmp_path):
    (tmp_path / "responses.sqlite").write_bytes(content)
    with pytest.raises(StorageError, match=r"the response cache cannot be used .* delete or move"):
        ResponseCache(tmp_path)


def test_a_damaged_cache_is_one_sentence_before_anything_is_sent(tmp_path, monkeypatch):
    monkeypatch.setenv("IDIOLECT_CACHE_DIR", str(tmp_path))
    (tmp_path / "responses.sqlite").write_bytes(b"damaged" * 1000)
    with running(LabServer({"lab:teacher": Teacher()})) as server:
        with pytest.raises(StorageError, match="set IDIOLECT_CACHE_DIR to another folder"):
            open_model(server)
        assert server.counts.requests == 0


def test_a_folder_that_can_not_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="the response cache cannot be used"):
        ResponseCache(tmp_path / "file")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"text": 1}', '{"text": "a", "stopped": "x"}'])
def test_a_row_that_is_no_answer_is_as_good_as_none(text, tmp_path):
    cache = ResponseCache(tmp_path)
    with sqlite3.connect(cache.path) as rows:
        rows.execute("INSERT INTO responses VALUES ('k', 'm', ?, 0)", (text,))
    rows.close()
    assert cache.get("k") is None
    cache.put("k", answer("mended"))
    assert cache.get("k") == answer("mended")
    cache.close()


def test_an_answer_that_can_not_be_kept_is_delivered_all_the_same(tmp_path, caplog):
    cache = ResponseCache(tmp_path)
    cache._rows.execute("PRAGMA query_only = ON")
    cache.put("k", answer("paid for"))
    assert "an answer could not be kept" in caplog.text
    cache.close()


def _write(folder: Path, writer: int) -> None:
    cache = ResponseCache(folder)
    for n in range(50):
        cache.put(f"{writer}-{n}", answer(f"{writer} {n}"))
        cache.put("shared", answer(f"{writer} {n}"))
        assert cache.get(f"{writer}-{n}") == answer(f"{writer} {n}")
    cache.close()


def test_many_processes_write_at_once_and_lose_nothing(processes, tmp_path):
    writers = [processes.Process(target=_write, args=(tmp_path, n)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    cache = ResponseCache(tmp_path)
    kept = [cache.get(f"{w}-{n}") for w in range(4) for n in range(50)]
    assert kept == [answer(f"{w} {n}") for w in range(4) for n in range(50)]
    assert cache.get("shared") is not None
    cache.close()


class _Url:
    def __init__(self, url: str) -> None:
        self.url = url


def _answer_all(url: str, folder: str, out: Path) -> None:
    """Ask for everything, writing down what has arrived, as a run does."""
    os.environ["IDIOLECT_CACHE_DIR"] = folder
    model = open_model(_Url(url), money=Money(cap_usd=100.0), max_concurrency=4)
    with out.open("a", encoding="utf-8") as file:
        for number, result in enumerate(model.generate(questions(60))):
            assert isinstance(result, Generation)
            file.write(json.dumps([number, result.text, result.cached]) + "\n")
            file.flush()


class _Noting(Teacher):
    """Writes down which prompts were answered."""

    def __init__(self) -> None:
        super().__init__(Knobs(latency_s=0.03))
        self.asked: list[str] = []

    def chat(self, messages, sampling):
        answers = super().chat(messages, sampling)
        self.asked.append(messages[-1].content)
        return answers


def _arrived(out: Path) -> list[list]:
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    return [json.loads(line) for line in lines if line.endswith("]")]


@pytest.mark.slow
def test_after_ten_kills_nothing_that_was_answered_is_paid_for_again(processes, tmp_path):
    backend, folder = _Noting(), str(tmp_path / "cache")
    prompts = [request.messages[-1].content for request in questions(60)]
    # A part of the work is done each time; where the kill strikes depends on the machine.
    with running(LabServer({"lab:teacher": backend})) as server:
        for kill in range(10):
            out = tmp_path / f"{kill}.jsonl"
            process = processes.Process(target=_answer_all, args=(server.url, folder, out))
            process.start()
            while len(backend.asked) < 5 * (kill + 1) and process.is_alive():
                time.sleep(0.002)
            time.sleep(0.003 * kill)
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            while len(backend.asked) < server.counts.requests:
                time.sleep(0.01)
            # Whatever was delivered, or is in the cache, is never asked for again.
            settled = {prompts[row[0]] for row in _arrived(out)}
            asked = len(backend.asked)
            money = Money(cap_usd=0.0)
            model = open_model(server, money=money)
            kept = [isinstance(r, Generation) for r in model.generate(questions(60))]
            model.close()
            assert settled <= {p for p, is_kept in zip(prompts, kept, strict=True) if is_kept}
            assert len(backend.asked) == asked
        last = tmp_path / "last.jsonl"
        process = processes.Process(target=_answer_all, args=(server.url, folder, last))
        process.start()
        process.join()
        assert process.exitcode == 0
    rows = _arrived(last)
    assert [row[0] for row in rows] == list(range(60))
    assert set(backend.asked) == set(prompts)
    # A kill loses what is under way, and no more: four requests each.
    assert len(backend.asked) <= 60 + 10 * 4
