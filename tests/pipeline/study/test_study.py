"""A whole study on a tiny model: what is trained, what lands, and what a second call does."""

import contextlib
import dataclasses
import json
import shutil
import sqlite3

import pytest
import tiny

from idiolect.config import DataConfig, StudySplit, load_config
from idiolect.errors import BackendError, ConfigError, DataError, RunError
from idiolect.models.base import Sampling
from idiolect.pipeline.job import RunOptions
from idiolect.pipeline.study import study
from idiolect.pipeline.study.cells import Plan, Questions, train_cell
from idiolect.pipeline.study.splits import read_splits
from idiolect.records import Answer, Cell, Drift
from idiolect.runs import RunReader


def rows(count: int, first: int = 1) -> list[dict]:
    """Return sums that no other call with another first number has."""
    made = tiny.arithmetic_rows(first + count)[first - 1 : first + count - 1]
    return [row | {"question": f"Box {row['id']}: " + row["question"]} for row in made]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_model):
    path = tmp_path_factory.mktemp("study")
    tiny.write_jsonl(path / "train.jsonl", rows(10))
    tiny.write_jsonl(path / "test.jsonl", rows(4, first=30))
    tiny.write_jsonl(path / "other.jsonl", rows(3, first=50))
    tree = {
        "data": {"path": str(path / "train.jsonl")},
        "target": str(make_model()),
        "training": {"max_steps": 2, "batch_size": 4, "learning_rate": 1e-3},
        "study": {
            "datasets": {
                "reference": {"strategies": ["reference"]},
                "either": {"strategies": ["reference", "column:right"]},
                "wrong": {"strategies": ["column:wrong"], "correct_only": False},
            },
            "seeds": [0, 1],
            "validation_examples": 2,
            "checkpoints": 2,
            "examples": 6,
            "test": {"data": {"path": str(path / "test.jsonl")}},
            "others": {"more": {"data": {"path": str(path / "other.jsonl")}}},
            "evaluation": {"max_new_tokens": 4},
            "drift_examples": 3,
        },
    }
    (path / "study.yaml").write_text(json.dumps(tree))
    return path


def config(folder, **changes):
    found = load_config(folder / "study.yaml")
    settings = dataclasses.replace(found.study, **changes.pop("study", {}))
    return dataclasses.replace(found, study=settings, **changes)


@pytest.fixture(scope="module")
def done(folder):
    return study(config(folder, output_dir=str(folder / "run")))


def rows_of(run, kind):
    with RunReader(run) as reader:
        return reader.all(kind)


def test_every_dataset_is_trained_on_the_same_prompts_with_the_same_steps(done):
    cells = rows_of(done.run, Cell)
    assert {(c.dataset, c.seed) for c in cells} == {
        (name, seed) for name in ("reference", "either", "wrong") for seed in (0, 1)
    }
    assert {(c.rows, c.steps) for c in cells} == {(6, 2)}
    facts = {result.name: result.facts for result in done.found.datasets}
    assert {f.n for f in facts.values()} == {6}
    assert {f.available for f in facts.values()} == {8}
    assert (facts["reference"].correct, facts["wrong"].correct) == (6, 0)
    assert sum(facts["either"].strategies.values()) == 6


def test_base_and_adapters_answer_every_test_example_and_validation_is_kept_apart(done):
    answers = rows_of(done.run, Answer)
    counts: dict[str, set[str]] = {}
    for row in answers:
        counts.setdefault(row.split, set()).add(row.example_id)
    assert {name: len(ids) for name, ids in counts.items()} == {
        "validation": 2,
        "test": 4,
        "more": 3,
    }
    assert not counts["validation"] & counts["test"]
    bases = {a.subject_id for a in answers if a.subject_id.startswith("base-")}
    assert bases == {"base-1", "base-2"}
    assert len(answers) == 2 * 7 + 6 * (2 + 7)


def test_the_drift_of_every_adapter_is_measured_on_the_same_test_prompts(done):
    measured: dict[str, set[str]] = {}
    for row in rows_of(done.run, Drift):
        assert (row.split, row.source) == ("test", "own")
        measured.setdefault(row.subject_id, set()).add(row.example_id)
    assert set(measured) == {cell.id for cell in rows_of(done.run, Cell)}
    assert {frozenset(ids) for ids in measured.values()} == {frozenset(measured.popitem()[1])}
    assert all(result.drift is not None for result in done.found.datasets)


def test_more_drift_examples_measure_drift_again_and_train_nothing(folder, done, monkeypatch):
    from idiolect.pipeline.study import command

    shutil.copytree(done.run, folder / "more-drift")
    monkeypatch.setattr(command, "train_cell", None)
    again = study(
        config(folder, output_dir=str(folder / "more-drift"), study={"drift_examples": 4})
    )
    assert len(rows_of(again.run, Drift)) == 6 * 4


def test_two_runs_of_a_greedy_base_model_do_not_differ(done):
    assert done.found.base_noise.range == 0
    assert done.found.base_noise.flipped == 0


