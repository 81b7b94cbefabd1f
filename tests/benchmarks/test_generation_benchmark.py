"""The benchmark's contestants on a tiny model, and its table by hand."""

import json

import pytest

from benchmarks.generation.contestants import CONTESTANTS, Order, load_subject
from benchmarks.generation.race import Result
from benchmarks.generation.report import rows_of


@pytest.fixture(scope="module")
def order(make_model, tmp_path_factory):
    data = tmp_path_factory.mktemp("data") / "rows.jsonl"
    texts = ["How many apples are left?", "Hi", "The train needs 2 hours. How far is it?"]
    data.write_text("".join(json.dumps({"prompt": t, "completion": "9"}) + "\n" for t in texts))
    return Order(
        contestant="ours",
        model=str(make_model()),
        data=str(data),
        threads=1,
        prompts=3,
        samples=2,
        max_new_tokens=6,
    )


@pytest.mark.filterwarnings("ignore")  # transformers' own
@pytest.mark.parametrize("name", CONTESTANTS)
def test_every_contestant_makes_every_sample(name, order):
    contestant = CONTESTANTS[name](load_subject(order))
    contestant.prepare()
    lengths = contestant.run(0)
    assert len(lengths) == 6
    assert all(1 <= length <= 6 for length in lengths)
    assert contestant.settings


def test_only_tokens_up_to_the_end_of_turn_count(order):
    subject = load_subject(order)
    assert subject.cut([-1, -2, subject.stop_id, -3, subject.stop_id]) == 3
    assert subject.cut([-1, -2]) == 2


def test_the_table_holds_medians_and_the_reason_of_who_failed():
    ours = Result(title="ours", seconds=[2.0, 1.0, 4.0], tokens=[100, 100, 100], cut_off=[1, 2, 3])
    loop = Result(title="transformers", seconds=[4.0], tokens=[80], cut_off=[0])
    gone = Result(title="gone", failure="no | memory")
    first, _, third = rows_of([ours, loop, gone])
    # 50 tokens a second in the middle, against 20.
    assert first[:7] == ["ours", "2.0", "1.0-4.0", "100", "50", "2.50", "2"]
    assert third[-1] == "failed: no / memory"
