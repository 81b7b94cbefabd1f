"""What a study concludes from its rows, with rows made by hand."""

import json
import math

import numpy as np
import pytest

from idiolect.config import DataConfig, StudyConfig, StudyDataset, StudySplit
from idiolect.errors import ConfigError
from idiolect.pipeline.study.cells import correct_share
from idiolect.pipeline.study.choice import best_on_validation
from idiolect.pipeline.study.datasets import Facts
from idiolect.pipeline.study.page import result_table, write_page
from idiolect.pipeline.study.results import find, rates_of
from idiolect.pipeline.study.splits import Split
from idiolect.pipeline.study.words import sentences
from idiolect.records import Answer, Cell, Drift

SEEDS = (0, 1, 2)
STUDY = StudyConfig(
    datasets={
        "reference": StudyDataset(strategies=("reference",)),
        "own": StudyDataset(strategies=("own",)),
        "again": StudyDataset(strategies=("own",)),
    },
    test=StudySplit(data=DataConfig(path="test.jsonl")),
)


def answers(subject: str, split: str, rate: float, *, n: int = 200, shift: int = 0):
    """Return answers of which a share is right; which ones moves with the shift."""
    return [
        Answer(
            subject_id=subject,
            split=split,
            example_id=f"{split}-{place}",
            sample_index=0,
            status="correct" if (place * 7 + shift) % n < rate * n else "incorrect",
            text="",
            tokens_out=1,
        )
        for place in range(n)
    ]


def facts(perplexity: float, tokens: float = 50, correct: int = 100) -> Facts:
    return Facts(
        available=120,
        n=100,
        correct=correct,
        checked=100,
        tokens=tokens,
        perplexity=perplexity,
        measures={"perplexity": perplexity, "length": tokens},
        edit_distance_to_own=None,
        strategies={"own": 100},
    )


def cell(dataset: str, seed: int) -> Cell:
    return Cell(
        id=f"{dataset}-{seed}",
        dataset=dataset,
        learning_rate=1e-3,
        seed=seed,
        rows=100,
        steps=30,
        first_loss=1.0,
        last_loss=0.5,
        seconds=1.0,
        adapter="adapters/x",
    )


def drifts(name: str, kl: float) -> list[Drift]:
    """Return rows of one long and one short response for every seed."""
    return [
        Drift(
            subject_id=f"{name}-{seed}",
            split="test",
            example_id=f"test-{place}",
            source="own",
            tokens=tokens,
            kl_base_tuned=kl * tokens * (1 + seed),
            kl_tuned_base=1.0,
            base_nll=1.0,
            tuned_nll=1.0,
        )
        for seed in SEEDS
        for place, tokens in enumerate((10, 30))
    ]


def found(rates: dict[str, float], others: dict[str, float], described=None, drifted=()):
    rows = answers("base-1", "test", 0.5) + answers("base-1", "shop", 0.9)
    for name, rate in rates.items():
        for seed in SEEDS:
            rows += answers(f"{name}-{seed}", "test", rate, shift=seed)
            rows += answers(f"{name}-{seed}", "shop", others[name], shift=seed)
    cells = {name: [cell(name, seed) for seed in SEEDS] for name in rates}
    described = described or {name: facts(2.0) for name in rates}
    return find(described, cells, rows, drifted, base_runs=["base-1"], others=["shop"])


@pytest.fixture(scope="module")
def three():
    return found(
        {"reference": 0.3, "own": 0.7, "again": 0.7},
        {"reference": 0.4, "own": 0.9, "again": 0.9},
        {"reference": facts(6.0, tokens=25), "own": facts(1.1), "again": facts(1.1, correct=90)},
        [*drifts("reference", 0.4), *drifts("own", 0.1), *drifts("again", 0.1)],
    )


def test_gain_and_forgetting_are_changes_from_the_base(three):
    by_name = {result.name: result for result in three.datasets}
    assert by_name["own"].gain == pytest.approx(0.2)
    assert by_name["reference"].gain == pytest.approx(-0.2)
    assert by_name["reference"].forgetting == pytest.approx(-0.5)
    assert by_name["own"].test.examples == 200
    assert three.base["test"].rate == pytest.approx(0.5)


def test_drift_is_a_mean_per_token_and_over_seeds_and_is_set_against_forgetting(three):
    by_name = {result.name: result for result in three.datasets}
    assert by_name["own"].drift == pytest.approx(0.2)  # of 0.1, 0.2 and 0.3
    assert three.predicted_forgetting["drift"].value == pytest.approx(-1)
    headers, rows = result_table(three)
    assert [row[headers.index("drift")] for row in rows] == ["", "0.800", "0.200", "0.200"]
    (said,) = [s for s in sentences(three, STUDY) if "change on the other tasks, n = 3" in s]
    assert "drift -1.00" in said


