"""Checks answers that are one number, or a list of numbers, by exact arithmetic."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from idiolect.records import Example
from idiolect.verification.answers import Stated, stated_answer
from idiolect.verification.base import Finding
from idiolect.verification.numbers import SCALES, Number, plain_text, read_numbers
from idiolect.verification.words import number_in_words

__all__ = ["Numeric", "Reading", "read_answer", "same_number"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The numbers that an answer consists of. No numbers: it could not be read."""

    numbers: tuple[Number, ...]
    text: str
    rule: str
    problem: str | None = None
    """Why no number was taken, where there is more to say than that there is none."""


_PARENTHESIS = re.compile(r"\([^()\n]{0,400}\)")
_LETTER = re.compile(r"[A-Za-z]")
_ASSIGNED = re.compile(r"(?<![\w\\])[A-Za-z](?:_\{?\w\}?)?[ ]?=(?!=)")
_COUNT = re.compile(r"there (?:is|are|were) (?:only |exactly |just )?\d[\d,]*(?![\d./^])", re.I)
_CUT_OFF = re.compile(r"[-+*/=×(,][\s$]*\Z")
_LABELLED = re.compile(r"[A-Za-z]{2}:[ ]{0,2}[-$£€]?\d")
_BETWEEN = re.compile(
    r"[ ]*(?:,|;|/|&|\bor\b|\band\b|,[ ]*(?:or|and)\b)[ ]*(?:\\?[A-Za-z][ ]?=[ ]?)?\Z"
)
# An operator and what it operates on; `$10/hour` is a rate and no division.
_OPERATION = re.compile(r"[ ]*(?:[-+×*^(][ ]*[\d(\\$√.a-z]|/[ ]*(?:[\d(\\√.]|[a-z](?![a-z])))")
_WHOLE_TEXT_LIMIT = 4000
"""Characters at the end of a response that the last-number rule looks at."""


class Numeric:
    """Compares the number that a response states with the number of the example.

    Equal means: the same rational number; or the response is the reference rounded to two or
    more decimals (0.67 for 2/3), or the reference is the response rounded so; or they differ
    by the factor 100 and one of them is written in percent.
    """

    name = "numeric"

    def check(self, pairs: Sequence[tuple[Example, str]]) -> list[Finding]:
        """Check each response. Same length, same order."""
        return [self._check(example, response) for example, response in pairs]

    def _check(self, example: Example, response: str) -> Finding:
        expected = _expected(example)
        if expected is None:
            return Finding(status="unchecked", detail="the example has no answer and no reference")
        if not expected.numbers:
            return Finding(
                status="unchecked", detail=f"the reference answer {expected.text!r} is no number"
            )
        reading = read_answer(response)
        if not reading.numbers:
            return Finding(
                status="unparsable",
                extracted=reading.text or None,
                rule=reading.rule,
                detail=reading.problem,
            )
        correct = _same_numbers(reading.numbers, expected.numbers) or (
            _same_numbers(_unscaled(reading.numbers, example), _unscaled(expected.numbers, example))
        )
        several = len(reading.numbers) > len(expected.numbers)
        return Finding(
            status="correct" if correct else "incorrect",
            extracted=", ".join(number.text for number in reading.numbers),
            rule=reading.rule,
            detail=None if correct else _why(reading, expected, several),
        )


def _why(reading: Reading, expected: Reading, several: bool) -> str:
    wanted = ", ".join(number.text for number in expected.numbers)
    if several:
        return (
            f"{len(reading.numbers)} answers where {len(expected.numbers)} was expected: {wanted}"
        )
    return f"expected {wanted}"


def _expected(example: Example) -> Reading | None:
    if example.answer is not None and example.answer.strip():
        return _stated_numbers(
            stated_answer(example.answer) or Stated(text=example.answer, rule="label", start=0)
        )
    if example.reference is not None and example.reference.strip():
        return read_answer(example.reference)
    return None


def same_number(ours: Number, theirs: Number) -> bool:
    """Tell whether the number of a response equals the reference's, as `Numeric` describes."""
    a, b = ours.value, theirs.value
    if a == b or _is_rounding(ours, b):
        return True
    if theirs.decimals is not None and theirs.decimals >= 2 and _is_rounding(theirs, a):
        return ours.decimals is None or abs(a - b) * 1000 <= abs(a)
    if ours.percent != theirs.percent:
        scaled, plain = (a, b) if ours.percent else (b, a)
        return scaled == plain * 100
    return False


def _is_rounding(number: Number, exact: Fraction) -> bool:
    """Tell whether a decimal with two or more digits after the point is `exact` rounded.

    Zero is not accepted as the rounding of a small number.
    """
    if number.decimals is None or number.decimals < 2 or number.value == 0:
        return False
    return abs(number.value - exact) * 2 * 10**number.decimals <= 1


