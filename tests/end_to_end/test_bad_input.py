"""Bad input: one message with where, which, what was found and what to do."""

import errno
import json
import os
import shutil
import subprocess
import sys

import pytest
import tiny

from idiolect.records import Candidate, Measurement
from idiolect.runs import RunReader

FAST = ("--set", "own.max_new_tokens=4")


@pytest.fixture
def rows():
    return tiny.arithmetic_rows(4)


def refused(printed, *parts: str, code: int = 3) -> str:
    """Check that a command ended with one message that holds the parts; return it."""
    assert printed.code == code
    assert "Traceback" not in printed.err
    (message,) = printed.messages
    for part in parts:
        assert part in message
    return message


@pytest.mark.parametrize("command", ["audit", "score", "build"])
def test_a_missing_file_is_named(idiolect, tiny_model, command):
    refused(
        idiolect(command, "none.jsonl", "--target", tiny_model),
        "DataError: none.jsonl: there is no such file; check the path",
    )


@pytest.mark.parametrize("command", ["audit", "score", "build"])
@pytest.mark.parametrize(
    ("bad", "found", "advice"),
    [
        ('{"question": ', "not valid JSON (", "fix or remove the line"),
        ({"answer": "1"}, "field 'question': found nothing, expected a prompt", "fix or remove"),
        ({"id": "sum-1", "question": "P", "reference": "R"}, "found 'sum-1', which", "of its own"),
    ],
    ids=["broken line", "no prompt", "duplicate id"],
)
def test_rows_that_could_be_done_are_done_beside_one_that_could_not(
    idiolect, tmp_path, tiny_model, rows, command, bad, found, advice
):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", [*rows[:3], bad, rows[3]])
    printed = idiolect(
        command, data, "--target", tiny_model, *([] if command == "score" else FAST), "--json"
    )
    message = refused(printed, f"DataError: {data}:4: ", found)
    assert advice in message
    assert printed.data["examples"] == 4
    assert printed.data["bad_rows"] == [message.removeprefix("DataError: ")]
    with RunReader(printed.data["run"]) as run:
        expected = 16 if command == "build" else 12
        assert len(run.all(Measurement)) == expected
    if command == "build":
        lines = (tmp_path / printed.data["exported"]).read_text().splitlines()
        assert len(lines) == 4


def test_an_empty_response_is_named_and_never_scored_or_chosen(
    idiolect, tmp_path, tiny_model, rows
):
    rows[1]["responses"]["right"] = ""
    rows[2]["reference"] = "  \n"
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    printed = idiolect("build", data, "--target", tiny_model, "--json", *FAST)
    assert printed.code == 3
    assert sorted(printed.messages) == [
        f"DataError: {name}: the response is empty: there is no perplexity of nothing"
        for name in ("sum-2: response 'column:right'", "sum-3: response 'reference'")
    ]
    assert printed.data["chosen"] == 4
    with RunReader(printed.data["run"]) as run:
        empty = {c.id for c in run.all(Candidate) if not c.text.strip()}
        assert len(empty) == 2
        assert empty.isdisjoint(m.candidate_id for m in run.all(Measurement))


def test_a_response_over_the_context_length_is_named_and_not_cut(
    idiolect, tmp_path, tiny_model, rows
):
    rows[0]["responses"]["wrong"] = "apples and pears " * 200
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    printed = idiolect("audit", data, "--target", tiny_model, "--json")
    refused(
        printed,
        "DataError: sum-1: response 'column:wrong': prompt and response have",
        "the context holds 256",
        "shorten the row (nothing is truncated silently)",
    )
    (row,) = [row for row in printed.data["table"] if row["strategy"] == "column:wrong"]
    assert (row["n"], row["scored"]) == (4, 3)


def test_a_prompt_that_the_template_refuses_is_named_and_the_others_are_done(
    idiolect, tmp_path, make_model, rows
):
    rows[0]["system"] = "Be brief."
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    printed = idiolect("build", data, "--target", make_model("gemma"), "--json", *FAST)
    assert printed.code == 3
    assert printed.messages
    assert all("System role not supported" in message for message in printed.messages)
    assert printed.data["chosen"] == 3


