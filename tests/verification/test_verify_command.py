import json
import shutil

import pytest

from idiolect.cli import main

ROWS = [
    {
        "id": f"r{i}",
        "question": f"What is {i} + 1?",
        "reference": f"It is {i + 1}.\nFinal Answer: {i + 1}",
        "answer": str(i + 1),
        "responses": {
            "good": f"Final Answer: {i + 1}",
            "bad": "Final Answer: none",
            "off": "#### 0",
        },
    }
    for i in range(5)
]


@pytest.fixture
def data(tmp_path):
    def write(rows):
        path = tmp_path / "data.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


def run(*arguments):
    return main(["verify", *map(str, arguments), "--quiet"])


def test_every_response_gets_a_row_and_the_counts_are_on_the_screen(data, tmp_path, capsys):
    output = tmp_path / "verdicts.jsonl"
    assert run(data(ROWS), "--responses", "all", "-o", output) == 0
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(rows) == 20
    assert set(rows[0]) == {"example_id", "strategy", "status", "extracted", "rule", "detail"}
    assert rows[0]["example_id"] == "r0"
    assert [row["status"] for row in rows[:4]] == ["correct", "correct", "unparsable", "incorrect"]
    screen = capsys.readouterr().out
    assert "verifier: numeric (all 5 answers are numbers)" in screen
    assert "100.0%" in screen


def test_chosen_responses_and_json(data, tmp_path, capsys):
    output = tmp_path / "verdicts.jsonl"
    assert run(data(ROWS), "--responses", "good,off", "-o", output, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert [(s["strategy"], s["counts"]) for s in result["strategies"]] == [
        ("column:good", {"correct": 5}),
        ("column:off", {"incorrect": 5}),
    ]
    assert result["references"]["correct"] == 5


def test_an_unknown_response_is_an_error_with_the_nearest_name(data, tmp_path, capsys):
    assert run(data(ROWS), "--responses", "goood", "-o", tmp_path / "v.jsonl") == 3
    assert "did you mean 'good'" in capsys.readouterr().err


def test_failing_references_stop_the_command_unless_allowed(data, tmp_path, capsys):
    rows = [row | {"answer": "99"} for row in ROWS]
    output = tmp_path / "verdicts.jsonl"
    assert run(data(rows), "-o", output) == 3
    message = capsys.readouterr().err
    assert "0 of 5 references verify" in message
    assert "--allow-failing-references" in message
    assert not output.exists()
    assert run(data(rows), "-o", output, "--allow-failing-references") == 0
    assert "5 labels are contradicted by their reference" in capsys.readouterr().out


def test_data_without_answers_say_that_nothing_can_be_checked(data, tmp_path, capsys):
    rows = [{"question": "Why?", "reference": "Because."}]
    assert run(data(rows), "-o", tmp_path / "v.jsonl") == 3
    assert "nothing to check against" in capsys.readouterr().err


CODE = [
    {
        "id": "c",
        "question": "Square",
        "reference": "def f(x):\n    return x * x",
        "tests": ["assert f(3) == 9"],
        "responses": {"constant": "def f(x):\n    return 1"},
    }
]


def test_code_is_refused_without_confirmation(data, tmp_path, capsys):
    assert run(data(CODE), "-o", tmp_path / "v.jsonl") == 3
    assert "--confirm-run-unsafe-code" in capsys.readouterr().err


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is missing")
def test_code_runs_when_confirmed(data, tmp_path):
    output = tmp_path / "v.jsonl"
    assert run(data(CODE), "-o", output, "--confirm-run-unsafe-code") == 0
    statuses = [json.loads(line)["status"] for line in output.read_text().splitlines()]
    assert statuses == ["correct", "incorrect"]