def _same_numbers(ours: Sequence[Number], theirs: Sequence[Number]) -> bool:
    """Compare two lists of numbers without regard to order."""
    if len(ours) != len(theirs):
        return False
    left = list(theirs)
    for number in ours:
        found = next((other for other in left if same_number(number, other)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def read_answer(response: str) -> Reading:
    """Read the number or numbers that a response gives as its answer.

    The stated answer counts (see `answers`); without one, the last number of the text that
    is no part of an expression.
    """
    stated = stated_answer(response)
    if stated is None:
        return _last_number(response)
    return _stated_numbers(stated)


def _stated_numbers(stated: Stated) -> Reading:
    text = plain_text(stated.text[:_WHOLE_TEXT_LIMIT]).strip()
    text = _without_remarks(text)
    count = _COUNT.match(text)
    if count:
        # "There are 2 pairs with x^2 - y^2 = 51" states 2, whatever follows.
        text = count.group()
    clauses = _assignments(text)
    if clauses is not None:
        return Reading(numbers=clauses, text=stated.text, rule=f"{stated.rule}/several")
    # From the right: "12 = 3 * 4" and "3 * 4 = 12" both state 12.
    for side in reversed(text.split("=")):
        numbers = _numbers_of(side)
        if numbers:
            suffix = "/several" if len(numbers) > 1 else ""
            return Reading(numbers=numbers, text=stated.text, rule=stated.rule + suffix)
    word = number_in_words(text)
    if word is not None:
        return Reading(numbers=(word,), text=stated.text, rule=f"{stated.rule}/word")
    problem = "the stated answer is empty" if not text else "the stated answer is no plain number"
    return Reading(numbers=(), text=stated.text[:200], rule=stated.rule, problem=problem)


def _unscaled(numbers: Sequence[Number], example: Example) -> list[Number]:
    """Take the scale as a unit where the question does: "how many million ...?" "$4 million"."""
    question = example.messages[-1].content.lower() if example.messages else ""
    return [
        replace(number, value=number.value / SCALES[number.scale], scale=None)
        if number.scale and len(number.scale) > 2 and number.scale in question
        else number
        for number in numbers
    ]


def _without_remarks(text: str) -> str:
    """Drop remarks in parentheses as long as a number stays: `3 bolts (2 blue + 1 white)`."""
    bare = _PARENTHESIS.sub(lambda m: " " if _is_remark(m) else m.group(), text)
    return bare if re.search(r"\d", bare) else text


def _is_remark(match: re.Match[str]) -> bool:
    """Tell a remark, `$840 ($600 + $240)`, from a factor, `3(4 + 5)`, and a sign, `(-3)`."""
    before = match.string[: match.start()][-3:]
    return bool(_LETTER.search(match.group()) or re.search(r"[\w%] \Z", before))


def _assignments(text: str) -> tuple[Number, ...] | None:
    """Read `x = 3, y = 4`, `r = 2 or r = -2`, `cats: 3, dogs: 4`: several named answers."""
    values: list[Number]
    if len(_LABELLED.findall(text)) > 1 and "=" not in text:
        values = [n for n in read_numbers(text) if not n.part]
        return tuple(values) if len({n.value for n in values}) > 1 else None
    if len(_ASSIGNED.findall(text)) < 2:
        return None
    values = []
    for clause in re.split(r"\n|;|\bor\b|\band\b|,(?=[ ]?[A-Za-z\\])", text):
        if "=" in clause:
            numbers = _numbers_of(clause.rpartition("=")[2])
            if len(numbers) != 1:
                return None
            values.append(numbers[0])
    distinct = {number.value: number for number in values}
    return tuple(distinct.values()) if len(distinct) > 1 else None


def _numbers_of(text: str) -> tuple[Number, ...]:
    """Read the answer in one side of an equation: a number, a list of numbers, or nothing.

    In a sentence the first number that stands by itself is the answer.
    """
    numbers = read_numbers(text)
    whole = [number for number in numbers if not number.part]
    if not whole:
        # "the 4th" and "a 120-page book" still hold a number when there is no other.
        return tuple(numbers) if len(numbers) == 1 and _is_compound(text, numbers[0]) else ()
    first = whole[0]
    if _is_expression(text, numbers, first):
        return ()
    listed = [first]
    for number in whole[1:]:
        if not _BETWEEN.match(text[listed[-1].end : number.start]):
            break
        listed.append(number)
    if len({number.value for number in listed}) == 1:
        listed = listed[:1]
    return tuple(listed)


def _is_compound(text: str, number: Number) -> bool:
    return bool(re.match(r"st|nd|rd|th|-[a-zA-Z]", text[number.end :]))


def _is_expression(text: str, numbers: Sequence[Number], first: Number) -> bool:
    """Tell whether the first number is followed by an operator, or stands behind a part."""
    if _OPERATION.match(text, first.end):
        return True
    before = text[: first.start].rstrip()
    return bool(before) and before[-1] in "+×*/^√" and any(n.part for n in numbers)


def _last_number(response: str) -> Reading:
    tail = plain_text(response[-_WHOLE_TEXT_LIMIT:])
    if len(response) > _WHOLE_TEXT_LIMIT:
        # The cut may have gone through a number.
        tail = tail[tail.find(" ") + 1 :]
    if _CUT_OFF.search(tail[-20:]):
        # The last number of a text that stops in a formula is no answer.
        return Reading(numbers=(), text="", rule="none", problem="the response is cut off")
    numbers = [number for number in read_numbers(tail) if not number.part]
    if numbers:
        return Reading(numbers=(numbers[-1],), text=numbers[-1].text, rule="last-number")
    word = number_in_words(tail) if len(tail) <= 80 else None
    if word is not None:
        return Reading(numbers=(word,), text=word.text, rule="word")
    return Reading(numbers=(), text="", rule="none", problem="the response holds no number")