def test_the_result_is_on_the_page_and_in_the_words(done):
    page = done.page.read_text()
    assert "| base |" in page
    for name in ("reference", "either", "wrong"):
        assert f"| {name} |" in page
    assert "(correctness was not asked for)" in page
    assert len(done.found.pairs) == 3
    assert json.loads((done.run / "study.json").read_text())["words"] == list(done.words)


def test_the_same_command_again_trains_and_asks_nothing(done, folder, monkeypatch):
    from idiolect.pipeline.study import command, drifts

    def fail(*arguments):
        raise AssertionError("computed twice")

    monkeypatch.setattr(command, "train_cell", fail)
    monkeypatch.setattr(command, "answer", fail)
    monkeypatch.setattr(drifts, "base_answers", fail)
    monkeypatch.setattr(drifts, "drift_of", fail)
    again = study(config(folder, output_dir=str(folder / "run")))
    assert again.found == done.found


def test_a_study_that_stopped_in_a_cell_goes_on_with_the_others(done, folder, monkeypatch):
    from idiolect.pipeline.study import command

    settings = config(folder, output_dir=str(folder / "stopped"))
    trained: list[str] = []

    def stopping(plan):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(plan.id)
        return train_cell(plan)

    monkeypatch.setattr(command, "train_cell", stopping)
    with pytest.raises(KeyboardInterrupt):
        study(settings)
    assert [cell.id for cell in rows_of(folder / "stopped", Cell)] == trained

    def counting(plan):
        trained.append(plan.id)
        return train_cell(plan)

    monkeypatch.setattr(command, "train_cell", counting)
    resumed = study(settings)
    assert len(trained) == len(set(trained)) == 6
    assert [d.test for d in resumed.found.datasets] == [d.test for d in done.found.datasets]
    assert [c.verdict for c in resumed.found.pairs] == [c.verdict for c in done.found.pairs]


def test_a_study_resumed_with_other_data_is_refused_by_name(done, folder, tmp_path):
    other = tiny.write_jsonl(tmp_path / "test.jsonl", rows(4, first=70))
    settings = config(folder, output_dir=str(folder / "run"))
    test = dataclasses.replace(
        settings.study.test, data=dataclasses.replace(settings.study.test.data, path=str(other))
    )
    changed = dataclasses.replace(settings, study=dataclasses.replace(settings.study, test=test))
    with pytest.raises(RunError, match="resumed run differs in `splits`"):
        study(changed)


def test_test_examples_in_the_training_data_stop_the_study(folder, tmp_path):
    path = str(tiny.write_jsonl(tmp_path / "test.jsonl", rows(3)))
    settings = {"test": StudySplit(data=DataConfig(path=path))}
    settings |= {"validation_examples": 0, "checkpoints": 1}
    leaking = config(folder, study=settings, output_dir=str(tmp_path / "run"))
    with pytest.raises(DataError, match="examples that stand in the training data") as refused:
        study(leaking)
    assert "study.overlap=drop" in str(refused.value)
    assert not (tmp_path / "run").exists()


def leaking(folder, count, first):
    """Return a split of sums that may be trained on as well; ids begin anew."""
    made = [row | {"id": f"row-{n}"} for n, row in enumerate(rows(count, first))]
    path = tiny.write_jsonl(folder / f"{first}-{count}.jsonl", made)
    return StudySplit(data=DataConfig(path=str(path)))


def test_examples_that_overlap_are_left_out_where_that_is_asked_for(folder, tmp_path):
    # 8, 9 and 10 are trained on and tested; 11 and 12 are in validation and test, 14 in another.
    study_settings = {
        "test": leaking(tmp_path, 5, 8),
        "validation": leaking(tmp_path, 4, 11),
        "others": {"more": leaking(tmp_path, 2, 1), "last": leaking(tmp_path, 1, 14)},
        "overlap": "drop",
    }
    splits = read_splits(config(folder, study=study_settings))
    assert [e.id for e in splits.train.examples] == [f"sum-{n}" for n in range(3, 8)]
    assert [e.id for e in splits.validation.examples] == ["row-2"]
    assert len(splits.test.examples) == 5
    assert splits.words == [
        "overlap: 3 validation examples were left out, because held-out prompts stand in them; "
        "the first: row-0 ~ row-3 (exact, 100%).",
        "overlap: 5 training examples were left out, because held-out prompts stand in them; "
        "the first: sum-8 ~ row-0 (exact, 100%).",
    ]
    assert read_splits(config(folder)).words == []


@pytest.mark.parametrize("role", ["training", "validation"])
def test_a_study_of_which_all_examples_of_a_role_overlap_is_refused(folder, tmp_path, role):
    settings = {"overlap": "drop", "test": leaking(tmp_path, 9, 1)}
    settings |= {"others": {"more": leaking(tmp_path, 1, 10)}, "validation_examples": 0}
    if role == "validation":
        settings |= {"test": leaking(tmp_path, 3, 30), "validation": leaking(tmp_path, 2, 31)}
    with pytest.raises(DataError, match=f"no {role} example is left, because the prompts of test"):
        read_splits(config(folder, study=settings))