def test_a_study_without_drift_has_no_column_for_it():
    plain = found({"reference": 0.8, "own": 0.4}, {"reference": 0.9, "own": 0.9})
    assert "drift" not in result_table(plain)[0]
    assert "drift" not in plain.predicted


def test_every_pair_gets_a_verdict_and_equals_cannot_be_told_apart(three):
    verdicts = {(c.first, c.second): c.verdict for c in three.pairs}
    assert verdicts == {
        ("reference", "own"): "worse",
        ("reference", "again"): "worse",
        ("own", "again"): "cannot tell",
    }
    assert {c.first: c.verdict for c in three.gains} == {
        "reference": "worse",
        "own": "better",
        "again": "better",
    }
    assert {c.first: c.verdict for c in three.losses}["own"] == "cannot tell"


def test_confounds_and_too_few_points_are_said(three):
    said = "\n".join(sentences(three, STUDY))
    assert "confound: own is 100 % longer than reference (50 and 25 tokens)." in said
    assert "confound: 100% of own is correct and 90% of again." in said
    assert "with the gain, n = 3 datasets (too few to tell): perplexity -1.00, " in said
    assert "is found with 80 % probability" in said
    assert "references" not in said.replace("reference on", "")


def test_references_that_win_are_said_to_win():
    won = found({"reference": 0.8, "own": 0.4}, {"reference": 0.9, "own": 0.9})
    said = sentences(won, STUDY)
    assert "The references win on the task: reference is better than own." in said


def test_references_that_nothing_beats_are_said_to_be_unbeaten():
    tied = found({"reference": 0.6, "own": 0.6}, {"reference": 0.9, "own": 0.9})
    said = sentences(tied, STUDY)
    assert "No dataset is shown to beat the references (reference) on the task." in said


def test_a_check_that_failed_is_no_wrong_answer_and_leaves_the_example_out_for_all():
    rows = answers("a", "test", 1.0, n=10) + answers("b", "test", 1.0, n=10)
    broken = rows[3]
    rows[3] = Answer(
        subject_id="a",
        split="test",
        example_id=broken.example_id,
        sample_index=0,
        status="error",
        text="",
        tokens_out=0,
    )
    rates = rates_of(rows, ["a", "b"], "test")
    assert rates.shape == (2, 9)
    assert (rates == 1).all()
    assert correct_share(rows) == 1.0


def test_samples_of_one_example_are_one_row():
    rows = [
        Answer(
            subject_id="a",
            split="test",
            example_id=example,
            sample_index=index,
            status=status,
            text="",
            tokens_out=1,
        )
        for example, index, status in [
            ("x", 0, "correct"),
            ("x", 1, "incorrect"),
            ("y", 0, "correct"),
            ("y", 1, "correct"),
        ]
    ]
    assert np.array_equal(rates_of(rows, ["a"], "test"), [[0.5, 1.0]])


def test_the_pages_hold_the_same_numbers_for_people_and_programs(three, tmp_path):
    said = sentences(three, STUDY)
    page = write_page(tmp_path, three, said, STUDY).read_text()
    data = json.loads((tmp_path / "study.json").read_text())
    headers, rows = result_table(three)
    assert rows[0][0] == "base"
    own = next(row for row in rows if row[0] == "own")
    assert own[headers.index("gain")] == "+20.0"
    assert own[headers.index("test")] == "70.0 % of 200"
    assert "| own |" in page
    assert "3 datasets, 3 seeds (0, 1, 2), 100 prompts" in page
    assert data["datasets"][1]["gain"] == pytest.approx(0.2)
    assert data["pairs"][0]["verdict"] == "worse"
    assert data["words"] == said
    assert not any(isinstance(v, float) and math.isnan(v) for v in data["datasets"][0].values())


def split(role: str) -> Split:
    return Split(name=role, role=role, examples=(), verifier="numeric", why="asked for")


def test_the_choice_takes_the_best_on_validation_and_the_first_of_equals():
    rates = {"early": [0.5, 0.7], "late": [0.6, 0.6], "last": [0.1, 0.9]}
    assert best_on_validation(rates, split=split("validation"), what="x") == "early"


def test_the_test_split_cannot_reach_a_choice():
    rates = {"early": [0.5], "late": [0.6]}
    with pytest.raises(ConfigError, match="may only see a validation split"):
        best_on_validation(rates, split=split("test"), what="checkpoints")
    with pytest.raises(ConfigError, match="no validation split"):
        best_on_validation(rates, split=None, what="checkpoints")
    assert best_on_validation({"only": [0.5]}, split=None, what="checkpoints") == "only"
