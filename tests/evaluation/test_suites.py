"""lm-evaluation-harness runs on our models, and its items are kept."""

import json

import pytest


@pytest.fixture
def task(tmp_path):
    """A task of three items with four options each, from a file."""
    pytest.importorskip("lm_eval")
    rows = [
        {"question": f"How many is {n} apples?", "choices": ["1", "2", "3", "42"], "label": n - 1}
        for n in (1, 2, 3)
    ]
    file = tmp_path / "items.json"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "task": "apples",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(file)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "label",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }


def test_the_harness_really_runs_and_its_items_add_up_to_its_mean(load, task):
    from idiolect.evaluation.suites import run_suites

    (score,) = run_suites(load(), [task])
    assert (score.task, score.metric, score.filter, score.n) == ("apples", "acc", "none", 3)
    assert score.value == pytest.approx(sum(item.value for item in score.items) / 3)
    assert len({item.item_id for item in score.items}) == 3


def test_a_suite_that_cannot_be_prepared_is_named(load, task, tmp_path):
    from idiolect.errors import ConfigError
    from idiolect.evaluation.suites import run_suites

    gone = {"data_files": {"test": str(tmp_path / "gone.json")}}
    with pytest.raises(ConfigError, match="cannot run apples"):
        run_suites(load(), [task | {"dataset_kwargs": gone}])
