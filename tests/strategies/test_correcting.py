"""`minimal-change`, `continue` and `ladder` on scripted models, hand-computed."""

from collections.abc import Callable

import pytest

from idiolect.config import Config, LadderConfig, MinimalChangeConfig
from idiolect.models.base import Generation, GenerationRequest
from idiolect.records import Candidate, Example, Failure, Message, Spend
from idiolect.strategies import StrategyContext, get_strategy
from idiolect.verification.base import Finding

OWN = "There are 3 boxes.\n3 * 4 = 11.\nFinal Answer: 11"
RIGHT = "There are 3 boxes.\n3 * 4 = 12.\nFinal Answer: 12"
EXAMPLE = Example(
    id="e",
    messages=(Message(role="user", content="How many?"),),
    reference="Twelve, as three times four is.\nFinal Answer: 12",
    answer="12",
)


class Script:
    """A model that says its lines one after another, at 0.5 dollars each."""

    revision = None

    def __init__(self, *lines: str | Generation, cost: float | None = 0.5, name: str = "teacher"):
        self.lines, self.cost, self.name = list(lines), cost, name
        self.requests: list[GenerationRequest] = []

    def generate(self, requests):
        for request in requests:
            self.requests.append(request)
            line = self.lines.pop(0)
            yield line if isinstance(line, Generation) else generation(line, self.cost)


def generation(text: str, cost: float | None = 0.0, reason="stop") -> Generation:
    return Generation(
        text=text,
        finish_reason=reason,
        token_ids=None,
        tokens_in=10,
        tokens_out=3,
        cost_usd=cost,
    )


def own(text: str = OWN, finish_reason="stop", index: int = 0) -> Candidate:
    return Candidate(
        id=f"own-{index}",
        example_id="e",
        strategy="own",
        text=text,
        finish_reason=finish_reason,
        sample_index=index,
        token_ids=(5, 6, 7),
        model="amber",
        revision="r1",
        shown=("prompt",),
        cost_usd=0.0,
    )


def check(pairs):
    return [
        Finding(status="correct" if text.endswith("Final Answer: 12") else "incorrect")
        for _, text in pairs
    ]


def run(
    name: str,
    teacher: Script,
    *,
    target: Script | None = None,
    answers=None,
    statuses=None,
    book: Callable[[Spend], None] = lambda spend: None,
    verify=check,
    may_come=(),
    **sections,
):
    answers = [own()] if answers is None else answers
    findings = check([(EXAMPLE, answer.text) for answer in answers])
    found = {a.id: f.status for a, f in zip(answers, findings, strict=True)}
    config = Config(**sections)
    context = StrategyContext(
        target=target or Script(name="amber"),
        teacher=teacher,
        config=config,
        seed=0,
        template="t",
        done=(),
        own_answers={"e": answers},
        own_may_come=may_come,
        statuses=found if statuses is None else statuses,
        examples={"e": EXAMPLE},
        check=verify,
        book=book,
    )
    return list(get_strategy(name, [], config).propose([EXAMPLE], context))


def edit(find: str, put: str) -> str:
    return f"<edit><find>\n{find}\n</find><replace>\n{put}\n</replace></edit>"


GOOD = edit("4 = 11.\nFinal Answer: 11", "4 = 12.\nFinal Answer: 12")


def test_a_wrong_answer_is_patched_and_names_the_answer_it_corrects():
    (candidate,) = run("minimal-change", Script(GOOD))
    assert candidate.text == RIGHT
    assert (candidate.parent_id, candidate.model) == ("own-0", "teacher")
    assert candidate.shown == ("own", "prompt", "reference")
    assert candidate.cost_usd == 0.5
    assert candidate.token_ids is None


def test_a_right_answer_is_kept_to_the_byte_without_any_request():
    text = "  3 * 4 = 12.\u200b\n\nFinal Answer: 12"
    teacher = Script()
    (candidate,) = run("minimal-change", teacher, answers=[own(text)])
    assert candidate.text == text
    assert candidate.token_ids == (5, 6, 7)
    assert (candidate.model, candidate.cost_usd, candidate.parent_id) == ("amber", 0.0, "own-0")
    assert candidate.shown == ("prompt",)
    assert teacher.requests == []


def test_the_first_correct_sample_is_the_one_that_is_kept():
    (candidate,) = run("minimal-change", Script(), answers=[own(), own(RIGHT, index=1)])
    assert candidate.parent_id == "own-1"


