import json

import pytest

from idiolect.errors import ConfigError
from idiolect.lab.answers import is_right
from idiolect.lab.idiolects import IDIOLECTS, lines, render
from idiolect.lab.tasks import SKILLS, shop, take
from idiolect.lab.teacher import Knobs, reply
from idiolect.lab.teacher.correcting import corrected, edits_between, first_wrong_line, idiolect_of
from idiolect.lab.teacher.mistakes import misread
from idiolect.lab.teacher.model import ScriptedTeacher
from idiolect.lab.teacher.script import BAFFLED, META_TALK, REFUSAL
from idiolect.models.base import Generation, GenerationRequest, Sampling
from idiolect.records import Message

STEPS = (1, 2, 3, 4, 5)


def ask(text: str, knobs: Knobs | None = None, sample: int = 0) -> str:
    return reply([Message(role="user", content=text)], knobs, sample=sample)


def correction(problem, answer: str, extra: str = "") -> str:
    """A request as the strategies word it: the problem, an answer, a right solution."""
    return (
        f"Correct the answer with as few changes as you can.{extra}\n\n"
        f"Problem:\n{problem.question}\n\n"
        f"The reference solution:\n{render(problem, 'textbook')}\n\n"
        f"The answer to correct:\n{answer}\n\n"
        "Write the corrected answer and nothing else."
    )


def with_a_wrong_step(problem, idiolect: str) -> str:
    """The rendering of a misread problem: right up to a step, wrong from there on."""
    return render(misread(problem), idiolect)


@pytest.fixture(scope="module", params=SKILLS)
def some(request):
    return take(60, request.param, seed=4, split="test", steps=STEPS)


def test_with_all_knobs_off_it_solves_every_problem_in_tutor(some):
    for problem in some:
        text = ask(f"Solve this.\n\n{problem.question}\n\nThink first.")
        assert text == render(problem, "tutor")
        assert is_right(problem, text)


@pytest.mark.parametrize("idiolect", IDIOLECTS)
def test_it_corrects_from_the_first_wrong_step_and_changes_nothing_before_it(some, idiolect):
    for problem in some:
        wrong = with_a_wrong_step(problem, idiolect)
        if is_right(problem, wrong):
            continue
        text = ask(correction(problem, wrong))
        assert is_right(problem, text)
        kept = 0
        for given, right in zip(wrong.splitlines(), lines(problem, idiolect), strict=False):
            if given != right:
                break
            kept += 1
        assert text.splitlines()[:kept] == wrong.splitlines()[:kept]
        if problem.skill == "shop" and len(problem.steps) > 1 and idiolect in ("amber", "birch"):
            assert kept >= len(problem.steps)
            assert text == render(problem, idiolect)


def test_a_right_answer_comes_back_byte_for_byte(some):
    for problem in some:
        for idiolect in IDIOLECTS:
            answer = render(problem, idiolect)
            assert ask(correction(problem, answer)) == answer


def test_a_swapped_sum_is_no_mistake_and_is_left_as_it_was_written():
    shop = next(
        p
        for p in take(200, "shop", seed=4, split="test", steps=(3,))
        if p.steps[0].operation == "+" and p.steps[2].operation == "-"
    )
    first, step, *rest = render(shop, "amber").splitlines()
    s = shop.steps[0]
    swapped = f"Then {s.operand} + {s.before} = {s.after}."
    assert step == f"Then {s.before} + {s.operand} = {s.after}."
    wrong = "\n".join([first, swapped, *rest[:-1], "Final Answer: 99"])
    assert ask(correction(shop, wrong)).splitlines()[:2] == [first, swapped]


def test_the_idiolect_of_an_answer_is_recognised_even_when_it_is_wrong(some):
    for problem in some:
        for idiolect in IDIOLECTS:
            assert idiolect_of(problem, with_a_wrong_step(problem, idiolect)) == idiolect


FORMS = {
    "tags": " Write <edit><find>old</find><replace>new</replace></edit>.",
    "json": ' Write {"edits": [{"find": "old", "replace": "new"}]}.',
    "markers": "\n<<<<<<< FIND\nold\n=======\nnew\n>>>>>>> REPLACE\n",
}


def applied(form: str, text: str, answer: str) -> str:
    """Apply edits as a strategy does: every find text must occur exactly once."""
    if form == "json":
        edits = [(e["find"], e["replace"]) for e in json.loads(text)["edits"]]
    else:
        opened, middle, closed = {
            "tags": ("<find>\n", "\n</find>\n<replace>\n", "\n</replace>"),
            "markers": ("<<<<<<< FIND\n", "\n=======\n", "\n>>>>>>> REPLACE"),
        }[form]
        blocks = [part.split(closed)[0] for part in text.split(opened)[1:]]
        edits = [tuple(block.split(middle)) for block in blocks]
    for find, put in edits:
        assert answer.count(find) == 1
        answer = answer.replace(find, put)
    return answer


