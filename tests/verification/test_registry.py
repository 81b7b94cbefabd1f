import subprocess
import sys

import pytest

from idiolect.errors import ConfigError
from idiolect.records import CodeTests, Example, Message
from idiolect.verification import NO_VERIFIER, VERIFIERS, detect_verifier, get_verifier


def example(answer: str | None = None, **fields) -> Example:
    messages = (Message(role="user", content="How many?"),)
    return Example(id="x", messages=messages, answer=answer, **fields)


def test_an_unknown_verifier_is_an_error_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'numeric'"):
        get_verifier("numerik")


@pytest.mark.parametrize("name", VERIFIERS)
def test_a_verifier_knows_the_name_it_is_chosen_by(name):
    assert get_verifier(name, confirm_run_unsafe_code=True).name == name


@pytest.mark.parametrize(
    ("examples", "name"),
    [
        ([example(tests=CodeTests(tests=("assert f() == 1",)))], "code"),
        ([example("2", choices=("red", "blue"))], "choice"),
        ([example("72"), example("-5/4"), example("$1,200"), example("60%")], "numeric"),
        ([example("72"), example(r"\frac{\sqrt{3}}{2}"), example("x^2 + 1")], "maths"),
        ([example("Paris"), example("the Seine")], "exact"),
        ([example("yes"), example("no")], "exact"),
        ([example(), example()], NO_VERIFIER),
        ([], NO_VERIFIER),
        ([example("an essay " * 100)], NO_VERIFIER),
    ],
)
def test_the_verifier_is_detected_from_what_the_examples_hold(examples, name):
    found, why = detect_verifier(examples)
    assert found == name
    assert why


def test_importing_the_package_loads_no_heavy_library():
    code = (
        "import sys; sys.path.insert(0, 'src'); import idiolect.verification;"
        "print([m for m in ('sympy', 'math_verify', 'torch', 'numpy') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