def test_a_right_answer_that_was_cut_off_is_not_kept():
    cut = own(RIGHT, finish_reason="length")
    (candidate,) = run("minimal-change", Script("<unchanged/>"), answers=[cut])
    assert candidate.text == RIGHT
    assert candidate.finish_reason == "stop"
    assert candidate.model == "teacher"


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (edit("3 * 5", "3 * 4"), "'3 * 5' occurs 0 times"),
        (edit("11", "12"), "'11' occurs 2 times"),
        ("<edit><find>11", "not complete"),
        ("You get this by other means, so the Final Answer: 12", "changes 83% of the words"),
        (edit("= 11.\nFinal Answer: 11", "= 13.\nFinal Answer: 13"), "is still wrong"),
        ("<unchanged/>", "is still wrong"),
        (
            edit("3 * 4 = 11.\nFinal Answer: 11", "I corrected it: 12.\nFinal Answer: 12"),
            "meta-talk",
        ),
        (EXAMPLE.reference, "it is the given solution"),
        (generation(GOOD, 0.5, "length"), "cut off after 3 tokens"),
    ],
)
def test_a_correction_that_cannot_be_used_is_asked_for_again_with_the_reason(bad, problem):
    teacher, booked = Script(bad, GOOD), []
    (candidate,) = run("minimal-change", teacher, book=booked.append)
    assert candidate.text == RIGHT
    first, second = teacher.requests
    assert second.messages[0] == first.messages[0]
    assert [m.role for m in second.messages] == ["user", "assistant", "user"]
    assert problem in second.messages[2].content
    # What was asked in vain is paid for too.
    assert candidate.cost_usd == 1.0
    assert (candidate.tokens_in, candidate.tokens_out) == (20, 6)
    assert [(s.request, s.cost_usd, s.strategy) for s in booked] == [
        (0, 0.5, "minimal-change"),
        (1, 0.5, "minimal-change"),
    ]


def test_what_cannot_be_corrected_is_a_failure_with_its_reason_and_never_the_reference():
    teacher = Script(*[EXAMPLE.reference] * 3)
    (failure,) = run("minimal-change", teacher)
    assert isinstance(failure, Failure)
    assert failure.reason == (
        "e: no correction could be used after 3 requests: it is the given solution, and no "
        "correction of the answer"
    )
    assert not failure.retryable


def test_the_budget_and_the_number_of_requests_are_settings():
    tight = MinimalChangeConfig(budget=0.1, attempts=2)
    teacher = Script(GOOD, GOOD)
    (failure,) = run("minimal-change", teacher, minimal_change=tight)
    # 2 of the 12 words differ: "11." and "11".
    assert "after 2 requests: it changes 17% of the words, and 10% are allowed" in failure.reason
    assert "at most 10 % of the words" in teacher.requests[1].messages[2].content


def test_an_unknown_cost_stays_unknown():
    (candidate,) = run("minimal-change", Script("<unchanged/>", GOOD, cost=None))
    assert candidate.cost_usd is None


def test_without_a_verifier_every_answer_is_shown_to_the_teacher():
    teacher = Script("<unchanged/>")
    (candidate,) = run("minimal-change", teacher, statuses={}, verify=None)
    assert candidate.text == OWN
    assert len(teacher.requests) == 1


@pytest.mark.parametrize("may_come", [(), ("e",)])
@pytest.mark.parametrize("name", ["minimal-change", "continue", "ladder"])
def test_an_example_without_own_answers_may_be_tried_again_where_its_own_answer_may(name, may_come):
    rungs = LadderConfig(rungs=("own",))
    (failure,) = run(name, Script(), answers=[], may_come=may_come, ladder=rungs)
    assert failure.retryable == bool(may_come)
    if name != "ladder":
        assert failure.reason == "e: it has no own answer to work on"


def test_an_answer_that_could_not_be_checked_is_not_corrected():
    (failure,) = run("minimal-change", Script(), statuses={"own-0": "error"})
    assert failure.retryable


def test_the_target_goes_on_behind_the_corrected_step():
    teacher = Script("There are 3 boxes.\n3 * 4 = 12.")
    target = Script("Final Answer: 12", cost=0.25, name="amber")
    (candidate,) = run("continue", teacher, target=target)
    assert candidate.text == RIGHT
    (request,) = target.requests
    assert request.messages == EXAMPLE.messages
    assert request.prefix == "There are 3 boxes.\n3 * 4 = 12.\n"
    assert (candidate.model, candidate.parent_id) == ("amber", "own-0")
    assert candidate.cost_usd == 0.75


