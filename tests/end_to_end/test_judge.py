"""A judge behind a server, in a run: it is paid from the run's purse, and what it is, is noted."""

import json
import sqlite3

import pytest

from idiolect.lab.idiolects import render
from idiolect.lab.serving import LabServer, Teacher, running
from idiolect.lab.tasks import take
from idiolect.records import Verdict
from idiolect.runs import RunReader

ITEMS = 6
PRICES = "prices={judge-1: {input_usd_per_million: 1.0, output_usd_per_million: 2.0}}"


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.jsonl"
    rows = [
        {
            "prompt": p.question,
            "reference": render(p, "textbook"),
            "answer": p.answer,
            "responses": {"right": render(p, "tutor"), "wrong": "Final Answer: -77"},
        }
        for p in take(ITEMS, "shop", seed=1, split="test")
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("IDIOLECT_CACHE_DIR", str(tmp_path / "cache"))
    with running(LabServer({"judge-1": Teacher()})) as started:
        yield started


def verdicts(run):
    with RunReader(run) as reader:
        return reader.all(Verdict)


def notes(run):
    with sqlite3.connect(run / "run.sqlite") as rows:
        return [text for (text,) in rows.execute("SELECT message FROM events WHERE level='note'")]


def test_the_cap_holds_for_the_judge_and_what_it_did_not_see_stays_open(
    idiolect, data, server, tmp_path
):
    run = tmp_path / "run"
    judge = f"openai:judge-1@{server.url}"
    words = ("build", data, "--target", "lab:amber", "--quiet", "-o", run, "--set", PRICES)
    words = (*words, "--strategies", "reference,column:right,column:wrong", "--json")
    words = (*words, "--verifier", "judge", "--judge", judge)

    capped = idiolect(*words, "--max-cost", 0.005)
    assert capped.code == 2, capped.err
    assert any("the money is used up" in warning for warning in capped.data["warnings"])
    seen = verdicts(run)
    assert 0 < len(seen) < 3 * ITEMS
    assert {verdict.status for verdict in seen} <= {"correct", "incorrect"}
    paid = server.counts
    assert paid.prompt_tokens * 1e-6 + paid.completion_tokens * 2e-6 <= 0.005

    more = idiolect(*words, "--max-cost", 1)
    assert more.code == 0, more.err
    found = {row["strategy"]: row["verdicts"] for row in more.data["table"]}
    assert found["column:right"] == {"correct": ITEMS}
    assert found["column:wrong"] == {"incorrect": ITEMS}
    assert len(verdicts(run)) == 3 * ITEMS


def test_a_judge_of_unknown_price_and_a_cap_are_refused_before_anything_is_asked(
    idiolect, data, server, tmp_path
):
    judge = f"openai:judge-1@{server.url}"
    words = ("build", data, "--target", "lab:amber", "--verifier", "judge", "--judge", judge)
    printed = idiolect(*words, "--max-cost", 1, "-o", tmp_path / "run")
    assert printed.code == 3
    assert "judge.model: the price of" in printed.err
    assert server.counts.requests == 0


def test_a_server_that_answers_under_another_name_is_noted_in_the_run_once(
    idiolect, data, server, tmp_path, monkeypatch
):
    from idiolect.models.endpoint import EndpointModel

    monkeypatch.setattr(EndpointModel, "answered_by", ("judge-1-2026-01-01",))
    run = tmp_path / "run"
    judge = f"openai:judge-1@{server.url}"
    words = ("audit", data, "--target", "lab:amber", "--quiet", "-o", run)
    for _ in range(2):
        assert idiolect(*words, "--verifier", "judge", "--judge", judge).code == 0
    assert notes(run) == [f"{judge} answered as judge-1-2026-01-01"]
