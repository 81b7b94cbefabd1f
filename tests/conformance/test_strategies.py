"""One list of promises that every strategy keeps."""

import dataclasses
import importlib

import pytest

from idiolect.config import Config, LadderConfig, OwnConfig, StyledConfig, TeacherConfig
from idiolect.errors import ConfigError
from idiolect.models.base import Generation, GenerationFailure
from idiolect.records import Candidate, Example, Failure, Message
from idiolect.strategies import STRATEGIES, StrategyContext, get_strategy, with_needed
from idiolect.strategies.wording import VARIABLES, Wording
from idiolect.verification.base import Finding

NAMES = [*STRATEGIES, "ladder", "column:gpt4"]
WRITTEN = [name for name in NAMES if get_strategy(name, ["gpt4"]).asks]
SEVERAL = ("minimal-change", "continue", "ladder", "teacher-paraphrase")
ONE_REQUEST = [n for n in WRITTEN if n not in SEVERAL]
MARKS = {"reference": "MARK-REFERENCE", "answer": "MARK-ANSWER", "own": "MARK-OWN"}
ABSURD = {
    "blank": " \n\t",
    "long": "word " * 20_000,
    "fence": "```",
    "empty fence": "```python\n```",
    "unbalanced": "<edit><find>MARK-OWN-a</find><replace>",
    "nested": "<find><find></find><replace></replace></find>",
    "empty edit": "<edit></edit>",
    "unicode": "\u202e\U0001f600\ufeff e\u0301 \ud800",
    "nul": "so \x00 it is",
    "template": "{{ 7 * 7 }} {% for x in y %} {{ own.__class__ }}",
    "refusal": "I'm sorry, but I can't help with that request.",
}


class Echo:
    """A model that answers at once and writes down what it was shown."""

    revision = "r1"

    def __init__(self, answers=None, *, always=None, name="echo", cost=0.0):
        self.answers, self.always, self.name, self.cost = answers or {}, always, name, cost
        self.requests = []

    def generate(self, requests):
        for request in requests:
            self.requests.append(request)
            prompt = request.messages[-1].content
            if self.always is not None:
                yield said(self.always, self.cost)
            else:
                yield self.answers.get(prompt, said(f"Echo {request.seed % 97}", self.cost))

    @property
    def shown(self) -> str:
        return "\n".join(m.content for request in self.requests for m in request.messages)


def said(text: str, cost=0.0, **fields) -> Generation:
    return Generation(
        **{"text": text, "finish_reason": "stop", "token_ids": (1, 2, 3), "tokens_in": 5}
        | {"tokens_out": 4, "cost_usd": cost}
        | fields
    )


def example(name: str, **fields) -> Example:
    return Example(
        id=name,
        messages=(Message(role="user", content=f"Question {name}"),),
        **{"reference": f"MARK-REFERENCE-{name} in two words", "answer": f"MARK-ANSWER-{name}"}
        | {"responses": {"gpt4": f"MARK-COLUMN-{name}"}}
        | fields,
    )


def own_of(name: str) -> Candidate:
    return Candidate(
        id=f"own-{name}",
        example_id=name,
        strategy="own",
        text=f"MARK-OWN-{name} says the sum is 41 and that is all",
        finish_reason="stop",
        token_ids=(7, 8),
        model="echo",
        revision="r1",
    )


EXAMPLES = [example("b"), example("a"), example("c")]


def check(pairs):
    """Accept every text that says RIGHT."""
    return [Finding(status="correct" if "RIGHT" in text else "incorrect") for _, text in pairs]


def context(
    target=None, teacher=None, *, done=(), samples=1, seed=0, right=(), own=None, **options
) -> StrategyContext:
    sections = {k: options.pop(k) for k in ("ladder", "minimal_change", "styled") if k in options}
    shows = TeacherConfig("spy", show_answer=options.pop("show_answer", False))
    config = Config(
        own=OwnConfig(
            **{"samples": samples, "temperature": 0.7}
            | {k: options.pop(k) for k in ("top_p", "max_new_tokens") if k in options}
        ),
        teacher=shows,
        **sections,
    )
    made = {e.id: [own_of(e.id)] for e in (*EXAMPLES, example("bare"))} if own is None else own
    return StrategyContext(
        **{"target": target or Echo(), "teacher": teacher or Echo(name="teacher"), "seed": seed}
        | {"config": config, "template": "t1", "done": set(done), "own_answers": made}
        | {"statuses": {f"own-{e}": "correct" if e in right else "incorrect" for e in "abc"}}
        | {"examples": {e.id: e for e in EXAMPLES}, "check": check}
        | options
    )


