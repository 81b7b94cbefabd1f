"""Numbers written out in English words, for answers such as `Final Answer: twelve`."""

import re
from fractions import Fraction

from idiolect.verification.numbers import Number

__all__ = ["number_in_words"]

_SMALL = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13,
    "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_LARGE = {"thousand": 1000, "million": 10**6, "billion": 10**9}
_WORD = re.compile(r"[a-z]+")


def number_in_words(text: str) -> Number | None:
    """Return the first number written in words, or None where there is none.

    `twenty-one hundred` and `one hundred and five` are read; ordinals and fractions are not.
    """
    words = [(match.group(), match.span()) for match in _WORD.finditer(text.lower())]
    for index, (word, (start, _)) in enumerate(words):
        if word in _SMALL:
            value, count = _value([w for w, _ in words[index:]])
            end = words[index + count - 1][1][1]
            return Number(
                value=Fraction(value),
                text=text[start:end],
                start=start,
                end=end,
                decimals=0,
                percent=False,
                part=False,
            )
    return None


def _value(words: list[str]) -> tuple[int, int]:
    """Return the value of the number that the words begin with, and how many belong to it."""
    total = current = used = 0
    for position, word in enumerate(words):
        if word in _SMALL:
            current += _SMALL[word]
        elif word == "hundred" and current:
            current *= 100
        elif word in _LARGE and current:
            total, current = total + current * _LARGE[word], 0
        elif word != "and" or not (current or total):
            break
        else:
            continue
        used = position + 1
    return total + current, used
