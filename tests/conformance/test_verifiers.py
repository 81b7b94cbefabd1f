"""Promises that every verifier keeps."""

import shutil

import pytest

from idiolect.records import CodeTests, Example, Message
from idiolect.verification import VERIFIERS, get_verifier
from idiolect.verification.judge import Judge

QUESTION = (Message(role="user", content="Two and two?"),)
FULL = Example(
    id="full",
    messages=QUESTION,
    reference="Final Answer: 4",
    answer="4",
    choices=("1", "2", "3", "4"),
    tests=CodeTests(tests=("assert f() == 4",)),
)
BARE = Example(id="bare", messages=QUESTION)
RIGHT = {"code": "def f(): return 4", "judge": "four"}


def make(name):
    if name == "code" and not shutil.which("bwrap"):
        pytest.skip("bubblewrap is missing")
    if name == "maths":
        pytest.importorskip("math_verify")
    if name == "judge":
        return Judge(lambda conversations: ['{"same": "yes"}'] * len(conversations))
    return get_verifier(name, confirm_run_unsafe_code=True)


@pytest.fixture(params=[*VERIFIERS, "judge"])
def verifier(request):
    verifier = make(request.param)
    yield verifier
    if hasattr(verifier, "close"):
        verifier.close()


def test_nothing_in_nothing_out(verifier):
    assert verifier.check([]) == []


def test_findings_come_in_the_order_of_the_responses(verifier):
    right = RIGHT.get(verifier.name, "Final Answer: 4")
    findings = verifier.check([(FULL, right), (BARE, right), (FULL, ""), (FULL, right)])
    statuses = [finding.status for finding in findings]
    assert statuses == ["correct", "unchecked", "unparsable", "correct"]


def test_the_same_response_gets_the_same_finding(verifier):
    pairs = [(FULL, "Final Answer: 3"), (FULL, RIGHT.get(verifier.name, "Final Answer: 4"))]
    assert verifier.check(pairs) == verifier.check(pairs)


@pytest.mark.parametrize("text", ["\x00", "\ud800", "\u202e4\u202c", "🙂" * 1000, "\r\n\r\n", "\\"])
def test_odd_characters_are_survived(verifier, text):
    [finding] = verifier.check([(FULL, text)])
    assert finding.status in ("correct", "incorrect", "unparsable")