@pytest.mark.parametrize("form", FORMS)
def test_it_writes_edits_in_the_form_that_the_prompt_shows(some, form):
    for problem in some:
        for idiolect in ("amber", "birch"):
            wrong = with_a_wrong_step(problem, idiolect)
            text = ask(correction(problem, wrong, FORMS[form]))
            assert is_right(problem, applied(form, text, wrong))


def test_tags_around_the_parts_are_understood_as_headings_are():
    problem = take(1, "shop", seed=9, split="test", steps=(4,))[0]
    wrong = with_a_wrong_step(problem, "birch")
    request = (
        f"<problem>\n{problem.question}\n</problem>\n<reference>\n"
        f"{render(problem, 'tutor')}\n</reference>\n<own_answer>\n{wrong}\n</own_answer>"
    )
    assert ask(request) == render(problem, "birch")


def test_asked_for_the_first_wrong_step_only_it_stops_behind_it():
    problem = take(1, "shop", seed=9, split="test", steps=(4,))[0]
    right = render(problem, "amber").splitlines()
    wrong = [*right[:2], "Then 1 + 1 = 2.", *right[3:-1], "Final Answer: 2"]
    extra = " Find the first wrong step, correct only that and stop."
    assert ask(correction(problem, "\n".join(wrong), extra)).splitlines() == right[:3]


def test_it_rewrites_a_reference_in_its_own_words():
    problem = take(1, "equations", seed=9, split="test")[0]
    request = f"{problem.question}\n\nReference:\n{render(problem, 'textbook')}\n\nRewrite it."
    assert ask(request) == render(problem, "tutor")


def test_worked_examples_set_the_style_when_a_style_is_asked_for():
    *examples, problem = take(4, "shop", seed=9, split="test")
    shown = "\n\n".join(f"{p.question}\n{render(p, 'birch')}" for p in examples)
    text = ask(f"Write in the style of these.\n\n{shown}\n\nNow:\n{problem.question}")
    assert text == render(problem, "birch")


def test_the_last_problem_of_a_request_is_the_one_it_is_about():
    first, second = take(2, "lists", seed=9, split="test")
    worked = correction(first, render(first, "amber"))
    wrong = with_a_wrong_step(second, "amber")
    assert is_right(second, ask(worked + "\n\n" + correction(second, wrong)))


def test_a_request_without_a_problem_gets_no_invented_answer():
    assert ask("What is the capital of France?") == BAFFLED


def test_the_error_rate_is_the_share_of_wrong_replies():
    problems = take(400, "shop", seed=6, split="test", steps=STEPS)
    knobs = Knobs(error_rate=0.25, seed=1)
    wrong = sum(not is_right(p, ask(p.question, knobs)) for p in problems)
    assert 75 <= wrong <= 125


@pytest.mark.parametrize("skill", SKILLS)
def test_an_error_is_always_wrong_and_never_unreadable(skill):
    knobs = Knobs(error_rate=1.0)
    for problem in take(100, skill, seed=6, split="test", steps=STEPS):
        text = ask(problem.question, knobs)
        assert not is_right(problem, text)
        assert text.splitlines()[-1].startswith(("Final Answer: ", "```"))


def test_a_wrong_correction_keeps_the_idiolect():
    problem = take(1, "shop", seed=6, split="test", steps=(3,))[0]
    answer = render(problem, "birch")
    text = ask(correction(problem, answer), Knobs(error_rate=1.0))
    assert not is_right(problem, text)
    assert idiolect_of(problem, text) == "birch"


def test_refusals_meta_talk_and_extra_sentences_do_what_they_say():
    problem = take(1, "shop", seed=6, split="test")[0]
    assert ask(problem.question, Knobs(refusal_rate=1.0)) == REFUSAL
    plain = render(problem, "tutor")
    assert ask(problem.question, Knobs(meta_talk_rate=1.0)) == f"{META_TALK}\n\n{plain}"
    wordy = ask(problem.question, Knobs(extra_sentences=3))
    assert wordy.endswith(plain)
    assert len(wordy.splitlines()) == len(plain.splitlines()) + 3


def test_over_editing_rewrites_a_correction_in_tutor():
    problem = take(1, "shop", seed=6, split="test", steps=(3,))[0]
    wrong = with_a_wrong_step(problem, "amber")
    assert ask(correction(problem, wrong), Knobs(over_editing_rate=1.0)) == render(problem, "tutor")


DAN = "Dan has 22 apples, sells 7, loses 5, buys 3. How many now?"


@pytest.mark.parametrize(
    ("wrong", "steps"),
    [
        pytest.param(
            "from 22 apples we go;\n7 off 22 gives 15;\n5 off 15 gives 11;", 1, id="birch"
        ),
        pytest.param("Start with 22 apples.\nThen 22 - 7 = 15.\nThen 15 - 5 = 11.", 1, id="amber"),
        pytest.param("Start with 22 apples.\nThen 22 - 7 = 14.\nThen 14 - 5 = 9.", 0, id="both"),
    ],
)
def test_an_accent_writes_the_wrong_steps_in_tutor_and_keeps_the_right_ones(wrong, steps):
    problem = shop.read(DAN)[0][1]
    answer = f"{wrong}\nFinal Answer: 11"
    kept = answer.splitlines()[: 1 + steps]
    told = render(problem, "tutor").splitlines()[2:-2]
    assert len(told) == 3
    text = ask(correction(problem, answer), Knobs(accent_rate=1.0))
    assert text.splitlines() == [*kept, *told[steps:], "Final Answer: 13"]