def propose(name, examples=EXAMPLES, **options) -> list[Candidate | Failure]:
    made = context(**options)
    strategy = get_strategy(name, ["gpt4"], made.config)
    return list(strategy.propose(examples, made))


def final(name, results):
    """Return the results without the rungs of the ladder."""
    return [r for r in results if r.strategy == name]


def subject(result) -> str:
    return result.id if isinstance(result, Candidate) else result.subject_id


@pytest.mark.parametrize("right", ["", "ab", "abc"])
@pytest.mark.parametrize("name", NAMES)
def test_results_come_in_the_order_of_the_examples(name, right):
    results = final(name, propose(name, right=right))
    assert [r.example_id for r in results] == ["b", "a", "c"]


@pytest.mark.parametrize("name", NAMES)
def test_every_candidate_carries_the_name_of_its_strategy(name):
    assert {r.strategy.partition("/")[0] for r in propose(name)} == {name}
    assert get_strategy(name, ["gpt4"]).name == name


@pytest.mark.parametrize("name", NAMES)
def test_the_same_inputs_give_the_same_results(name):
    assert propose(name, right="a") == propose(name, right="a")


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_and_do_not_depend_on_order_or_neighbours(name):
    ids = {r.example_id: subject(r) for r in final(name, propose(name, right="a"))}
    assert len(set(ids.values())) == len(EXAMPLES)
    again = final(name, propose(name, EXAMPLES[::-1], right="a"))
    assert {r.example_id: subject(r) for r in again} == ids
    assert subject(final(name, propose(name, EXAMPLES[1:2], right="a"))[-1]) == ids["a"]


@pytest.mark.parametrize("show_answer", [False, True])
@pytest.mark.parametrize("right", ["", "ab"])
@pytest.mark.parametrize("name", NAMES)
def test_what_was_not_declared_is_never_shown_to_the_writer(name, right, show_answer):
    target, teacher = Echo(), Echo(name="teacher")
    propose(name, target=target, teacher=teacher, right=right, show_answer=show_answer)
    shown = target.shown + teacher.shown
    sees = get_strategy(name, ["gpt4"]).sees
    for part, mark in MARKS.items():
        allowed = {part, "others"} if part == "own" else {part}
        assert (mark in shown) <= bool(sees & allowed)
    assert "MARK-COLUMN" not in shown


@pytest.mark.parametrize("show_answer", [False, True])
@pytest.mark.parametrize("name", WRITTEN)
def test_a_candidate_says_what_its_writer_was_shown(name, show_answer):
    for e in EXAMPLES:
        target, teacher = Echo(always="RIGHT"), Echo(always="RIGHT", name="teacher")
        asked = {"target": target, "teacher": teacher, "right": "abc".replace(e.id, "")}
        results = propose(name, [e], **asked, show_answer=show_answer)
        shown = target.shown + teacher.shown
        parts = {part for part, mark in MARKS.items() if f"{mark}-{e.id}" in shown}
        if "MARK-OWN" in shown.replace(f"MARK-OWN-{e.id}", ""):
            parts.add("others")
        for candidate in results:
            if isinstance(candidate, Candidate):
                assert set(candidate.shown) == parts | {"prompt"}
                assert set(candidate.shown) <= get_strategy(name, []).sees


@pytest.mark.parametrize("name", NAMES)
def test_only_those_that_a_strategy_asks_are_asked(name):
    asked = {"target": Echo(), "teacher": Echo(name="teacher")}
    propose(name, **asked, right="a")
    found = {role for role, model in asked.items() if model.requests}
    assert found <= get_strategy(name, ["gpt4"]).asks
    assert bool(found) == bool(get_strategy(name, ["gpt4"]).asks)


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_says_where_it_comes_from(name):
    file = {"continue": "continuation"}.get(name, name.partition(":")[0].replace("-", "_"))
    words = importlib.import_module(f"idiolect.strategies.{file}").__doc__
    assert words.startswith(f"`{name.replace('gpt4', 'NAME')}`: ")
    assert "Source: " in words


