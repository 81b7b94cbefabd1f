"""Verifiers by name, and which one suits a dataset."""

import re
from collections.abc import Callable, Sequence

from idiolect.errors import ConfigError, nearest
from idiolect.records import Example
from idiolect.verification.base import Verifier
from idiolect.verification.choice import Choice
from idiolect.verification.code import Code
from idiolect.verification.command import Command
from idiolect.verification.exact import Exact
from idiolect.verification.function import Function
from idiolect.verification.judge import Ask, Judge
from idiolect.verification.maths import Maths
from idiolect.verification.numeric import Numeric, read_answer

__all__ = ["NO_VERIFIER", "VERIFIERS", "detect_verifier", "get_verifier"]

VERIFIERS: dict[str, Callable[[], Verifier]] = {
    "code": Code,
    "numeric": Numeric,
    "choice": Choice,
    "exact": Exact,
    "maths": Maths,
}
NO_VERIFIER = "none"
"""What `detect_verifier` answers for data that hold nothing to check against."""

_SHORT_ANSWER = 200
_ALGEBRA = re.compile(
    r"\\[a-zA-Z]+|[\^√π∞≤≥∪∈{}]|(?<![A-Za-z])[a-z][ ]?[=+*/<>^]"
    r"|[+*/=<>][ ]?[a-z](?![a-z])|\d[a-z](?![a-z])"
)


def get_verifier(
    name: str, *, confirm_run_unsafe_code: bool = False, ask: Ask | None = None
) -> Verifier:
    """Return a new verifier.

    Args:
        name: one of `VERIFIERS`, `judge`, `command:PROGRAM ARGUMENTS` or
            `python:MODULE:FUNCTION`.
        confirm_run_unsafe_code: allows `code` to run generated programs in a sandbox.
        ask: the model that `judge` asks; see `judge.ask_model`.

    Raises:
        ConfigError: there is no verifier of that name, or it lacks what it needs.
        MissingExtra: a package that the verifier needs is not installed.
    """
    kind, colon, rest = name.partition(":")
    if colon and kind == "command":
        return Command(rest)
    if colon and kind == "python":
        return Function(rest)
    if name == "code":
        return Code(confirm_run_unsafe_code=confirm_run_unsafe_code)
    if name == "judge":
        if ask is None:
            raise ConfigError(
                "verifier: 'judge' needs a model to ask; name one with --judge MODEL or "
                "judge.model, e.g. openai:gpt-4.1-mini"
            )
        return Judge(ask)
    factory = VERIFIERS.get(name)
    if factory is None:
        allowed = sorted({*VERIFIERS, "judge"})
        raise ConfigError(
            f"verifier: found {name!r}, expected one of {', '.join(allowed)}, "
            f"command:PROGRAM or python:MODULE:FUNCTION{nearest(name, allowed)}"
        )
    return factory()


def detect_verifier(examples: Sequence[Example]) -> tuple[str, str]:
    """Return the name of the verifier that suits the examples, and why.

    The name is `NO_VERIFIER` where the examples hold nothing to check an answer against.
    """
    with_tests = sum(example.tests is not None for example in examples)
    if with_tests * 2 > len(examples):
        return "code", f"{with_tests} of {len(examples)} examples have tests"
    with_choices = sum(bool(example.choices) for example in examples)
    if with_choices * 2 > len(examples):
        return "choice", f"{with_choices} of {len(examples)} examples have choices"
    answers = [answer for example in examples if (answer := (example.answer or "").strip())]
    if len(answers) * 2 <= len(examples):
        return NO_VERIFIER, f"{len(answers)} of {len(examples)} examples have an answer"
    numbers = sum(_is_number(answer) for answer in answers)
    if numbers == len(answers):
        return "numeric", f"all {numbers} answers are numbers"
    algebra = sum(bool(_ALGEBRA.search(answer)) for answer in answers)
    if numbers + algebra > 0.8 * len(answers) and algebra:
        return "maths", f"{algebra} of {len(answers)} answers hold LaTeX or algebra"
    short = sum(len(answer) <= _SHORT_ANSWER for answer in answers)
    if short == len(answers):
        return "exact", f"all {short} answers are short texts"
    return NO_VERIFIER, f"{len(answers) - short} of {len(answers)} answers are too long to compare"


def _is_number(answer: str) -> bool:
    """Tell whether an answer is one number and nothing but a unit or a sign around it."""
    reading = read_answer(answer)
    return len(reading.numbers) == 1 and not _ALGEBRA.search(answer) and len(answer) <= 40
