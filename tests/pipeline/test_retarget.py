"""`retarget`: the same candidates, another target, and nothing made again."""

import json

import pytest
import tiny

from idiolect.records import Candidate, Choice, Measurement, Verdict
from idiolect.runs import RunReader
from idiolect.runs.store import Run

FAST = ("--set", "own.max_new_tokens=6")


@pytest.fixture
def run(idiolect, tmp_path, tiny_model):
    data = tiny.write_jsonl(tmp_path / "sums.jsonl", tiny.arithmetic_rows(6))
    assert idiolect("build", data, "--target", tiny_model, "-o", "run", *FAST).code == 0
    return tmp_path / "run"


@pytest.fixture
def other(make_model):
    """Return another model with another vocabulary and template."""
    return make_model("llama3", sentencepiece=True, seed=1)


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_candidates_and_verdicts_are_taken_over_and_only_scored_again(
    idiolect, run, other, work, tmp_path
):
    before = dict(work)
    printed = idiolect("retarget", run, "--target", other, "-o", "new", "--json")
    assert printed.code == 0
    assert work["generated"] == before["generated"]
    with RunReader(run) as old, RunReader(tmp_path / "new") as new:
        assert [c.id for c in new.all(Candidate)] == [c.id for c in old.all(Candidate)]
        assert all(c.token_ids is None for c in new.all(Candidate))
        assert new.all(Verdict) == old.all(Verdict)
        assert len(new.all(Measurement)) == len(old.all(Measurement))
        chosen = {c.example_id: c.candidate_id for c in new.all(Choice) if c.chosen}
    assert work["scored"] == before["scored"] + 24
    assert printed.data["verifier"] == f"numeric (as recorded in {run})"
    assert not any("verified" in warning for warning in printed.data["warnings"])
    trained = rows_of(tmp_path / "new" / "train.jsonl")
    assert {r["metadata"]["example_id"]: r["metadata"]["candidate_id"] for r in trained} == chosen


def test_the_rows_say_which_choices_changed_and_by_how_much(idiolect, run, other, tmp_path):
    result = idiolect("retarget", run, "--target", other, "-o", "new", "--json").data
    rows = rows_of(tmp_path / "new" / "retarget.jsonl")
    with RunReader(run) as old, RunReader(tmp_path / "new") as new:
        before = {c.example_id: c.candidate_id for c in old.all(Choice) if c.chosen}
        after = {c.example_id: c.candidate_id for c in new.all(Choice) if c.chosen}
        nlls = {m.candidate_id: m.nll / m.tokens for m in new.all(Measurement)}
    assert [row["example_id"] for row in rows] == list(before)
    for row in rows:
        name = row["example_id"]
        assert row["before_id"] == before[name]
        assert row["after_id"] == after[name]
        assert row["kind"] == ("kept" if before[name] == after[name] else "changed")
        assert row["after_mean_nll"] == nlls[after[name]]
    assert sum(result["counts"].values()) == len(rows) == 6
    assert result["counts"]["changed"] == sum(move["examples"] for move in result["moves"]) > 0


def test_the_same_target_keeps_every_choice(idiolect, run, tiny_model):
    printed = idiolect("retarget", run, "--target", tiny_model, "-o", "new")
    assert printed.code == 0
    assert "6 kept, 0 changed, 0 gained, 0 lost" in printed.out


def test_a_second_call_computes_nothing_and_another_pool_is_refused(
    idiolect, run, other, work, tmp_path
):
    words = ("retarget", run, "--target", other, "-o", "new")
    first = idiolect(*words)
    scored = work["scored"]
    assert idiolect(*words).out == first.out
    assert work["scored"] == scored
    data = tmp_path / "sums.jsonl"
    tiny.write_jsonl(data, tiny.arithmetic_rows(5))
    flags = ("--set", "target.dtype=float32", "-o", "another", "--strategies", "reference")
    assert idiolect("build", data, "--target", other, *flags).code == 0
    printed = idiolect("retarget", "another", "--target", other, "-o", "new")
    assert printed.code == 3
    assert "`candidates` (" in printed.messages[0]


def test_settings_of_the_old_target_do_not_leak_into_the_new_one(idiolect, make_model, tmp_path):
    data = tiny.write_jsonl(tmp_path / "sums.jsonl", tiny.arithmetic_rows(2))
    words = ("--format", "question-answer", "--strategies", "reference,column:right", "-o", "old")
    assert idiolect("build", data, "--target", make_model(None), *words).code == 0
    assert idiolect("retarget", "old", "--target", make_model("llama3"), "-o", "new").code == 0
    manifest = json.loads((tmp_path / "new" / "manifest.json").read_text())
    assert manifest["target"]["template"] == "its own chat template"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none", "--target", "x"), "none: there is no run here"),
        (("RUN",), "no target was given"),
        (("RUN", "--target", "x", "--set", "own.samples=2"), "retarget changes the target only"),
        (("RUN", "--target", "x", "--set", "target.thinking=keep"), "stays as it is in the run"),
    ],
)
def test_what_cannot_be_retargeted_is_named(idiolect, run, words, message):
    printed = idiolect("retarget", *(run if word == "RUN" else word for word in words))
    assert printed.code == 3
    assert message in printed.messages[0]


def test_a_run_without_choices_is_refused(idiolect, tmp_path, tiny_model):
    data = tiny.write_jsonl(tmp_path / "sums.jsonl", tiny.arithmetic_rows(2))
    assert idiolect("audit", data, "--target", tiny_model, "-o", "run").code == 0
    printed = idiolect("retarget", "run", "--target", tiny_model)
    assert printed.code == 3
    assert "no response was chosen in this run" in printed.messages[0]


@pytest.mark.parametrize("words", [("retarget", "--target", "lab:amber"), ("export",)])
def test_a_run_that_has_not_ended_is_refused_in_one_sentence(idiolect, tmp_path, words):
    with Run(tmp_path / "run", {}) as opened:
        opened.add(Choice(example_id="x", candidate_id="c", chosen=True, reason="only one"))
    printed = idiolect(words[0], "run", *words[1:])
    assert printed.code == 3
    assert "run: the run has not ended, so it has no " in printed.messages[0]