@pytest.mark.parametrize("name", NAMES)
def test_nothing_applies_to_no_examples(name):
    assert propose(name, []) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_done_is_not_made_again(name):
    results = final(name, propose(name, right="a"))
    target, teacher = Echo(), Echo(name="teacher")
    done = {subject(r) for r in results}
    assert propose(name, done=done, target=target, teacher=teacher, right="a") == []
    assert target.requests == teacher.requests == []
    rest = propose(name, done={subject(results[1])}, right="a")
    assert final(name, rest) == [results[0], results[2]]


@pytest.mark.parametrize("absurd", ABSURD.values(), ids=ABSURD.keys())
@pytest.mark.parametrize("name", WRITTEN)
def test_absurd_answers_end_as_a_candidate_or_a_failure_with_a_reason(name, absurd):
    target, teacher = Echo(always=absurd), Echo(always=absurd, name="teacher")
    results = final(name, propose(name, target=target, teacher=teacher, right="a"))
    assert [r.example_id for r in results] == ["b", "a", "c"]
    for result in results:
        if isinstance(result, Failure):
            assert result.reason.startswith(f"{result.example_id}: ")
            assert len(result.reason) < 1500
        else:
            assert result.text.strip()
            result.text.encode("utf-8")


@pytest.mark.parametrize("name", WRITTEN)
def test_failures_of_a_model_stand_in_their_slots_and_stop_nothing(name):
    class Failing(Echo):
        def generate(self, requests):
            for request in requests:
                if "Question b" in "".join(m.content for m in request.messages):
                    yield GenerationFailure(reason="too long", retryable=True)
                else:
                    yield said("RIGHT MARK-OWN-a says the sum is 41 and that is all")

    config = {"ladder": LadderConfig(rungs=("samples", "minimal-change")), "right": "c"}
    styled = {"styled": StyledConfig(examples=1)}
    results = propose(name, target=Failing(), teacher=Failing(), **config, **styled)
    failed, *others = final(name, results)
    assert isinstance(failed, Failure)
    assert "too long" in failed.reason
    assert failed.retryable
    assert failed.step == "generate"
    assert [r.example_id for r in others] == ["a", "c"]


@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_is_recorded_for_what_was_not_tried_for_want_of_money(name):
    class Broke(Echo):
        def generate(self, requests):
            for _ in requests:
                yield GenerationFailure(reason="no money", retryable=True, skipped=True)

    right = "abc" if name == "styled" else ""
    assert final(name, propose(name, target=Broke(), teacher=Broke(), right=right)) == []


@pytest.mark.parametrize("name", [n for n in WRITTEN if "teacher" in get_strategy(n, []).asks])
def test_a_strategy_without_its_teacher_is_an_error(name):
    empty = dataclasses.replace(context(), teacher=None)
    with pytest.raises(ConfigError, match="needs a teacher that can answer"):
        list(get_strategy(name, []).propose(EXAMPLES, empty))


@pytest.mark.parametrize("name", ["styled", "continue", "ladder"])
def test_a_strategy_that_builds_on_verdicts_needs_a_verifier(name):
    with pytest.raises(ConfigError, match="needs answers that can be checked"):
        propose(name, check=None)


@pytest.mark.parametrize("name", ONE_REQUEST)
def test_every_answered_request_to_the_teacher_is_booked(name):
    booked = []
    propose(name, teacher=Echo(cost=0.25, name="teacher"), right="a", book=booked.append)
    teacher = get_strategy(name, []).writer == "teacher"
    assert sum(s.cost_usd for s in booked) == pytest.approx(len(booked) * 0.25)
    # The style of `styled` comes from others: the only right answer's own example has none.
    assert len(booked) == ((2 if name == "styled" else 3) if teacher else 0)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_that_lacks_everything_is_left_out_or_answered(name):
    bare = example("bare", reference=None, answer=None, responses={})
    found = final(name, propose(name, [EXAMPLES[0], bare, EXAMPLES[1]], right="abc"))
    answers = ("own", "teacher", "styled", *SEVERAL)
    expected = ["b", "bare", "a"] if name in answers else ["b", "a"]
    assert [r.example_id for r in found] == expected


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


