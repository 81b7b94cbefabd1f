"""What a plan expects, hand-computed."""

import pytest

from idiolect.config import Config, HelperConfig, OwnConfig, TargetConfig, TeacherConfig
from idiolect.data.read import Dataset
from idiolect.errors import ConfigError
from idiolect.pipeline.estimates import answer_length, requests_per_example
from idiolect.pipeline.plan import plan
from idiolect.records import Example, Message
from idiolect.verification.judge import conversation

REASONS = "x" * 100


def example(name: str, **fields) -> Example:
    turn = Message(role="user", content=f"Question {name}?")
    return Example(
        **{"id": name, "messages": (turn,), "reference": REASONS, "answer": "3"} | fields
    )


def dataset(*examples: Example) -> Dataset:
    return Dataset(source="test", examples=examples, problems=(), layout="test", mapping=())


def planned(strategies, *examples, **sections):
    models = {"target": TargetConfig("lab:amber"), "teacher": TeacherConfig("openai:gpt-4.1")}
    config = Config(strategies=strategies, **(models | sections))
    return plan(config, dataset=dataset(*(examples or (example("a"), example("b")))))


def test_answers_are_expected_to_be_as_long_as_the_wordiest_responses_that_the_data_brings():
    some = example("a", responses={"x": "y" * 400, "z": "y" * 200})
    found = answer_length(dataset(some, example("b", responses={"z": "y" * 400})))
    assert (found.characters, found.tokens, found.why) == (400, 100, "as long as those of 'x'")


def test_answers_are_expected_to_be_twice_as_long_as_the_references():
    assert answer_length(dataset(example("a"))).characters == 200


@pytest.mark.parametrize("label", ["7", "positive", None])
def test_a_bare_label_says_nothing_of_how_much_a_teacher_writes(label):
    # The plan expected $0.0027 by such references, and the run cost $0.0192.
    found = answer_length(dataset(example("a", reference=label, responses={"x": "no"})))
    assert found.tokens == 150
    assert "guess" in found.why


def test_a_teacher_is_expected_to_write_answers_of_that_length():
    (row,) = planned(["teacher"]).requests
    assert row.tokens_out.expected == 2 * 200 / 4
    assert row.tokens_in.expected == 2 * len("Question a?") / 4
    assert row.usd.expected == pytest.approx(100 * 8e-6 + 5.5 * 2e-6)
    assert row.usd.low < row.usd.expected < row.usd.high
    assert row.usd.high > 2 * 1024 * 8e-6


def test_a_judge_is_asked_about_every_reference_and_every_candidate():
    found = planned(
        ["reference", "teacher"], verifier="judge", judge=HelperConfig("openai:gpt-4.1-mini")
    )
    (teacher, judge) = found.requests
    assert (judge.strategy, judge.role, judge.model) == ("judge", "judge", "openai:gpt-4.1-mini")
    assert (judge.requests.low, judge.requests.expected, judge.requests.high) == (4, 4, 4)
    assert judge.tokens_out.expected == 4 * 40
    assert judge.usd.expected > 0
    assert found.usd.expected == pytest.approx(teacher.usd.expected + judge.usd.expected)
    (_, first) = found.first
    assert first == ("judge", "judge", conversation(example("a"), REASONS))


def test_a_judge_is_asked_again_where_a_strategy_checks_more_than_once():
    found = planned(
        ["minimal-change"], verifier="judge", judge=HelperConfig("lab:teacher"), own=OwnConfig()
    )
    judge = found.requests[-1].requests
    # Two references and two own answers, and none, half or three corrections of each.
    assert (judge.low, judge.expected, judge.high) == (4, 5, 10)


def test_a_judge_that_is_not_named_is_said_before_a_price_is_shown():
    with pytest.raises(ConfigError, match="'judge' needs a model to ask"):
        planned(["reference"], verifier="judge")


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"teacher": TeacherConfig("opnai:gpt-4.1")}, "teacher.model: .* did you mean 'openai'"),
        ({"teachers": {"mini": TeacherConfig("lab:techer")}}, "teachers.mini.model: found"),
        ({"verifier": "judge", "judge": HelperConfig("openai:")}, "judge.model: found 'openai:'"),
    ],
)
def test_a_mistyped_model_has_no_price_of_nothing(sections, message):
    strategies = ["teacher@mini" if "teachers" in sections else "teacher"]
    with pytest.raises(ConfigError, match=message):
        planned(strategies, **sections)


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        # Three corrections, three continuations.
        ("teacher", 3 + 3),
        # Four samples, three continuations, hinted and rewrite.
        ("target", 4 + 3 + 2),
        # Those, a corrected step of each continuation, three corrections, and the reference.
        ("judge", 4 + 6 + 2 + 3 + 1),
    ],
)
def test_every_rung_of_a_ladder_is_counted_for_those_whom_it_asks(asked, most):
    found, _ = requests_per_example("ladder", asked, Config())
    assert (found.low, found.high) == (0, most)
