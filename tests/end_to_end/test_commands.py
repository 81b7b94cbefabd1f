"""The commands on a tiny model, as a person calls them."""

import json
import math

import pytest
import tiny

from idiolect.records import Candidate, Choice, Example, Failure, Measurement, Verdict
from idiolect.runs import Run, RunReader

FAST = ("--set", "own.max_new_tokens=6")


@pytest.fixture
def data(tmp_path):
    return tiny.write_jsonl(tmp_path / "sums.jsonl", tiny.arithmetic_rows(4))


def rows_of(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_audit_shows_a_row_for_each_kind_of_response_and_says_which_are_foreign(
    idiolect, data, tiny_model
):
    printed = idiolect("audit", data, "--target", tiny_model)
    assert printed.code == 0
    lines = printed.out.splitlines()
    assert lines[0].startswith("mapping: question-reference: prompt <- question")
    assert lines[1] == "verifier: numeric (all 4 answers are numbers)"
    header = next(line for line in lines if line.startswith("strategy"))
    for column in ("n", "correct", "perplexity", "95 %", "p95", "bits/byte", "tokens"):
        assert column in header.split("  ") or f" {column} " in f" {header} "
    for name in ("reference", "column:right", "column:wrong"):
        assert any(line.startswith(f"{name} ") for line in lines)
    assert any("is the most familiar to the target" in line for line in lines)
    assert lines[-1].startswith("run: runs/audit-sums-")


def test_no_number_of_the_table_is_cut_off_on_a_screen_of_80_columns(
    idiolect, data, tiny_model, monkeypatch
):
    monkeypatch.setattr("idiolect.cli.screen._PLAIN_WIDTH", 80)
    printed = idiolect("audit", data, "--target", tiny_model)
    assert "\u2026" not in printed.out
    headers = [line for line in printed.out.splitlines() if line.startswith("strategy")]
    assert len(headers) == 2
    assert all(len(line) <= 80 for line in headers)
    shown = " ".join(headers).split()
    assert {"correct", "perplexity", "median", "p95", "bits/byte", "tokens"} <= set(shown)


def test_audit_gives_the_same_as_data_with_json(idiolect, data, tiny_model):
    printed = idiolect("audit", data, "--target", tiny_model, "--json")
    table = {row["strategy"]: row for row in printed.data["table"]}
    assert list(table) == ["reference", "column:right", "column:wrong"]
    assert {name: row["n"] for name, row in table.items()} == dict.fromkeys(table, 4)
    assert table["reference"]["verdicts"] == {"correct": 4}
    assert table["column:right"]["verdicts"] == {"correct": 4}
    assert table["column:wrong"]["verdicts"] == {"incorrect": 4}
    for row in table.values():
        low, high = row["perplexity"]["interval"]
        assert low <= row["perplexity"]["mean"] <= high
        assert row["perplexity"]["p95"] >= row["perplexity"]["median"]
        assert row["bits_per_byte"] > 0
        assert row["tokens"] > 0
        assert row["scored"] == 4
        assert len(row["worst"]) == 3
    assert len(printed.data["words"]) == 3
    assert printed.data["bad_rows"] == []


def test_the_table_agrees_with_the_rows_of_the_run(idiolect, data, tiny_model):
    result = idiolect("audit", data, "--target", tiny_model, "--json").data
    with RunReader(result["run"]) as run:
        strategies = {c.id: c.strategy for c in run.all(Candidate)}
        logs = [
            m.nll / m.tokens
            for m in run.all(Measurement)
            if strategies[m.candidate_id] == "reference"
        ]
    (row,) = [row for row in result["table"] if row["strategy"] == "reference"]
    assert row["perplexity"]["mean"] == pytest.approx(math.exp(sum(logs) / len(logs)))
    assert row["perplexity"]["n"] == len(logs)


def test_measures_by_name_get_a_column_and_ifd_scores_without_the_prompt_too(
    idiolect, data, tiny_model, work
):
    arguments = ("audit", data, "--target", tiny_model, "--measures", "perplexity,ifd,mean-rank")
    printed = idiolect(*arguments)
    assert printed.code == 0
    header = next(line for line in printed.out.splitlines() if line.startswith("strategy"))
    assert "ifd" in header
    assert "mean-rank" in header
    assert work["scored"] == 24
    idiolect(*arguments)
    assert work["scored"] == 24


def test_score_writes_one_row_for_each_example_and_response(idiolect, data, tiny_model, tmp_path):
    out = tmp_path / "out.jsonl"
    arguments = ("--target", tiny_model, "--responses", "all", "-o", out)
    assert idiolect("score", data, *arguments).code == 0
    rows = rows_of(out)
    names = ["reference", "column:right", "column:wrong"]
    assert [(row["example_id"], row["strategy"]) for row in rows] == [
        (f"sum-{n}", name) for n in range(1, 5) for name in names
    ]
    for row in rows:
        assert list(row) == [
            *("example_id", "strategy", "nll", "tokens", "bytes", "terminator_nll"),
            *("mean_nll", "perplexity", "bits_per_byte", "mean_rank"),
        ]
        assert row["mean_nll"] == pytest.approx(row["nll"] / row["tokens"])
        assert row["perplexity"] == pytest.approx(math.exp(row["mean_nll"]))
        assert row["bits_per_byte"] == pytest.approx(row["nll"] / row["bytes"] / math.log(2))
        assert row["mean_rank"] >= 1
    texts = [tiny.arithmetic_rows(1)[0]["reference"]]
    assert rows[0]["bytes"] == len(texts[0].encode())


def test_score_takes_only_the_responses_that_are_named(idiolect, data, tiny_model, tmp_path):
    out = tmp_path / "new folder" / "out.jsonl"
    printed = idiolect(
        "score", data, "--target", tiny_model, "--responses", "right,label", "-o", out
    )
    assert printed.code == 0
    assert {row["strategy"] for row in rows_of(out)} == {"column:right", "label"}


def test_score_of_an_unknown_response_names_those_that_are_there(idiolect, data, tiny_model):
    printed = idiolect("score", data, "--target", tiny_model, "--responses", "rihgt")
    assert printed.code == 3
    (message,) = printed.messages
    assert "--responses: unknown response 'rihgt'" in message
    assert "did you mean 'right'" in message


def test_build_chooses_a_correct_response_and_writes_the_training_file(idiolect, data, tiny_model):
    printed = idiolect("build", data, "--target", tiny_model, "--json", *FAST)
    assert printed.code == 0
    result = printed.data
    assert result["chosen"] == 4
    rows = rows_of(data.parent / result["exported"])
    assert [row["metadata"]["example_id"] for row in rows] == [f"sum-{n}" for n in range(1, 5)]
    for row in rows:
        assert row["metadata"]["strategy"] in ("reference", "column:right")
        assert row["metadata"]["verdict"] == "correct"
        assert row["completion"][0]["role"] == "assistant"
    with RunReader(data.parent / result["run"]) as run:
        candidates = {c.id: c for c in run.all(Candidate)}
        choices = run.all(Choice)
        assert len(candidates) == len(choices) == len(run.all(Verdict)) == 16
        assert all(choice.reason for choice in choices)
        for choice in choices:
            if candidates[choice.candidate_id].finish_reason == "length":
                assert not choice.chosen


def test_a_run_records_what_it_was_made_with(idiolect, data, tiny_model):
    result = idiolect("audit", data, "--target", tiny_model, "--json", "-n", 2).data
    run = data.parent / result["run"]
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["target"]["model"] == str(tiny_model)
    assert len(manifest["target"]["revision"]) == 16
    assert manifest["data"]["examples"] == 2
    assert manifest["command"][0] == "idiolect"
    assert result["scoring"].startswith(manifest["scoring"]["path"])
    import yaml

    resolved = yaml.safe_load((run / "config.resolved.yaml").read_text())
    assert resolved["data"]["limit"] == 2
    assert resolved["target"]["model"] == str(tiny_model)


@pytest.mark.parametrize("command", ["audit", "build"])
def test_the_same_command_again_computes_nothing_and_prints_the_same(
    idiolect, data, tiny_model, work, command
):
    arguments = (command, data, "--target", tiny_model, "--json", *FAST)
    first = idiolect(*arguments)
    done = dict(work)
    assert done["scored"] > 0
    second = idiolect(*arguments)
    assert second.out == first.out
    assert work == done


def test_fresh_computes_everything_again(idiolect, data, tiny_model, work):
    arguments = ("audit", data, "--target", tiny_model)
    idiolect(*arguments)
    idiolect(*arguments, "--fresh")
    assert work["scored"] == 24


def test_a_run_that_was_stopped_goes_on_where_it_was(idiolect, data, tiny_model, work):
    arguments = ("build", data, "--target", tiny_model, "--json", *FAST)
    whole = idiolect(*arguments)
    path = data.parent / whole.data["run"]
    with RunReader(path) as reader:
        kinds = (Example, Candidate, Verdict, Measurement, Choice, Failure)
        rows = {kind: reader.all(kind) for kind in kinds}
        identity = json.loads(
            reader._db.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()[0]
        )
    lost = rows[Measurement][5:]
    with Run(path, identity) as run:  # as if it had been stopped while it scored
        for measurement in lost:
            run.delete(Measurement, candidate_id=measurement.candidate_id)
        run.delete(Choice)
    before = work["scored"]
    assert idiolect(*arguments).out == whole.out
    # Batches are scored whole, so that every number comes to be beside the same others.
    assert len(lost) <= work["scored"] - before <= len(rows[Measurement])
    with RunReader(path) as reader:
        for kind, expected in rows.items():
            assert reader.all(kind) == expected


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (("--seed", "7"), "`seed` (0 -> 7)"),
        (("-n", "2"), "`data` ('"),
        (("--verifier", "exact"), "`verifier` ('numeric' -> 'exact')"),
        (("--strategies", "reference"), "`strategies` (["),
        (("--set", "target.dtype=bfloat16"), "`target.dtype` ('float32' -> 'bfloat16')"),
    ],
)
def test_a_resumed_run_refuses_other_inputs_and_names_them(
    idiolect, data, tiny_model, changed, named
):
    base = ("audit", data, "--target", tiny_model, "-o", "run")
    assert idiolect(*base).code == 0
    printed = idiolect(*base, *changed)
    assert printed.code == 3
    (message,) = printed.messages
    assert "run: resumed run differs in " in message
    assert named in message
    assert "use --fresh to start over, or another --output-dir" in message
    assert idiolect(*base, *changed, "--fresh").code == 0