def test_the_next_round_corrects_what_the_target_wrote_in_the_last_one():
    teacher = Script("There are 3 boxes.\n3 * 4 = 12.", RIGHT)
    target = Script("Final Answer: 13", name="amber")
    (candidate,) = run("continue", teacher, target=target)
    assert candidate.text == RIGHT
    assert "3 * 4 = 12.\nFinal Answer: 13\n</answer>" in teacher.requests[1].messages[0].content
    assert len(target.requests) == 1


def test_after_three_rounds_it_is_given_up():
    teacher = Script(*[f"There are 3 boxes.\n3 * 4 = {text}." for text in ("12", "twelve", "XII")])
    target = Script(*["Final Answer: 13"] * 3, name="amber")
    (failure,) = run("continue", teacher, target=target)
    assert failure.reason == "e: the answer is still wrong after 3 rounds"


@pytest.mark.parametrize("reply", ["There are 3 boxes.", OWN])
def test_a_teacher_that_finds_no_wrong_step_ends_it(reply):
    (failure,) = run("continue", Script(reply))
    assert failure.reason == "e: the teacher found no wrong step"


def test_a_continuation_that_is_cut_off_is_not_taken():
    teacher = Script(*[f"There are 3 boxes.\n3 * 4 = {text}." for text in ("12", "twelve", "XII")])
    target = Script(*[generation("Final Answer: 12", reason="length")] * 3, name="amber")
    (failure,) = run("continue", teacher, target=target)
    assert isinstance(failure, Failure)


def test_the_ladder_stops_at_a_right_own_answer_and_asks_nobody():
    (candidate,) = run("ladder", Script(), answers=[own(RIGHT)])
    assert (candidate.strategy, candidate.parent_id) == ("ladder", "own-0")
    assert candidate.text == RIGHT
    assert candidate.token_ids == (5, 6, 7)


def test_the_ladder_keeps_every_rung_with_where_it_comes_from():
    rungs = LadderConfig(rungs=("own", "samples", "minimal-change", "reference"), samples=2)
    target = Script("It is 9.", "It is 10.", cost=0.0, name="amber")
    booked = []
    *made, last = run("ladder", Script(GOOD), target=target, ladder=rungs, book=booked.append)
    assert [c.strategy for c in made] == [
        "ladder/samples",
        "ladder/samples",
        "ladder/minimal-change",
    ]
    assert last.strategy == "ladder"
    assert last.text == RIGHT
    assert last.parent_id == made[-1].id
    assert made[-1].parent_id == "own-0"
    assert last.cost_usd == 0.5
    assert [s.strategy for s in booked] == ["ladder/minimal-change"]


def test_a_rung_that_gives_up_hands_over_to_the_next():
    rungs = LadderConfig(rungs=("own", "minimal-change", "reference"))
    minimal = MinimalChangeConfig(attempts=1)
    failed, taken, last = run(
        "ladder", Script("<unchanged/>"), ladder=rungs, minimal_change=minimal
    )
    # What the teacher was paid for nothing is part of what the answer cost.
    assert (taken.cost_usd, last.cost_usd) == (0.0, 0.5)
    assert (last.tokens_in, last.tokens_out) == (10, 3)
    assert isinstance(failed, Failure)
    assert failed.strategy == "ladder/minimal-change"
    assert (taken.strategy, last.strategy) == ("ladder/reference", "ladder")
    assert last.text == EXAMPLE.reference


def test_a_ladder_that_leads_nowhere_says_what_every_rung_met():
    rungs = LadderConfig(rungs=("own", "samples"), samples=1)
    target = Script("It is 9.", name="amber")
    rung, failure = run("ladder", Script(), target=target, ladder=rungs)
    assert rung.strategy == "ladder/samples"
    assert failure.strategy == "ladder"
    assert failure.reason == (
        "e: no rung gave a verified answer (own: not correct; samples: incorrect)"
    )


def test_an_unknown_rung_names_the_nearest():
    from idiolect.errors import ConfigError

    with pytest.raises(ConfigError, match="unknown rung 'hint'; did you mean 'hinted'"):
        get_strategy("ladder", [], Config(ladder=LadderConfig(rungs=("hint",))))
