"""The experiments of the papers: each has a price without a network, and each runs on the lab."""

import json

import pytest

from idiolect.config import load_config
from idiolect.data.named import named_datasets
from idiolect.data.outline import outline
from studies.paper.__main__ import price_row, run_of, run_on_lab
from studies.paper.lab import EXPERIMENTS, HERE, commands_of, task_of, write_data

NAMES = {"/".join(path.relative_to(HERE).with_suffix("").parts): path for path in EXPERIMENTS}
THEIRS = {name for name in NAMES if "/" not in name}
CODE = ("mbpp", "humaneval")
"""What a study answers is a program there, in one of its splits at least."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("paper")
    write_data(path / "data")
    return path


@pytest.fixture(scope="module")
def sandbox():
    from idiolect.errors import ConfigError
    from idiolect.verification import get_verifier

    try:
        get_verifier("code", confirm_run_unsafe_code=True)
    except ConfigError as error:
        return str(error)
    return ""


def uses_code(config):
    splits = [config.study.test, *config.study.others.values()]
    return any(split and split.data.path in CODE for split in splits)


def test_every_experiment_is_there_as_theirs_and_corrected():
    assert {name.removeprefix("corrected/") for name in NAMES if "/" in name} == THEIRS
    assert len(THEIRS) == 20


@pytest.mark.parametrize("name", NAMES)
def test_theirs_has_their_settings_and_the_corrected_one_has_not(name):
    config = load_config(NAMES[name])
    is_theirs = name in THEIRS
    assert config.target.model == "mistralai/Mistral-7B-Instruct-v0.2"
    assert (config.training.preset == "paper") == is_theirs
    assert (config.study.seeds == (42,)) == is_theirs
    assert config.study.correct_only != is_theirs
    assert (config.study.evaluation.temperature > 0) == is_theirs
    assert (config.teacher.model == "openai:gpt-4-1106-preview") == is_theirs
    if not is_theirs:
        assert not config.teacher.show_answer
        assert not any(each.show_answer for each in config.teachers.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_price_is_known_without_a_network_a_key_or_the_data(name, monkeypatch):
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    row = price_row(NAMES[name])
    assert "unknown" not in row
    free = "no-teacher" in name
    assert ("0.00 / 0.00 / 0.00" in row) == free
    trains = "study" in commands_of(load_config(NAMES[name]))
    cells, steps, answers, hours = row.strip("| ").split(" | ")[-4:]
    assert (cells, steps) != ("0", "0") if trains else (cells, steps) == ("0", "0")
    assert int(answers.replace(",", "")) > 0
    assert float(hours.lstrip("<")) > 0


def test_plan_shows_the_requests_and_says_what_stands_in_for_what(idiolect):
    printed = idiolect("plan", "-c", NAMES["references"])
    assert printed.code == 0, printed.err
    text = " ".join(printed.out.split())
    assert "teacher@claude asks the teacher first:" in text
    assert "A bakery fills 14 trays" in text
    assert "gsm8k train (1,300 rows), gsm8k test (1,000 rows)" in text
    assert "3 trainings of 680 steps, on 1,000 rows at most" in text
    # 3 adapters and 2 runs of the base, 3 answers to each of 1,000; 3 x 10 checkpoints on 300.
    assert "answers 15,000 test prompts and 27,000 validation prompts" in text


def test_the_corrected_studies_try_more_and_are_tested_on_the_same():
    for name in THEIRS:
        theirs, ours = load_config(NAMES[name]), load_config(NAMES[f"corrected/{name}"])
        assert task_of(theirs) == task_of(ours)
        assert theirs.study.test == ours.study.test
        assert theirs.study.others == ours.study.others
        assert theirs.study.datasets.keys() <= ours.study.datasets.keys()


def test_a_row_of_the_matrix_is_tested_on_each_of_the_five_tasks_once():
    for task in ("gsm8k", "math-algebra", "ecqa", "mbpp", "humaneval"):
        study = load_config(NAMES[f"cross-task-{task}"]).study
        assert study.test.data.path == task
        tested = [task, *(split.data.path for split in study.others.values())]
        assert sorted(tested) == ["ecqa", "gsm8k", "humaneval", "math-algebra", "mbpp"]


@pytest.mark.parametrize("name", ["minimal-change", "no-teacher", "no-teacher-ecqa"])
def test_what_the_targets_own_words_cost_is_measured_on_the_same_five_tasks(name):
    study = load_config(NAMES[name]).study
    tested = [study.test.data.path, *(split.data.path for split in study.others.values())]
    assert sorted(tested) == ["ecqa", "gsm8k", "humaneval", "math-algebra", "mbpp"]
    humaneval = study.others["humaneval"].data
    assert len(outline(humaneval).dataset.examples) == 164


@pytest.mark.parametrize("name", NAMES)
def test_checkpoints_are_chosen_on_the_task_and_on_no_row_of_the_test(name):
    study, task = load_config(NAMES[name]).study, task_of(load_config(NAMES[name]))
    if study.validation is not None:
        assert study.validation.data.path == task == study.test.data.path
        parts = (split.data.split for split in (study.validation, study.test))
        named = named_datasets()[task].splits
        chosen, tested = (named[part] for part in parts)
        if chosen.hub == tested.hub:
            assert chosen.rows[0] >= tested.rows[1]


def test_own_answers_stay_in_where_corrections_of_them_are_compared():
    # With right ones alone, only prompts would be left that need no correction.
    for name, path in NAMES.items():
        datasets = load_config(path).study.datasets
        if "own" in datasets and set(datasets) & {"minimal-change", "ladder", "rewrite"}:
            assert datasets["own"].correct_only is not True
            assert name in THEIRS or datasets["own"].correct_only is False


def test_humaneval_is_trained_on_each_of_its_two_folds_and_tested_on_the_other():
    for folder in ("", "corrected/"):
        folds = [
            (config.data.split, config.study.test.data.split)
            for config in (
                load_config(NAMES[f"{folder}cross-task-humaneval{end}"]) for end in ("", "-2")
            )
        ]
        assert folds == [("fold-1", "fold-2"), ("fold-2", "fold-1")]


def test_the_label_is_tried_where_it_beat_gpt_4_and_where_it_cost_most():
    tasks = {name: task_of(load_config(path)) for name, path in NAMES.items() if "label" in name}
    assert sorted(set(tasks.values())) == ["drop", "hellaswag", "squad", "winogrande"]
    for name in tasks:
        config = load_config(NAMES[name])
        assert config.study.test.data.path == task_of(config)
        assert config.study.datasets["label"].strategies == ("label",)
        # Of HellaSwag and DROP it is not known whether theirs were shown the answer.
        shown = name in THEIRS and task_of(config) in ("winogrande", "squad")
        assert config.teacher.show_answer == shown


def test_a_way_to_produce_responses_is_chosen_on_fifty_prompts():
    for folder in ("", "corrected/"):
        config = load_config(NAMES[f"{folder}selection"])
        assert config.compare.prompts == 50
        assert "self-aligned" in config.measures
        assert set(config.strategies) >= {
            each for dataset in config.study.datasets.values() for each in dataset.strategies
        }


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_runs_on_the_lab_to_its_table_and_report(name, folder, sandbox, capsys):
    config = load_config(NAMES[name])
    if uses_code(config) and sandbox:
        pytest.skip(sandbox)
    code = run_on_lab(NAMES[name], folder)
    printed = capsys.readouterr()
    assert code == 0, printed.err
    for command in commands_of(config):
        run = run_of(NAMES[name], folder, command)
        page = (run / "report.html").read_text(encoding="utf-8")
        if command == "compare":
            assert all(strategy in printed.out for strategy in config.strategies)
            continue
        found = json.loads((run / "study.json").read_text(encoding="utf-8"))
        assert {each["name"] for each in found["datasets"]} == set(config.study.datasets)
        for each in found["datasets"]:
            assert each["cells"][0]["steps"] == 2
            assert each["others"].keys() == config.study.others.keys()
            assert each["name"] in page
        edits = {e["name"]: e["facts"]["edit_distance_to_own"] for e in found["datasets"]}
        if name == "corrected/minimal-change":
            assert edits["minimal-change"] > edits["own"] == 0


def test_every_known_set_says_where_its_licence_was_read():
    for named in named_datasets().values():
        assert named.licence
        assert named.licence_source
        assert set(named.rows) >= {split.hub for split in named.splits.values()}
