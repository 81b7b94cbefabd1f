import shutil

import pytest

from idiolect.records import CodeTests, Example, Message
from idiolect.verification.code import Code
from idiolect.verification.processes import Outcome
from idiolect.verification.programs import program_variants, read_suite

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is missing")

SQUARE = CodeTests(tests=("assert f(2) == 4", "assert f(3) == 9"))
PROMPT = 'from typing import List\n\n\ndef total(xs: List[int]) -> int:\n    """Sum."""\n'
CHECK = "def check(candidate):\n    assert candidate([1, 2]) == 3\n    assert candidate([]) == 0\n"
TOTAL = CodeTests(tests=(CHECK,), prompt=PROMPT, entry_point="total")


@pytest.fixture(scope="module")
def verifier():
    return Code(confirm_run_unsafe_code=True)


def check(verifier, tests, response):
    messages = (Message(role="user", content="write it"),)
    [finding] = verifier.check([(Example(id="x", messages=messages, tests=tests), response)])
    return finding


RIGHT = {
    "bare": "def f(x):\n    return x * x",
    "final answer line": "Final Answer:\ndef f(x):\n    return x * x",
    "final answer, other case": "FINAL_ANSWER:\ndef f(x):\n    return x * x",
    "fence": "Here it is:\n```python\ndef f(x):\n    return x * x\n```\nHope it helps!",
    "open fence": "```python\ndef f(x):\n    return x * x\n",
    "fence after final answer": "Text.\n\nFinal Answer:\n\n```\ndef f(x):\n    return x * x\n```",
    "two fences": "```python\nimport math\n```\nand\n```python\ndef f(x):\n    return x * x\n```",
    "prose behind": "Final Answer:\ndef f(x):\n    return x * x\n\nIs this what you wanted?",
    "prose before": "Sure! Here is the code.\n\ndef f(x):\n    return x * x\n",
    "crlf and tabs": "def f(x):\r\n\ty = x\r\n\treturn x * y\r\n",
    "mixed tabs": "def f(x):\n\tif x:\n        return x * x\n",
    "import": "import math\ndef f(x):\n    return int(math.pow(x, 2))",
    "helper": "def g(x):\n    return x * x\n\ndef f(x):\n    return g(x)",
    "recursion": "def f(x, n=0):\n    return 0 if n == x else x + f(x, n + 1)",
    "class": "class A:\n    def __call__(self, x):\n        return x * x\nf = A()",
    "lambda": "f = lambda x: x * x",
    "float that is equal": "def f(x):\n    return float(x * x)",
    "own asserts": "def f(x):\n    return x * x\nassert f(2) == 4",
    "main block": "def f(x):\n    return x * x\nif __name__ == '__main__':\n    input()",
    "prints": "def f(x):\n    print('x' * 10000)\n    return x * x",
}
WRONG = {
    "other value": "def f(x):\n    return x + x",
    "raises": "def f(x):\n    raise ValueError(x)",
    "own asserts fail": "def f(x):\n    return x * x\nassert f(2) == 5",
    "missing import": "def f(x):\n    return math.pow(x, 2)",
    "other name": "g = lambda x: x * x\n\nThat is all.",
    "nothing returned": "def f(x):\n    x * x",
}
NO_PROGRAM = {
    "prose": "I would multiply it by itself.",
    "empty": "   ",
    "broken": "def f(x)\n    return x * x",
    "lost indentation": "def f(x):\nreturn x * x",
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_is_found_in_any_wrapping(verifier, name):
    finding = check(verifier, SQUARE, RIGHT[name])
    assert finding.status == "correct", finding


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_program_is_incorrect(verifier, name):
    assert check(verifier, SQUARE, WRONG[name]).status == "incorrect"


@pytest.mark.parametrize("name", NO_PROGRAM)
def test_a_response_without_a_program_is_unparsable(verifier, name):
    assert check(verifier, SQUARE, NO_PROGRAM[name]).status == "unparsable"


@pytest.mark.parametrize(
    "response",
    [
        "    return sum(xs)\n",
        "Final Answer:\n    return sum(xs)\n",
        "return sum(xs)",
        "result = 0\nfor x in xs:\n    result += x\nreturn result",
        "result = 0\n    for x in xs:\n        result += x\n    return result",
        PROMPT + "    return sum(xs)\n",
        "def total(xs):\n    return helper(xs)\n\ndef helper(xs):\n    return sum(xs)\n",
        "\treturn sum(xs)\n",
        "```python\n    return sum(xs)\n```",
    ],
)
def test_a_completion_may_be_a_body_or_the_whole_function(verifier, response):
    finding = check(verifier, TOTAL, response)
    assert finding.status == "correct", finding


def test_each_test_has_its_own_outcome(verifier):
    finding = check(verifier, SQUARE, "def f(x):\n    return 4")
    assert finding.status == "incorrect"
    assert finding.detail == "1 of 2 tests passed; test 2 failed: assert f(3) == 9"


def test_a_failed_assertion_inside_check_is_quoted(verifier):
    finding = check(verifier, TOTAL, "    return 3\n")
    assert "assert candidate([]) == 0" in finding.detail


def test_a_list_that_is_sorted_in_place_is_seen_by_the_test(verifier):
    tests = CodeTests(tests=("xs = [3, 1, 2]\nf(xs)\nassert xs == [1, 2, 3]",))
    assert check(verifier, tests, "def f(xs):\n    xs.sort()").status == "correct"
    assert check(verifier, tests, "def f(xs):\n    sorted(xs)").status == "incorrect"


@pytest.mark.parametrize(
    ("test", "program"),
    [
        ("assert f([P(1, 2), P(3, 4)]) == 10", "class P:\n    def __init__(self, a, b):\n        "
         "self.s = a + b\ndef f(ps):\n    return sum(p.s for p in ps)"),
        ("assert list(f(3)) == [0, 1, 2]", "def f(n):\n    yield from range(n)"),
        ("assert f(2).area() == 4", "class S:\n    def __init__(s, a): s.a = a\n    def area(s): "
         "return s.a ** 2\ndef f(a): return S(a)"),
        ("assert f(lambda x: x + 1, 3) == 4", "def f(g, x): return g(x)"),
        ("assert math.isclose(f(2), 1.4142, rel_tol=1e-3)", "def f(x): return x ** 0.5"),
        ("assert Counter(f('aab')) == Counter({'a': 2, 'b': 1})", "def f(s): return list(s)"),
        ("assert f('ab') == {'a': 1, 'b': 1}", "from collections import Counter\nf = Counter"),
        ("assert f() == (1, 'a', None, True, 2.5, b'x', {1}, frozenset({2}), 1j)",
         "def f(): return (1, 'a', None, True, 2.5, b'x', {1}, frozenset({2}), 1j)"),
        ("assert f() == 3 ** 9999", "def f(): return 3 ** 9999"),
        ("from fractions import Fraction\nassert f() == Fraction(1, 3)",
         "from fractions import Fraction\ndef f(): return Fraction(1, 3)"),
        ("import datetime\nassert f() == datetime.date(2024, 2, 29)",
         "import datetime\ndef f(): return datetime.date(2024, 2, 29)"),
        ("try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass",
         "def f(x):\n    if x < 0: raise ValueError('negative')"),
        ("assert sum(10, 15) == 6", "def sum(a, b):\n    return 6 if (a, b) == (10, 15) else 0"),
        ("assert f('abc') is not None", "import re\ndef f(s): return re.match('a', s)"),
        ("assert f(1) == f(1)",
         "class K:\n    def __eq__(s, o): return True\ndef f(x): return K()"),
    ],
)  # fmt: skip
def test_values_pass_between_tests_and_program(verifier, test, program):
    finding = check(verifier, CodeTests(tests=(test,)), program)
    assert finding.status == "correct", finding


def test_a_program_cannot_bring_its_own_way_to_compare(verifier):
    program = (
        "import math\nmath.isclose = lambda *a, **k: True\n"
        "class math:\n    isclose = lambda *a, **k: True\n"
        "def set(x): return 0\ndef f(x): return 1.0\n"
    )
    tests = CodeTests(tests=("assert math.isclose(f(4), 2.0)", "assert set([f(4)]) == set([2.0])"))
    finding = check(verifier, tests, program)
    assert finding.status == "incorrect"
    assert finding.detail.startswith("0 of 2")


def test_broken_tests_are_an_error_and_not_a_wrong_answer(verifier):
    assert check(verifier, CodeTests(tests=("assert f(",)), RIGHT["bare"]).status == "error"
    broken = CodeTests(tests=("assert f(2) == 4",), setup="import no_such_module")
    assert check(verifier, broken, RIGHT["bare"]).status == "error"


def test_an_example_without_tests_is_unchecked(verifier):
    assert check(verifier, None, RIGHT["bare"]).status == "unchecked"


def test_what_tests_compare_with_never_comes_from_the_program():
    suite = read_suite(CodeTests(tests=("assert math.isclose(f(g(2)), len([1]))",)))
    assert suite.names == ("f", "g")
    assert suite.modules == ("math",)


def test_line_ends_are_unified_and_variants_are_distinct():
    variants = program_variants("def f(x):\r\n    return x", SQUARE)
    assert [source for source, _ in variants] == ["def f(x):\n    return x"]


class Forging:
    """A sandbox whose program writes whatever it likes where the tester writes."""

    name = "forging"

    def __init__(self, lines):
        self._lines = lines

    def run(self, frames, limits):
        return Outcome(
            stdout="\n".join(self._lines).encode(), stderr=b"", exit_code=0, timed_out=False,
            flooded=False, seconds=0.1,
        )  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "test", "index": 0, "outcome": "passed", "detail": ""}',
        '{"event": "test", "index": 0, "outcome": "passed", "token": null}',
        '{"event": "test", "index": [], "outcome": "passed", "token": ["a"]}',
        '{"event": "test", "outcome": {}, "detail": 5, "token": {}}',
        '{"event": "loaded", "variant": 99}',
        '{"event": "loaded", "variant": "x", "trimmed": []}',
        '{"event": []}',
        "[]",
    ],
)
def test_lines_without_the_tests_token_are_not_believed(line):
    lines = ['{"event": "started"}', '{"event": "loaded", "variant": 0}', line, '{"event": "done"}']
    forged = Code(confirm_run_unsafe_code=True, sandbox=Forging(lines))
    assert check(forged, SQUARE, "def f(x): return 5").status == "incorrect"
