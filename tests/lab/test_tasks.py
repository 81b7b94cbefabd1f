import hashlib
import itertools

import pytest

from idiolect.errors import ConfigError
from idiolect.lab.answers import is_right
from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.tasks import SKILLS, problems, read, split_of, take
from idiolect.lab.tasks.choice import ENCYCLOPAEDIA
from idiolect.lab.tasks.shop import LARGEST

STEPS = (1, 2, 3, 4, 5)


@pytest.fixture(scope="module", params=SKILLS)
def some(request):
    return take(150, request.param, seed=3, split="test", steps=STEPS)


def test_a_problem_is_read_back_from_its_question_whatever_stands_around_it(some):
    for problem in some:
        assert [p for _, p in read(f"Please help.\n\n{problem.question}\n\nThanks!")] == [problem]


def test_every_rendering_of_a_problem_gives_its_answer(some):
    for problem in some:
        for idiolect in IDIOLECTS:
            assert is_right(problem, render(problem, idiolect)), (problem, idiolect)


def test_renderings_differ_between_all_idiolects(some):
    for problem in some:
        assert len({render(problem, idiolect) for idiolect in IDIOLECTS}) == len(IDIOLECTS)


def test_every_program_in_every_idiolect_passes_its_own_tests():
    from idiolect.lab.answers import code_of

    for problem in take(60, "code", seed=3, split="test"):
        assert problem.tests is not None
        for idiolect in IDIOLECTS:
            # Trusted text: our own rendering, no model wrote it.
            scope: dict[str, object] = {}
            exec(code_of(render(problem, idiolect)), scope)
            for test in problem.tests.tests:
                exec(test, scope)


def test_shop_values_stay_in_the_small_world():
    for problem in take(300, "shop", seed=1, split="train", steps=STEPS):
        assert all(1 <= step.after <= LARGEST for step in problem.steps)
        assert all(step.operand <= 9 for step in problem.steps)
        assert all(a.after == b.before for a, b in itertools.pairwise(problem.steps))


def test_the_answer_solves_the_equation():
    for e in take(300, "equations", seed=1, split="train"):
        x = int(e.answer)
        assert e.left * x + e.shift == e.right * x + e.total


def test_exactly_one_option_has_the_value():
    for quiz in take(300, "choice", seed=1, split="train"):
        assert sum(ENCYCLOPAEDIA[a][quiz.trait] == quiz.value for a in quiz.animals) == 1


def test_splits_share_no_question():
    seen: dict[str, str] = {}
    for skill in SKILLS:
        for split in ("pretrain", "train", "test"):
            for problem in take(300, skill, seed=5, split=split):
                assert split_of(problem) == split
                assert seen.setdefault(problem.question, split) == split


@pytest.mark.parametrize(
    ("skill", "digest"),
    [
        ("shop", "778631ba906a3477"),
        ("equations", "83eae13720c04be9"),
        ("choice", "5720304110696db7"),
        ("code", "07d0a8bbcd2143cc"),
        ("lists", "a21a730c52f9fafc"),
    ],
)
def test_same_seed_same_questions_and_renderings_byte_for_byte(skill, digest):
    texts: list[str] = []
    for problem in take(200, skill, seed=11, split="train", steps=STEPS):
        tests = problem.tests.tests if problem.tests else ()
        texts += [problem.question, problem.answer or "", *tests]
        texts += [render(problem, idiolect) for idiolect in IDIOLECTS]
    assert hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16] == digest


def test_a_family_that_runs_out_says_how_many_it_has():
    with pytest.raises(ConfigError, match=r"found \d+ different questions, 5000 were asked for"):
        take(5000, "equations", seed=0, split="train")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shopp", "train", (1,)), "did you mean 'shop'"),
        (("shop", "tets", (1,)), "did you mean 'test'"),
        (("shop", "test", (1, 6)), "allowed are numbers from 1 to 5"),
        (("shop", "test", ()), "give at least one"),
    ],
)
def test_a_wrong_request_is_named_with_what_is_allowed(arguments, message):
    skill, split, steps = arguments
    with pytest.raises(ConfigError, match=message):
        next(problems(skill, seed=0, split=split, steps=steps))


def test_an_unknown_idiolect_is_an_error_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'tutor'"):
        render(take(1, "shop", seed=0, split="test")[0], "tuto")