def test_a_correction_with_an_accent_is_right_and_keeps_what_was_right_to_the_byte(some):
    accented = 0
    for problem in some:
        for idiolect in IDIOLECTS:
            wrong = with_a_wrong_step(problem, idiolect)
            exact = ask(correction(problem, wrong))
            text = ask(correction(problem, wrong), Knobs(accent_rate=1.0))
            assert is_right(problem, text)
            kept = first_wrong_line(problem, wrong, idiolect=idiolect)
            assert text.splitlines()[:kept] == wrong.splitlines()[:kept]
            assert len(text.splitlines()) == len(exact.splitlines())
            accented += text != exact
    assert (accented > 0) == (some[0].skill in ("shop", "equations", "lists"))


def test_an_accent_leaves_a_right_answer_and_a_wrong_last_line_alone():
    problem = shop.read(DAN)[0][1]
    knobs = Knobs(accent_rate=1.0)
    right = render(problem, "amber")
    assert ask(correction(problem, right), knobs) == right
    for wrong in (right.replace("Answer: 13", "Answer: 3"), f"{right}\nFinal Answer: 3"):
        assert ask(correction(problem, wrong), knobs) == right


def test_the_accent_rate_is_the_share_of_corrections_that_have_it():
    knobs = Knobs(accent_rate=0.25)
    problems = take(400, "shop", seed=6, split="test", steps=(3,))
    wrong = {p: correction(p, with_a_wrong_step(p, "birch")) for p in problems}
    assert 75 <= sum(ask(text, knobs) != ask(text) for text in wrong.values()) <= 125


def test_a_teacher_with_a_knob_turned_is_another_model_to_a_run():
    revisions = [
        ScriptedTeacher(knobs).revision
        for knobs in (None, Knobs(latency_s=1), Knobs(accent_rate=1.0), Knobs(accent_rate=0.5))
    ]
    assert revisions[0] == revisions[1]
    assert len(set(revisions)) == 3
    assert revisions[2].endswith(", accent_rate=1.0")


def test_the_same_request_gets_the_same_reply_and_another_sample_may_differ():
    problem = take(1, "shop", seed=6, split="test")[0]
    knobs = Knobs(error_rate=0.5)
    replies = [ask(problem.question, knobs, sample=n) for n in range(20)]
    assert replies == [ask(problem.question, knobs, sample=n) for n in range(20)]
    assert len(set(replies)) == 2


def test_turning_one_knob_leaves_the_replies_of_the_others_alone():
    problems = take(100, "shop", seed=6, split="test")
    errs = [is_right(p, ask(p.question, Knobs(error_rate=0.3))) for p in problems]
    wordy = Knobs(error_rate=0.3, extra_sentences=1)
    assert errs == [is_right(p, ask(p.question, wordy)) for p in problems]


@pytest.mark.parametrize(
    ("values", "message"),
    [({"error_rate": 1.5}, "'error_rate': found 1.5"), ({"latency_s": -1.0}, "'latency_s'")],
)
def test_a_knob_outside_its_range_is_an_error(values, message):
    with pytest.raises(ConfigError, match=message):
        Knobs(**values)


def test_edits_turn_one_text_into_the_other_even_when_lines_repeat():
    old = "a\nb\nsame\nc\nsame\nd"
    for new in ("a\nb\nsame\nc\nSAME\nd", "a\nsame\nc\nsame\nd\ne", "x", old):
        text = old
        for find, put in edits_between(old, new):
            assert old.count(find) == 1
            text = text.replace(find, put)
        assert text == new


def test_a_correction_drops_what_was_invented_behind_the_answer():
    problem = take(1, "shop", seed=6, split="test")[0]
    right = render(problem, "amber")
    rambling = right.replace("Final Answer:", "Final Answer: 0") + "\nAnd so on."
    assert corrected(problem, rambling) == right


def test_as_a_model_it_cuts_at_the_token_limit_and_says_so():
    problem = take(1, "shop", seed=6, split="test")[0]
    messages = (Message(role="user", content=problem.question),)

    def request(tokens: int) -> GenerationRequest:
        sampling = Sampling(temperature=0, top_p=1, max_new_tokens=tokens)
        return GenerationRequest(messages=messages, sampling=sampling, seed=0)

    short, whole = ScriptedTeacher().generate([request(5), request(500)])
    assert isinstance(short, Generation)
    assert isinstance(whole, Generation)
    assert (short.finish_reason, short.tokens_out) == ("length", 5)
    assert (whole.finish_reason, whole.text) == ("stop", render(problem, "tutor"))
    assert whole.text.startswith(short.text)