def test_own_samples_have_seeds_of_their_own_that_stay():
    found = propose("own", samples=3)
    assert [c.sample_index for c in found] == [0, 1, 2] * 3
    assert len({c.seed for c in found}) == 9
    assert propose("own", samples=2)[:2] == found[:2]  # more samples make no earlier one anew
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


def test_an_empty_own_answer_is_a_failure():
    failed, *_ = propose("own", target=Echo({"Question b": said(" \n")}))
    assert failed.reason == "b: the target answered with nothing"
    assert not failed.retryable


@pytest.mark.parametrize("name", [n for n in ONE_REQUEST if n != "styled"])
def test_each_answer_is_yielded_before_the_next_one_is_asked_for(name):
    target, teacher = Echo(), Echo(name="teacher")
    answers = get_strategy(name, []).propose(EXAMPLES, context(target, teacher))
    next(answers)
    assert len(target.requests) + len(teacher.requests) == 1


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
        ("minimal_chnge", "did you mean 'minimal-change'"),
        ("gpt4", "unknown strategy 'gpt4'"),
    ],
)
def test_an_unknown_strategy_names_the_nearest(name, message):
    with pytest.raises(ConfigError, match=message):
        get_strategy(name, ["gpt4", "claude"])


def test_a_column_where_the_data_has_none_says_so():
    with pytest.raises(ConfigError, match="the data has none"):
        get_strategy("column:gpt4", [])


def test_own_answers_come_first_where_others_build_upon_them():
    chosen = [get_strategy(n, []) for n in ("minimal-change", "reference", "teacher")]
    assert [s.name for s in with_needed(chosen)] == [
        "reference",
        "teacher",
        "own",
        "minimal-change",
    ]


@pytest.mark.parametrize("name", VARIABLES)
def test_another_wording_is_another_candidate(name):
    strategy = {"minimal-change-again": "minimal-change"}.get(name, name)
    again = Wording({name: "Do it.\n" + "".join(f"{{{{ {v} }}}}" for v in sorted(VARIABLES[name]))})
    before = propose(strategy, right="b")
    assert {subject(r) for r in before}.isdisjoint(
        subject(r) for r in propose(strategy, right="b", wording=again)
    )


def test_a_strategy_may_ask_another_teacher():
    config = Config(teachers={"mini": TeacherConfig("m")})
    strategy = get_strategy("minimal-change@mini", [], config)
    assert (strategy.name, strategy.kind, strategy.teacher) == (
        "minimal-change@mini",
        "minimal-change",
        "mini",
    )
    (candidate, *_) = strategy.propose(EXAMPLES, context(teacher=Echo(always="RIGHT"), right="b"))
    assert candidate.strategy == "minimal-change@mini"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("teacher@mimi", "unknown teacher 'mimi'; did you mean 'mini'"),
        ("own@mini", "own asks no teacher; drop @mini"),
        ("techer@mini", "did you mean 'teacher'"),
    ],
)
def test_another_teacher_that_can_not_be_asked_is_named(name, message):
    with pytest.raises(ConfigError, match=message):
        get_strategy(name, [], Config(teachers={"mini": TeacherConfig("m")}))


def test_a_teacher_paraphrases_the_answer_that_the_strategy_teacher_gets():
    first, second = Echo(name="teacher"), Echo(name="teacher")
    (answer,) = propose("teacher", EXAMPLES[:1], teacher=first)
    (paraphrase,) = propose("teacher-paraphrase", EXAMPLES[:1], teacher=second)
    assert second.requests[0] == first.requests[0]
    assert answer.text in second.requests[1].messages[-1].content
    assert "MARK-REFERENCE" not in second.shown
    assert paraphrase.tokens_out == 2 * answer.tokens_out