def test_another_model_in_the_same_run_is_refused(idiolect, data, make_model):
    assert idiolect("audit", data, "--target", make_model(), "-o", "run").code == 0
    printed = idiolect("audit", data, "--target", make_model(seed=1), "-o", "run")
    assert printed.code == 3
    assert "`target.model` (" in printed.messages[0]
    assert "`target.revision` (" in printed.messages[0]


def test_another_command_on_the_same_run_is_refused(idiolect, data, tiny_model):
    assert idiolect("audit", data, "--target", tiny_model, "-o", "run").code == 0
    printed = idiolect("build", data, "--target", tiny_model, "-o", "run", *FAST)
    assert printed.code == 3
    assert "`command` ('audit' -> 'build')" in printed.messages[0]


def test_export_writes_each_form_of_a_finished_run(idiolect, data, tiny_model, tmp_path):
    run = idiolect("build", data, "--target", tiny_model, "--json", *FAST).data["run"]
    printed = idiolect("export", run, "--to", "openai", "-o", tmp_path / "out" / "chat.jsonl")
    assert printed.code == 0
    assert printed.out == f"4 rows written to {tmp_path / 'out' / 'chat.jsonl'}\n"
    for row in rows_of(tmp_path / "out" / "chat.jsonl"):
        assert list(row) == ["messages"]
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
    assert idiolect("export", run).code == 0
    trained = (tmp_path / run / "train.jsonl").read_bytes()
    assert (tmp_path / run / "trl.jsonl").read_bytes() == trained


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "none"), "none: there is no run here; name a directory"),
        (("export", "RUN", "--to", "opena"), "unknown form 'opena'; did you mean 'openai'"),
        (("export", "RUN"), "no response was chosen in this run"),
        (("explain", "sum-1", "-r", "none"), "none: there is no run here"),
        (("explain", "sum-11", "-r", "RUN"), "has no example 'sum-11'; did you mean 'sum-1'"),
    ],
)
def test_reading_a_run_that_lacks_something_says_what(
    idiolect, data, tiny_model, arguments, message
):
    run = idiolect("audit", data, "--target", tiny_model, "--json").data["run"]
    printed = idiolect(*(run if word == "RUN" else word for word in arguments))
    assert printed.code == 3
    assert len(printed.messages) == 1
    assert message in printed.messages[0]


