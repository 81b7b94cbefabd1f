"""The judge from the command line, with the scripted teacher as its model."""

import json

import pytest

from idiolect.lab.idiolects import render
from idiolect.lab.serving import LabServer, Teacher, running
from idiolect.lab.tasks import take


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.jsonl"
    problems = take(6, "shop", seed=1, split="test")
    rows = [
        {
            "prompt": p.question,
            "reference": render(p, "textbook"),
            "answer": p.answer,
            "responses": {"right": render(p, "tutor"), "wrong": "Final Answer: -77"},
        }
        for p in problems
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def counts(printed):
    return {row["strategy"]: row["counts"] for row in printed.data["strategies"]}


def test_the_teacher_judges_what_is_right_and_what_is_not(idiolect, data):
    printed = idiolect("verify", data, "--verifier", "judge", "--judge", "lab:teacher", "--json")
    assert printed.code == 0, printed.err
    assert counts(printed) == {
        "reference": {"correct": 6},
        "column:right": {"correct": 6},
        "column:wrong": {"incorrect": 6},
    }


def test_a_judge_behind_a_server_is_asked_once_for_all_runs(idiolect, data, monkeypatch, tmp_path):
    monkeypatch.setenv("IDIOLECT_CACHE_DIR", str(tmp_path / "cache"))
    with running(LabServer({"lab:teacher": Teacher()})) as server:
        name = f"openai:lab:teacher@{server.url}"
        words = ("verify", data, "--verifier", "judge", "--judge", name, "--json")
        first, asked = counts(idiolect(*words)), server.counts.requests
        assert counts(idiolect(*words)) == first
        assert first["column:wrong"] == {"incorrect": 6}
        assert server.counts.requests == asked


def test_a_judge_without_a_model_says_how_to_name_one(idiolect, data):
    printed = idiolect("verify", data, "--verifier", "judge")
    assert printed.code == 3
    assert "name one with --judge MODEL" in printed.err
