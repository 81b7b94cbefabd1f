"""One list of promises that every strategy keeps."""

import dataclasses
import json

import pytest

from idiolect.config import OwnConfig
from idiolect.errors import ConfigError
from idiolect.models.base import Generation, GenerationFailure
from idiolect.records import Candidate, Example, Failure, Message
from idiolect.strategies import STRATEGIES, StrategyContext, get_strategy

NAMES = [*STRATEGIES, "column:gpt4"]


class Echo:
    """A target that answers at once and writes down what it was shown."""

    name = "echo"
    revision = "r1"

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.requests = []

    def generate(self, requests):
        for request in requests:
            self.requests.append(request)
            prompt = request.messages[-1].content
            yield self.answers.get(
                prompt,
                Generation(
                    text=f"Echo of {prompt} {request.seed % 97}",
                    finish_reason="stop",
                    token_ids=(1, 2, 3),
                    tokens_in=5,
                    tokens_out=4,
                ),
            )


def example(name: str, **fields) -> Example:
    return Example(
        id=name,
        messages=(Message(role="user", content=f"Question {name}"),),
        **{"reference": f"SECRET-REFERENCE-{name}", "answer": f"SECRET-ANSWER-{name}"}
        | {"responses": {"gpt4": f"SECRET-COLUMN-{name}"}}
        | fields,
    )


EXAMPLES = [example("b"), example("a"), example("c")]


def context(target=None, *, done=(), samples=1, seed=0, **own) -> StrategyContext:
    return StrategyContext(
        target=target or Echo(),
        own=OwnConfig(samples=samples, temperature=0.7, **own),
        seed=seed,
        template="t1",
        done=set(done),
    )


def propose(name, examples=EXAMPLES, **options) -> list[Candidate | Failure]:
    strategy = get_strategy(name, ["gpt4"])
    return list(strategy.propose(examples, context(**options)))


@pytest.mark.parametrize("name", NAMES)
def test_candidates_come_in_the_order_of_the_examples(name):
    assert [c.example_id for c in propose(name)] == ["b", "a", "c"]


@pytest.mark.parametrize("name", NAMES)
def test_every_candidate_carries_the_name_of_its_strategy(name):
    assert {c.strategy for c in propose(name)} == {name}
    assert get_strategy(name, ["gpt4"]).name == name


@pytest.mark.parametrize("name", NAMES)
def test_the_same_inputs_give_the_same_candidates(name):
    assert propose(name) == propose(name)


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_and_do_not_depend_on_order_or_neighbours(name):
    ids = {c.example_id: c.id for c in propose(name)}
    assert len(set(ids.values())) == len(EXAMPLES)
    assert {c.example_id: c.id for c in propose(name, EXAMPLES[::-1])} == ids
    assert propose(name, EXAMPLES[1:2])[0].id == ids["a"]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_not_declared_is_never_shown_to_the_writer(name):
    target = Echo()
    propose(name, target=target)
    shown = json.dumps(
        [[dataclasses.asdict(m) for m in request.messages] for request in target.requests]
    )
    sees = get_strategy(name, ["gpt4"]).sees
    assert ("SECRET-REFERENCE" in shown) <= ("reference" in sees)
    assert ("SECRET-ANSWER" in shown) <= ("answer" in sees)
    assert "SECRET-COLUMN" not in shown


@pytest.mark.parametrize("name", NAMES)
def test_only_strategies_of_the_target_ask_it(name):
    target = Echo()
    propose(name, target=target)
    assert bool(target.requests) == (get_strategy(name, ["gpt4"]).writer == "target")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_applies_to_no_examples(name):
    assert propose(name, []) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_example_that_lacks_everything_is_left_out_or_answered_by_the_target(name):
    bare = example("bare", reference=None, answer=None, responses={})
    found = propose(name, [EXAMPLES[0], bare, EXAMPLES[1]])
    expected = ["b", "bare", "a"] if name == "own" else ["b", "a"]
    assert [c.example_id for c in found] == expected


@pytest.mark.parametrize("name", ["reference", "label", "column:gpt4"])
def test_texts_of_the_data_are_taken_as_they_are(name):
    text = "  odd \n text\u200b "
    given = example("x", reference=text, answer=text, responses={"gpt4": text})
    (candidate,) = propose(name, [given])
    assert candidate.text == text
    assert candidate.finish_reason == "given"
    assert candidate.model is None
    assert candidate.token_ids is None
    assert candidate.cost_usd == 0.0


def test_own_does_not_ask_again_for_what_is_done():
    first = propose("own", samples=2)
    target = Echo()
    rest = propose("own", target=target, samples=2, done={first[0].id, first[3].id})
    assert rest == [first[1], first[2], *first[4:]]
    assert len(target.requests) == 4


def test_own_samples_have_seeds_of_their_own_that_stay():
    found = propose("own", samples=3)
    assert [c.sample_index for c in found] == [0, 1, 2] * 3
    assert len({c.seed for c in found}) == 9
    assert [c.seed for c in propose("own", samples=2)[:2]] == [c.seed for c in found[:2]]
    assert {c.seed for c in propose("own", seed=1)}.isdisjoint(c.seed for c in found)


@pytest.mark.parametrize("changed", [{"seed": 1}, {"top_p": 0.5}, {"max_new_tokens": 9}])
def test_an_own_answer_asked_for_differently_is_another_candidate(changed):
    assert propose("own")[0].id != propose("own", **changed)[0].id


def test_an_own_answer_keeps_where_it_comes_from():
    candidate = propose("own")[0]
    assert (candidate.model, candidate.revision) == ("echo", "r1")
    assert (candidate.tokens_in, candidate.tokens_out) == (5, 4)
    assert candidate.token_ids == (1, 2, 3)
    assert candidate.prompt_hash
    assert candidate.cost_usd == 0.0


def test_failures_stand_in_their_slots_and_stop_nothing():
    target = Echo(
        {
            "Question b": GenerationFailure(reason="too long", retryable=True),
            "Question a": Generation(
                text=" \n", finish_reason="stop", token_ids=(1,), tokens_in=1, tokens_out=1
            ),
        }
    )
    failed, empty, fine = propose("own", target=target)
    assert isinstance(failed, Failure)
    assert (failed.reason, failed.retryable, failed.step) == ("b: too long", True, "generate")
    assert isinstance(empty, Failure)
    assert empty.reason == "a: the target answered with nothing"
    assert isinstance(fine, Candidate)
    assert [failed.subject_id, empty.subject_id, fine.id] == [c.id for c in propose("own")]


def test_own_yields_each_answer_before_it_asks_for_the_next():
    target = Echo()
    answers = get_strategy("own", []).propose(EXAMPLES, context(target))
    next(answers)
    assert len(target.requests) == 1


def test_own_without_a_target_is_an_error():
    empty = dataclasses.replace(context(), target=None)
    with pytest.raises(ConfigError, match="needs a target that can answer"):
        list(get_strategy("own", []).propose(EXAMPLES, empty))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("refrence", "unknown strategy 'refrence'; did you mean 'reference'"),
        ("colum:gpt4", "unknown strategy 'colum:gpt4'; did you mean 'column:gpt4'"),
        ("column:gpt5", "found no response 'gpt5'; did you mean 'gpt4'"),
        ("gpt4", "unknown strategy 'gpt4'"),
    ],
)
def test_an_unknown_strategy_names_the_nearest(name, message):
    with pytest.raises(ConfigError, match=message):
        get_strategy(name, ["gpt4", "claude"])


def test_a_column_where_the_data_has_none_says_so():
    with pytest.raises(ConfigError, match="the data has none"):
        get_strategy("column:gpt4", [])