def test_explain_shows_every_candidate_of_an_example_with_its_reason(idiolect, data, tiny_model):
    run = idiolect("build", data, "--target", tiny_model, "--json", *FAST).data["run"]
    printed = idiolect("explain", "sum-2", "--run", run)
    assert printed.code == 0
    assert "How many apples are 2 apples and 5 apples?" in printed.out
    assert "chosen: " in printed.out
    assert "dropped: incorrect, read '8'" in printed.out
    assert "cut off at the token limit" in printed.out
    found = idiolect("explain", "sum-2", "--run", run, "--json").data
    assert found["candidates"][0]["candidate"]["strategy"] in (
        "reference",
        "column:right",
    )
    assert sum(c["chosen"] for c in found["candidates"]) == 1
    assert {c["candidate"]["strategy"] for c in found["candidates"]} == {
        *("reference", "column:right", "column:wrong", "own")
    }


def test_too_many_references_that_do_not_verify_stop_the_run_unless_allowed(
    idiolect, tmp_path, tiny_model
):
    rows = tiny.arithmetic_rows(4)
    rows[2]["answer"] = "1000"
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    printed = idiolect("audit", data, "--target", tiny_model)
    assert printed.code == 3
    assert "sum-3: incorrect, read '10'" in printed.err
    assert "--allow-failing-references" in printed.err
    printed = idiolect("audit", data, "--target", tiny_model, "--allow-failing-references")
    assert printed.code == 0
    assert "1 of 4 references do not verify: sum-3 (incorrect, read '10')" in " ".join(
        printed.out.split()
    )