def test_a_bad_row_is_named_again_by_the_command_that_resumes(
    idiolect, tmp_path, tiny_model, rows, work
):
    rows[0]["responses"]["wrong"] = ""
    data = tiny.write_jsonl(tmp_path / "data.jsonl", [*rows, "{"])
    first = idiolect("audit", data, "--target", tiny_model, "--json")
    scored = work["scored"]
    second = idiolect("audit", data, "--target", tiny_model, "--json")
    assert (first.code, second.code) == (3, 3)
    assert second.out == first.out
    assert second.messages == first.messages
    assert work["scored"] == scored


def test_a_model_without_a_template_says_which_formats_there_are(
    idiolect, tmp_path, make_model, rows
):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    folder = make_model(None)
    refused(
        idiolect("audit", data, "--target", folder),
        f"TemplateError: {folder}: the tokenizer has no chat template",
        "--format question-answer or --format bare",
    )


def test_an_unknown_configuration_key_names_the_nearest(idiolect, tmp_path, tiny_model, rows):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    config = tmp_path / "my.yaml"
    config.write_text("own: {temprature: 1}\n")
    refused(
        idiolect("audit", data, "--target", tiny_model, "-c", config),
        f"ConfigError: {config}: unknown key 'own.temprature'; did you mean 'temperature'?",
        "allowed here: samples, temperature, top_p, max_new_tokens",
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--strategies", "refrence"), "unknown strategy 'refrence'; did you mean 'reference'?"),
        (("--strategies", "column:rihgt"), "found no response 'rihgt'; did you mean 'right'?"),
        (("--verifier", "numerik"), "verifier: found 'numerik'"),
        (("--measures", "perplexty"), "unknown measure 'perplexty'; did you mean 'perplexity'?"),
        (("--format", "question"), "unknown plain format 'question'"),
        (("--device", "gpu"), "key 'target.device': found 'gpu'"),
        (("--columns", "prompt"), "--columns prompt: found 'prompt', expected FIELD=COLUMN"),
        (("--columns", "prompt=qestion"), "found no column 'qestion'; did you mean 'question'?"),
        (("--set", "own.samples"), "--set own.samples: found no '='"),
        (("--set", "own.samples=2"), "own.samples: found 2 with own.temperature 0"),
        (("--set", "own.samples=0"), "own.samples: found 0, expected at least 1"),
        (("--set", "own.top_p=2"), "top_p 2"),
        (("--set", "data.limit=0"), "data.limit: found 0, expected at least 1"),
        (("-c", "none.yaml"), "none.yaml: there is no such configuration file"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_computed(
    idiolect, tmp_path, tiny_model, rows, work, flags, message
):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    refused(idiolect("audit", data, "--target", tiny_model, *flags), message)
    assert work == {"scored": 0, "generated": 0}
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("adit",), "No such command 'adit'"),
        (("audit", "--traget", "x"), "No such option: --traget"),
        (
            ("audit", "data.jsonl", "-n", "many"),
            "'--limit' / '-n': Input should be a valid integer",
        ),
        (
            ("audit", "data.jsonl", "-n", "0"),
            "'--limit' / '-n': Input should be greater than or equal to 1",
        ),
        (("explain",), "Missing argument 'ID'"),
    ],
)
def test_a_mistyped_command_line_exits_with_three(idiolect, arguments, message):
    printed = idiolect(*arguments)
    assert printed.code == 3
    assert message in printed.err
    assert "--help" in printed.err
    assert "Traceback" not in printed.err


def test_no_target_is_an_error_that_says_how_to_name_one(idiolect, tmp_path, rows):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    refused(idiolect("audit", data), "no target was given", "--target")


@pytest.mark.parametrize("name", ["nobody/nothing", "./no-such-folder"])
def test_a_wrong_model_name_is_an_error(idiolect, tmp_path, rows, name):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    refused(
        idiolect("audit", data, "--target", name),
        f"ConfigError: target '{name}': cannot be loaded",
        "check the folder or hub id",
    )
    assert not (tmp_path / "runs").exists()


def test_data_that_gives_no_response_to_score_says_so(idiolect, tmp_path, tiny_model):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", [{"prompt": "Say something"}])
    refused(
        idiolect("audit", data, "--target", tiny_model),
        f"ConfigError: {data}: holds no responses",
        "or let the target answer with `idiolect build`",
    )


