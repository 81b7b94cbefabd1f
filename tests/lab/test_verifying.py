from collections.abc import Sequence

import pytest

from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.tasks import SKILLS, take
from idiolect.lab.teacher.mistakes import misread
from idiolect.lab.verifying import verified
from idiolect.records import Example
from idiolect.verification.base import Finding

STEPS = (1, 2, 3, 4, 5)


class EverythingRuns:
    name = "code"

    def check(self, pairs: Sequence[tuple[Example, str]]) -> list[Finding]:
        return [Finding(status="correct") for _ in pairs]


@pytest.mark.parametrize("skill", SKILLS)
def test_the_verifiers_read_every_idiolect_and_tell_right_from_wrong(skill):
    problems = take(40, skill, seed=5, split="test", steps=STEPS)
    for idiolect in IDIOLECTS:
        assert all(verified(problems, [render(p, idiolect) for p in problems]))
        assert not any(verified(problems, [render(misread(p), idiolect) for p in problems]))


def test_problems_of_several_skills_keep_their_places():
    problems = [take(1, skill, seed=5, split="test")[0] for skill in SKILLS]
    texts = [render(p, "amber") for p in problems]
    texts[2] = "no answer"
    assert verified(problems, texts) == [True, True, False, True, True]


def test_a_program_unlike_ours_is_right_only_if_a_sandbox_says_so():
    problem = take(1, "code", seed=5, split="test")[0]
    assert verified([problem], ["```python\npass\n```"]) == [False]
    assert verified([problem], ["```python\npass\n```"], code=EverythingRuns()) == [True]


@pytest.mark.slow
def test_renderings_of_programs_pass_in_the_real_sandbox():
    from idiolect.lab.datasets import example_of
    from idiolect.verification.code import Code

    problems = take(5, "code", seed=5, split="test")
    pairs = [(example_of(p), render(p, name)) for p in problems for name in IDIOLECTS]
    found = Code(confirm_run_unsafe_code=True).check(pairs)
    assert {finding.status for finding in found} == {"correct"}