def test_a_study_says_what_was_left_out_and_goes_on_from_there(folder, tmp_path):
    settings = {
        "test": leaking(tmp_path, 4, 9),
        "datasets": {
            name: dataclasses.replace(each, correct_only=False)
            for name, each in config(folder).study.datasets.items()
            if name != "either"
        },
        **{"seeds": (0,), "checkpoints": 1, "validation_examples": 0, "drift_examples": 0},
        **{"others": {}, "overlap": "drop"},
    }
    asked = config(folder, study=settings, output_dir=str(tmp_path / "run"))
    first, again = study(asked), study(asked)
    said = json.loads((again.run / "study.json").read_text(encoding="utf-8"))["words"]
    assert said == list(first.words)
    assert said[-1].startswith("overlap: 2 training examples were left out")
    assert {d.facts.n for d in again.found.datasets} == {6}
    with contextlib.closing(sqlite3.connect(again.run / "run.sqlite")) as database:
        logged = [text for (text,) in database.execute("SELECT message FROM events")]
    assert [text for text in logged if "left out" in text] == [
        "training example sum-9 left out: row-0 stands in it (exact, 100%)",
        "training example sum-10 left out: row-1 stands in it (exact, 100%)",
    ]


def test_a_validation_split_that_is_the_test_split_stops_the_study(folder):
    settings = config(folder)
    same = dataclasses.replace(
        settings, study=dataclasses.replace(settings.study, validation=settings.study.test)
    )
    with pytest.raises(
        DataError, match="test split: found 4 examples that stand in the validation data"
    ):
        read_splits(same)


def test_a_training_that_is_given_the_test_split_to_choose_by_refuses(folder, tmp_path):
    splits = read_splits(config(folder))
    questions = Questions(
        splits=(splits.test,),
        sampling=Sampling(temperature=0.0, top_p=1.0, max_new_tokens=4),
        samples=1,
        seed=0,
        confirm_run_unsafe_code=False,
    )
    settings = config(folder)
    plan = Plan(
        dataset="x",
        seed=0,
        target=settings.target,
        training=settings.training,
        learning_rate=1e-3,
        rows=(),
        output=tmp_path / "adapters" / "x",
        validation=questions,
    )
    with pytest.raises(ConfigError, match="may only see a validation split"):
        train_cell(plan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"datasets": {}}, "study.datasets: found 0, expected at least two"),
        ({"test": None}, "study.test: found nothing"),
        ({"seeds": ()}, "study.seeds: found none"),
        ({"seeds": (1, 1)}, "expected each value once"),
        ({"validation_examples": 0}, "chosen from on a validation split"),
        ({"validation_examples": 10}, "study.validation_examples: found 10"),
        ({"checkpoints": 0}, "study.checkpoints: found 0"),
    ],
)
def test_a_study_that_cannot_be_is_refused_before_anything_is_loaded(folder, change, message):
    with pytest.raises(ConfigError, match=message):
        study(config(folder, study=change))


@pytest.mark.slow
def test_two_processes_give_the_rows_of_one(done, folder):
    other = study(config(folder, output_dir=str(folder / "two")), jobs=2, options=RunOptions())
    assert [d.test for d in other.found.datasets] == [d.test for d in done.found.datasets]
    assert {c.id for c in rows_of(other.run, Cell)} == {c.id for c in rows_of(done.run, Cell)}


def test_the_command_prints_the_table_and_the_verdicts(done, folder, idiolect):
    printed = idiolect("study", "-c", folder / "study.yaml", "-o", folder / "run")
    assert printed.code == 0
    assert printed.out.splitlines()[0].startswith("dataset")
    assert "cannot tell" in printed.out
    data = idiolect("study", "-c", folder / "study.yaml", "-o", folder / "run", "--json").data
    assert [d["name"] for d in data["datasets"]] == ["reference", "either", "wrong"]


def test_a_plan_says_before_the_study_what_difference_it_could_find(folder, idiolect):
    printed = idiolect("plan", "-c", folder / "study.yaml")
    assert printed.code == 0
    # Four examples: (1.95996 + 0.84162) * sqrt(0.25 / 4 / (1 + 2.80158 ** 2 / 4)) = 0.4069.
    words = " ".join(printed.out.split())
    assert "on 4 test examples finds a true difference of 40.7 points with 80 %" in words
    planned = idiolect("plan", "-c", folder / "study.yaml", "--json").data["training"]
    assert planned["detectable"] == pytest.approx(0.4069, abs=1e-4)
    untested = idiolect("plan", "-c", folder / "study.yaml", "--set", "study.test=null", "--json")
    assert untested.data["training"]["detectable"] is None


def test_a_training_that_changes_nothing_is_not_evaluated_as_if_it_did(folder, tmp_path):
    settings = config(folder, study={"checkpoints": 1}, output_dir=str(tmp_path / "run"))
    # What such a rate adds to a float32 weight is lost in rounding.
    training = dataclasses.replace(settings.training, max_steps=2, learning_rate=1e-30)
    with pytest.raises(BackendError, match=r"changes none of .* so the base model would be"):
        study(dataclasses.replace(settings, training=training))
    assert rows_of(tmp_path / "run", Cell) == []
