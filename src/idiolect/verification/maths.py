r"""Checks mathematical answers: numbers exactly, expressions through math-verify.

What can be decided by exact arithmetic or by comparing the normalised LaTeX is decided here.
The rest goes to math-verify (Apache-2.0) in processes that are killed when their time is over,
because sympy can take for ever and the library's own time-outs rely on signals.
"""

import importlib.util
import os
import re
from collections.abc import Sequence

from idiolect.errors import MissingExtra
from idiolect.records import Example
from idiolect.verification.answers import Stated, stated_answer
from idiolect.verification.base import Finding
from idiolect.verification.exact import normalised
from idiolect.verification.numbers import plain_text
from idiolect.verification.numeric import read_answer
from idiolect.verification.workers import WorkerFailure, WorkerPool

__all__ = ["Maths"]

_SPACING = re.compile(
    r"\\(?:left|right|displaystyle|limits|quad|qquad)(?![a-zA-Z])|\\[,;:! ]|[\s~$]"
)
_FRACTION = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox|operatorname)\{([^{}]{0,200})\}")
_DELIMITERS = re.compile(r"\A(?:\\\(|\\\[)|(?:\\\)|\\\])\Z")
_MATHS = re.compile(r"[\d=<>+*/^_\\|√π∞±]|(?<![A-Za-z])[a-zA-Z](?![A-Za-z])")
_PLAIN = re.compile(r"[-+]?[\d.,/ ]+%?\Z|-?\\frac\{?-?\d+\}?\{?\d+\}?\Z")
_MAX_ANSWER = 2000
"""Characters; what is longer is no answer and would keep the parser busy."""


class Maths:
    """Compares the stated answer with the example's, as mathematics.

    Numbers are compared exactly: 0.67 is not 2/3 here. Answers in words are compared as
    words. A comparison that takes longer than `timeout_s` is an error whose detail begins
    with `timeout`, never a wrong answer.

    Args:
        timeout_s: for one comparison.
        workers: processes at a time; the number of cores by default.

    Raises:
        MissingExtra: math-verify is not installed.
    """

    name = "maths"

    def __init__(self, *, timeout_s: float = 5.0, workers: int | None = None) -> None:
        if importlib.util.find_spec("math_verify") is None:
            raise MissingExtra("math-verify", "maths", "the maths verifier")
        self._pool = WorkerPool(
            "idiolect.verification.maths_worker",
            size=workers if workers is not None else os.cpu_count() or 1,
            timeout_s=timeout_s,
        )

    def check(self, pairs: Sequence[tuple[Example, str]]) -> list[Finding]:
        """Check each response. Same length, same order."""
        findings: list[Finding | None] = []
        jobs: list[dict[str, str]] = []
        stated: list[Stated] = []
        for example, response in pairs:
            outcome = _without_algebra(example, response)
            if isinstance(outcome, Finding):
                findings.append(outcome)
            else:
                findings.append(None)
                reference, answer = outcome
                jobs.append({"reference": reference, "answer": answer.text})
                stated.append(answer)
        answers = self._pool.map(jobs) if jobs else []
        compared = iter(
            _finding(job, answer, result)
            for job, answer, result in zip(jobs, stated, answers, strict=True)
        )
        return [finding if finding is not None else next(compared) for finding in findings]

    def close(self) -> None:
        """Stop the processes."""
        self._pool.close()


def _reference(example: Example) -> str | None:
    if example.answer is not None and example.answer.strip():
        return example.answer.strip()
    if example.reference is not None:
        stated = stated_answer(example.reference)
        return stated.text if stated is not None and stated.text else None
    return None


def _stated(response: str) -> Stated | None:
    """Return the stated answer; without one, the last formula or the last number."""
    stated = stated_answer(response)
    if stated is not None:
        return stated
    tail = response[-_MAX_ANSWER:]
    parts = tail.split("$")
    formulas = [part for part in parts[1::2] if part.strip() and "\n\n" not in part]
    if len(parts) % 2 and formulas:
        return Stated(text=formulas[-1].strip(), rule="last-formula", start=0)
    reading = read_answer(response)
    if reading.numbers:
        return Stated(text=reading.numbers[0].text, rule=reading.rule, start=0)
    return None


def _without_algebra(example: Example, response: str) -> Finding | tuple[str, Stated]:
    """Decide what needs no computer algebra; return reference and answer for the rest."""
    reference = _reference(example)
    if reference is None:
        return Finding(status="unchecked", detail="the example has no answer")
    stated = _stated(response)
    if stated is None or not stated.text:
        rule = "none" if stated is None else stated.rule
        return Finding(status="unparsable", rule=rule, detail="no answer is stated")
    if len(stated.text) > _MAX_ANSWER:
        return Finding(status="unparsable", rule=stated.rule, detail="the answer is too long")
    if _canonical(stated.text) == _canonical(reference):
        return Finding(status="correct", extracted=stated.text, rule=f"{stated.rule}/text")
    theirs = read_answer(reference)
    ours = read_answer(f"Final Answer: {stated.text}")
    if len(ours.numbers) == 1 and len(theirs.numbers) == 1 and _is_plain(reference):
        if ours.numbers[0].value == theirs.numbers[0].value:
            return Finding(
                status="correct", extracted=ours.numbers[0].text, rule=f"{stated.rule}/number"
            )
        if _is_plain(stated.text.rstrip(".")):
            return _wrong(ours.numbers[0].text, f"{stated.rule}/number", reference)
    if not _MATHS.search(_TEXT.sub(r"\1", reference)):
        words = normalised(_TEXT.sub(r"\1", reference)) == normalised(stated.text)
        if words:
            return Finding(status="correct", extracted=stated.text, rule=f"{stated.rule}/words")
        return _wrong(stated.text, f"{stated.rule}/words", reference)
    return reference, stated


def _is_plain(text: str) -> bool:
    """Tell whether a text is a number and nothing else, so that arithmetic decides."""
    return _PLAIN.match(plain_text(text).strip()) is not None


def _canonical(text: str) -> str:
    """Return LaTeX without what does not change its meaning."""
    text = _DELIMITERS.sub("", text.strip().strip("$").strip())
    text = _TEXT.sub(r"\1", _FRACTION.sub(r"\\frac", text))
    return _SPACING.sub("", text).rstrip(".").replace("\u2212", "-")


def _wrong(extracted: str, rule: str, reference: str) -> Finding:
    return Finding(
        status="incorrect", extracted=extracted[:200], rule=rule, detail=f"expected {reference}"
    )


def _finding(
    job: dict[str, str], stated: Stated, result: dict[str, object] | WorkerFailure
) -> Finding:
    rule = f"{stated.rule}/math-verify"
    extracted = stated.text[:200]
    if isinstance(result, WorkerFailure):
        return Finding(status="error", extracted=extracted, rule=rule, detail=str(result))
    match result.get("outcome"):
        case "equal":
            return Finding(status="correct", extracted=extracted, rule=rule)
        case "different":
            return _wrong(extracted, rule, job["reference"])
        case "no-answer":
            return Finding(status="unparsable", extracted=extracted, rule=rule)
        case _:
            detail = f"the reference answer {job['reference']!r} could not be read"
            return Finding(status="error", extracted=extracted, rule=rule, detail=detail)