@pytest.mark.parametrize("place", ["runs", "a folder"])
def test_an_output_that_can_not_be_written_is_an_error(idiolect, tmp_path, tiny_model, rows, place):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    if place == "runs":
        (tmp_path / "runs").write_text("a file in the way")
        printed = idiolect("audit", data, "--target", tiny_model)
        refused(printed, "StorageError: runs/audit-data-", "cannot be made", code=1)
    else:
        printed = idiolect("score", data, "--target", tiny_model, "-o", tmp_path)
        refused(printed, f"StorageError: {tmp_path}: cannot be written", code=1)


def test_debug_shows_the_traceback(idiolect):
    from idiolect.errors import DataError

    with pytest.raises(DataError):
        idiolect("audit", "none.jsonl", "--target", "x", "--debug")


def build_words(data, model, run) -> list[str]:
    flags = ("--strategies", "reference,column:right,column:wrong", "--quiet", "-o", run)
    return [str(word) for word in ("build", data, "--target", model, *flags)]


@pytest.mark.parametrize("room", [3_000, 60_000, 150_000])
def test_a_disk_that_refuses_leaves_one_message_and_all_rows_until_then(
    idiolect, tmp_path, tiny_model, work, start, log, room
):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", tiny.arithmetic_rows(60))
    words = build_words(data, tiny_model, tmp_path / "run")
    process = start(*words, log=log, largest_file=room)
    process.join()
    printed = log.read_text()
    assert process.exitcode == 1, printed
    assert "Traceback" not in printed
    (message,) = [line for line in printed.splitlines() if "Error: " in line]
    assert message.startswith(f"StorageError: {tmp_path / 'run'}")
    assert "what was written before is kept" in message
    before = 0
    if (tmp_path / "run" / "run.sqlite").is_file():
        with RunReader(tmp_path / "run") as run:
            before = len(run.all(Measurement))
    printed = idiolect(*words, "--json")  # space was freed
    assert printed.code == 0
    assert printed.data["chosen"] == 60
    assert work["scored"] >= 180 - before


def test_a_full_disk_leaves_one_message_and_all_rows_until_then(
    idiolect, tmp_path, tiny_model, work
):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if not mount or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        data = tiny.write_jsonl(tmp_path / "data.jsonl", tiny.arithmetic_rows(100))
        words = build_words(data, tiny_model, disk / "run")
        printed = idiolect(*words)
        message = refused(printed, "StorageError: ", "start the same command again", code=1)
        assert os.strerror(errno.ENOSPC).lower() in message.lower() or "disk is full" in message
        with RunReader(disk / "run") as run:
            before = len(run.all(Measurement))
        assert before > 0
        remount = ["-o", "remount,size=16m", str(disk)]
        subprocess.run([mount, *remount], check=True, capture_output=True)
        printed = idiolect(*words, "--json")
        assert printed.code == 0
        assert printed.data["chosen"] == 100
        assert work["scored"] <= 300 + 1  # the one whose row did not land is scored again
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_the_error_stream_of_a_real_process_holds_one_line(tmp_path, tiny_model):
    process = subprocess.run(
        [sys.executable, "-m", "idiolect", "audit", "none.jsonl", "--target", str(tiny_model)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert process.returncode == 3
    assert process.stdout == ""
    assert process.stderr == "DataError: none.jsonl: there is no such file; check the path\n"


def test_json_is_the_only_thing_on_the_output_stream(idiolect, tmp_path, tiny_model, rows):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", [*rows, "{"])
    printed = idiolect("audit", data, "--target", tiny_model, "--json")
    assert printed.code == 3
    json.loads(printed.out)


def test_build_stops_where_programs_may_not_run_and_audit_goes_on_with_a_warning(
    idiolect, tmp_path, tiny_model
):
    row = {"question": "Square", "reference": "def f(x):\n    return x * x"}
    rows = [row | {"id": f"{n}", "tests": [f"assert f({n}) == {n * n}"]} for n in range(2)]
    data = tiny.write_jsonl(tmp_path / "programs.jsonl", rows)
    message = refused(
        idiolect("build", data, "--target", tiny_model, "-o", "run", *FAST),
        "programs.jsonl: 2 of 2 examples have tests, but",
        "--confirm-run-unsafe-code",
        "--verifier none",
    )
    assert message.count(". ") == 0
    assert not (tmp_path / "run").exists()
    unchecked = ("--verifier", "none", "-o", "run")
    assert idiolect("build", data, "--target", tiny_model, *unchecked, *FAST).code == 0
    audited = idiolect("audit", data, "--target", tiny_model)
    assert audited.code == 0
    assert "no response was verified: 2 of 2 examples have tests" in audited.out
