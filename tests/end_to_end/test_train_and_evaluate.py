"""From a run to an adapter and its test, over the command line."""

import json
from pathlib import Path

import pytest
import tiny

from idiolect.records import Answer, Drift
from idiolect.runs import RunReader

pytest.importorskip("trl")
pytest.importorskip("peft")
SMALL = ("--steps", 2, "--batch-size", 4, "--learning-rate", 0.01)


@pytest.fixture
def data(tmp_path):
    return tiny.write_jsonl(tmp_path / "data.jsonl", tiny.arithmetic_rows(4))


@pytest.fixture
def scored(monkeypatch):
    """The requests that the scorer of a command gets."""
    import dataclasses

    from idiolect.scoring import local

    choose, seen = local.choose_scorer, []

    class Recording:
        def __init__(self, scorer):
            self._scorer = scorer

        def __getattr__(self, name):
            return getattr(self._scorer, name)

        def score(self, requests):
            seen.extend(requests)
            return self._scorer.score(requests)

    def choice(*arguments, **options):
        made = choose(*arguments, **options)
        return dataclasses.replace(made, scorer=Recording(made.scorer))

    monkeypatch.setattr(local, "choose_scorer", choice)
    return seen


def test_the_ids_that_are_trained_on_are_the_ids_that_were_scored(idiolect, scored):
    from idiolect.config import DataConfig, TargetConfig
    from idiolect.models.local import load_local_model
    from idiolect.pipeline.train import read_training_rows
    from idiolect.training.rows import all_ids, encode_rows, labels, with_own_ids

    lab = ("lab", "data", "--skill", "shop", "--idiolect", "textbook", "-n", 6, "-o", "d.jsonl")
    assert idiolect(*lab).code == 0
    build = ("build", "d.jsonl", "--target", "lab:amber", "--strategies", "reference,own")
    assert idiolect(*build, "-o", "run").code == 0
    model = load_local_model(TargetConfig("lab:amber"))
    found = read_training_rows(DataConfig(path="run"))
    rows = with_own_ids(found.rows, model.revision)
    assert {c.strategy for c in found.candidates} >= {"own"}
    assert [row.token_ids is not None for row in rows] == [
        c.strategy == "own" for c in found.candidates
    ]
    wanted = {(r.prompt_ids, r.target_ids) for r in scored}
    for item in encode_rows(model.chat, rows, max_length=model.max_length):
        prompt = len(item.prompt_ids)
        assert labels(item)[:prompt] == [-100] * prompt
        assert (item.prompt_ids, tuple(labels(item)[prompt:])) in wanted
        assert all_ids(item)[prompt:] == labels(item)[prompt:]


def test_a_run_becomes_an_adapter_that_is_scored_tested_and_compared_with_its_base(
    idiolect, data, tiny_model
):
    build = ("build", data, "--target", tiny_model, "--strategies", "reference", "-o", "run")
    assert idiolect(*build).code == 0
    train = ("train", "run", "--target", tiny_model, "-o", "adapter", *SMALL)
    printed = idiolect(*train)
    assert (printed.code, printed.messages) == (0, [])
    assert "adapter: adapter" in printed.out
    exported = idiolect("train", "run/train.jsonl", *train[2:4], "-o", "other", *SMALL, "--json")
    assert exported.data["rows"] == 4
    same = json.loads(Path("adapter/manifest.json").read_text())["losses"]
    assert exported.data["result"]["losses"] == same

    test = ("evaluate", data, "--target", tiny_model, "--adapter", "adapter", "--drift")
    shown = idiolect(*test, "--max-new-tokens", 4, "-o", "tested", "--json")
    assert shown.code == 0
    (task,) = shown.data["tasks"]
    assert (task["task"], task["verifier"]) == ("data", "numeric")
    assert [row["source"] for row in shown.data["drifts"]] == ["own", "reference"]
    assert all(row["kl_base_tuned"] > 0 for row in shown.data["drifts"])
    with RunReader("tested") as run:
        assert [row.example_id for row in run.all(Answer)] == [f"sum-{n}" for n in range(1, 5)]
        assert len(run.all(Drift)) == 8
    audit = ("audit", data, "--target", tiny_model, "--set", "target.adapter=adapter")
    assert idiolect(*audit, "-o", "audited").code == 0


def test_an_evaluation_that_is_repeated_asks_the_model_nothing(idiolect, data, tiny_model, work):
    test = ("evaluate", data, "--target", tiny_model, "--max-new-tokens", 2, "-o", "tested")
    first = idiolect(*test, "--json")
    assert work["generated"] == 4
    assert idiolect(*test, "--json").data == first.data
    assert work["generated"] == 4
    assert "correct" in idiolect(*test).out


def test_a_rate_of_several_samples_has_an_interval_that_counts_examples(idiolect, data, tiny_model):
    test = ("evaluate", data, "--target", tiny_model, "--max-new-tokens", 2, "-o", "tested")
    found = idiolect(*test, "--samples", 5, "--temperature", 1.0, "--json").data
    (task,) = found["tasks"]
    assert task["counts"]["correct"] == 0
    # No answer of 20 is right, to four examples: z**2 / (4 + z**2), and not of 20.
    assert task["interval"] == pytest.approx([0.0, 0.4899], abs=1e-4)


def test_test_data_that_stands_in_the_training_data_stops_a_training(idiolect, data, tiny_model):
    printed = idiolect("train", data, "--target", tiny_model, "--test", data, "-o", "a", *SMALL)
    assert printed.code == 3
    assert "4 examples that stand in the training data" in printed.messages[0]


def test_what_cannot_be_evaluated_is_said_at_once(idiolect, data, tiny_model):
    plain = idiolect("evaluate", data, "--target", tiny_model, "--drift", "-o", "x")
    assert (plain.code, "no adapter" in plain.messages[0]) == (3, True)
    none = idiolect("evaluate", "--target", tiny_model, "-o", "y")
    assert (none.code, "no data" in none.messages[0]) == (3, True)