def test_a_base_model_is_audited_in_a_plain_format(idiolect, data, make_model):
    printed = idiolect("audit", data, "--target", make_model(None), "--format", "question-answer")
    assert printed.code == 0
    manifest = json.loads(next((data.parent / "runs").glob("*/manifest.json")).read_text())
    assert manifest["target"]["template"] == "plain format 'question-answer'"


@pytest.mark.parametrize("style", ["llama3", "gemma", "mistral", "llama2"])
def test_every_template_can_be_built_with(idiolect, data, make_model, style):
    printed = idiolect("build", data, "--target", make_model(style), "-n", 2, "--json", *FAST)
    assert printed.code == 0
    assert printed.data["chosen"] == 2


def test_a_thinking_template_that_needs_an_argument_says_which_and_works_with_it(
    idiolect, data, make_model
):
    base = ("audit", data, "--target", make_model("qwen3"))
    printed = idiolect(*base)
    assert printed.code == 3
    flag = "target.template_kwargs.enable_thinking=false"
    assert f"--set {flag}" in printed.messages[0]
    assert idiolect(*base, "--set", flag).code == 0


def test_data_and_target_may_come_from_a_configuration_file(idiolect, data, tiny_model, tmp_path):
    config = tmp_path / "idiolect.yaml"
    config.write_text(
        f"data: {{path: {data}}}\ntarget: {{model: {tiny_model}}}\noutput_dir: here\n"
    )
    assert idiolect("audit", "-c", config, "--max_cost_is_no_flag").code == 3
    assert idiolect("audit", "-c", config).code == 0
    assert (tmp_path / "here" / "run.sqlite").is_file()
    assert idiolect("audit", "--config", config, "--output_dir", "there").code == 0
    assert (tmp_path / "there" / "run.sqlite").is_file()


