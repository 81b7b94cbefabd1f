"""A study whose answers a judge checks: it is asked, paid from one purse, and can be resumed."""

import json

import pytest

from idiolect.config import Config, HelperConfig, load_config
from idiolect.errors import ConfigError
from idiolect.lab.datasets import write
from idiolect.lab.serving import LabServer, Teacher, running
from idiolect.lab.tasks import take
from idiolect.models.base import Sampling
from idiolect.records import Answer
from idiolect.runs import RunReader
from idiolect.verification.judge import open_judge

pytest.importorskip("trl")
PRICES = "prices={judge-1: {input_usd_per_million: 1.0, output_usd_per_million: 2.0}}"


@pytest.fixture
def study(tmp_path):
    """The words of a study of two datasets with a validation split, without a judge."""
    for split, count in (("train", 6), ("test", 3)):
        problems = take(count, "shop", seed=1, split=split, steps=(1,))
        write(problems, tmp_path / f"{split}.jsonl")
    tree = {
        "data": {"path": str(tmp_path / "train.jsonl")},
        "target": "lab:amber",
        "measures": ["perplexity"],
        "training": {"max_steps": 2, "batch_size": 2, "checkpoint_steps": 0},
        "study": {
            "datasets": {
                "terse": {"strategies": ["reference"]},
                "verbose": {"strategies": ["column:tutor"]},
            },
            "seeds": [0],
            "checkpoints": 2,
            "validation_examples": 2,
            "test": {"data": {"path": str(tmp_path / "test.jsonl")}},
            "evaluation": {"max_new_tokens": 64},
            "base_runs": 1,
            "drift_examples": 0,
        },
    }
    (tmp_path / "study.yaml").write_text(json.dumps(tree))
    return ("study", "-c", tmp_path / "study.yaml", "--quiet", "-o", tmp_path / "run")


def answers(tmp_path):
    with RunReader(tmp_path / "run") as run:
        return run.all(Answer)


def test_a_study_with_a_judge_and_validation_examples_does_not_say_that_the_judge_has_no_model(
    idiolect, study, tmp_path
):
    printed = idiolect(*study, "--verifier", "judge", "--judge", "lab:teacher", "--json")
    assert (printed.code, printed.messages) == (0, [])
    rows = answers(tmp_path)
    assert {row.split for row in rows} == {"validation", "test"}
    assert {row.status for row in rows} <= {"correct", "incorrect"}
    assert any(row.status == "correct" for row in rows)


def test_the_cap_holds_for_the_judge_of_a_study_and_nothing_is_paid_twice(
    idiolect, study, tmp_path, monkeypatch
):
    monkeypatch.setenv("IDIOLECT_CACHE_DIR", str(tmp_path / "cache"))
    with running(LabServer({"judge-1": Teacher()})) as server:
        judge = ("--verifier", "judge", "--judge", f"openai:judge-1@{server.url}", "--set", PRICES)
        capped = idiolect(*study, *judge, "--max-cost", 0.006)
        assert (capped.code, len(capped.messages)) == (2, 1), capped.err
        assert "the money is used up" in capped.messages[0]
        asked = server.counts.requests
        assert asked > 0
        assert idiolect(*study, *judge, "--max-cost", 1).code == 0
        total = server.counts.requests
        assert idiolect(*study, *judge, "--max-cost", 1, "--fresh").code == 0
        assert server.counts.requests == total > asked


def test_a_judge_that_is_not_named_or_in_several_processes_is_refused_at_once(idiolect, study):
    unnamed = idiolect(*study, "--verifier", "judge")
    assert unnamed.code == 3
    assert "none is named; name one with --judge" in unnamed.messages[0]
    several = idiolect(*study, "--verifier", "judge", "--judge", "lab:teacher", "-j", 2)
    assert several.code == 3
    assert "leave out --jobs" in several.messages[0]


def test_a_judge_draws_its_tokens_as_its_section_says():
    judge = HelperConfig("lab:teacher", temperature=0.7, top_p=0.9, max_new_tokens=50)
    asked = open_judge(Config(judge=judge))
    assert asked.sampling == Sampling(temperature=0.7, top_p=0.9, max_new_tokens=50)
    with pytest.raises(ConfigError, match=r"judge: found temperature -1"):
        open_judge(Config(judge=HelperConfig("lab:teacher", temperature=-1.0)))


def test_a_judge_has_no_key_that_does_nothing():
    with pytest.raises(ConfigError, match=r"unknown key 'judge\.show_answer'"):
        load_config(overrides=["judge.show_answer=true"])