def test_quiet_prints_no_progress(idiolect, data, tiny_model):
    loud = idiolect("audit", data, "--target", tiny_model, "-o", "a")
    quiet = idiolect("audit", data, "--target", tiny_model, "-o", "b", "--quiet")
    assert "score 12/12" in loud.err
    assert "score" not in quiet.err


def test_an_interrupted_command_says_how_to_go_on_and_keeps_what_is_done(
    idiolect, data, tiny_model, monkeypatch, work
):
    from idiolect.runs.store import Run as Store

    add, count = Store.add, 0

    def interrupted(self, *records):
        nonlocal count
        add(self, *records)
        count += isinstance(records[0], Measurement)
        if count == 1:
            raise KeyboardInterrupt

    arguments = ("audit", data, "--target", tiny_model, "-o", "my run")
    arguments += ("--measures", "perplexity,ifd")  # with the prompts, then without them
    with monkeypatch.context() as patch:
        patch.setattr(Store, "add", interrupted)
        printed = idiolect(*arguments, "--fresh")
    assert printed.code == 130
    assert "interrupted; what is done is kept. Resume with: idiolect audit" in printed.err
    assert "-o 'my run'" in printed.err
    assert "--fresh" not in printed.err  # it would throw away what is done
    with RunReader("my run") as run:
        kept = len(run.all(Measurement))
    scored = work["scored"]
    assert 0 < kept <= 12
    assert idiolect(*arguments).code == 0
    assert 12 <= work["scored"] - scored < 24


def test_responses_alone_without_references_are_audited(idiolect, tmp_path, tiny_model):
    rows = [{"prompt": f"Say {n}", "responses": {"a": "x y", "b": "z"}} for n in range(3)]
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    printed = idiolect("audit", data, "--target", tiny_model, "--json")
    assert printed.code == 0
    assert [row["strategy"] for row in printed.data["table"]] == ["column:a", "column:b"]
    assert printed.data["verifier"].startswith("none ")


def test_html_and_markup_in_the_data_are_printed_as_they_are(idiolect, tmp_path, tiny_model):
    rows = [{"id": "[red]x[/red]", "prompt": "[bold]P", "completion": "[/nothing] <b>R</b>"}]
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    run = idiolect("build", data, "--target", tiny_model, "--json", *FAST).data["run"]
    printed = idiolect("explain", "[red]x[/red]", "--run", run)
    assert printed.code == 0
    assert "[/nothing] <b>R</b>" in printed.out
    assert "[bold]P" in printed.out


def test_one_reference_in_a_hundred_that_does_not_verify_is_a_warning_with_the_row(
    idiolect, tmp_path, tiny_model
):
    rows = tiny.arithmetic_rows(100)
    rows[2]["answer"] = "1000"
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    printed = idiolect("audit", data, "--target", tiny_model, "--strategies", "reference")
    assert printed.code == 0
    assert "1 of 100 references do not verify: sum-3 (incorrect, read '10')" in " ".join(
        printed.out.split()
    )


def test_texts_that_talk_about_a_correction_are_shown_by_audit_and_not_chosen_by_build(
    idiolect, tmp_path, tiny_model
):
    rows = tiny.arithmetic_rows(3)
    for row in rows:
        row["responses"] = {
            "corrected": f"The previous answer is wrong. Final Answer: {row['answer']}"
        }
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    built = idiolect("build", data, "--target", tiny_model, "--json", "--strategies",
                     "reference,column:corrected")  # fmt: skip
    assert any("talk about a correction" in line for line in built.data["hygiene"])
    chosen = {row["strategy"]: row["chosen"] for row in built.data["table"]}
    assert chosen == {"reference": 3, "column:corrected": 0}
    told = idiolect("explain", rows[0]["id"], "--run", built.data["run"])
    assert "dropped: talks about a correction or a reference" in " ".join(told.out.split())
