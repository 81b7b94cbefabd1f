"""Checks short answers by comparing normalised text."""

import re
import unicodedata
from collections.abc import Sequence

from idiolect.records import Example
from idiolect.verification.answers import stated_answer
from idiolect.verification.base import Finding

__all__ = ["Exact", "normalised"]

_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u2212": "-", "\u2013": "-"})
_WRAPPING = re.compile(r"\\(?:text|mathrm|textbf|mathbf|boxed)\{([^{}]{0,400})\}")
_CLOSED = frozenset(
    [
        "yes",
        "no",
        "true",
        "false",
        "entailment",
        "neutral",
        "contradiction",
        "unknown",
        "maybe",
        "positive",
        "negative",
    ]
)
_SHORT = 300
"""A response without a statement is an answer by itself up to this many characters."""


def normalised(text: str) -> str:
    """Return the text for comparison: NFKC, case folded, words only, single spaces.

    A minus sign in front of a digit and a decimal point inside a number stay: `-5` is not `5`.
    """
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold()
    text = _WRAPPING.sub(r"\1", text)
    text = re.sub(r"(?<!\w)-(?=\d)", "\x00", text)
    text = re.sub(r"(?<=\d)\.(?=\d)", "\x01", text)
    words = re.sub(r"[^\w%+#\x00\x01]+|_+", " ", text.replace("'", ""))
    return " ".join(words.replace("\x00", "-").replace("\x01", ".").split())


class Exact:
    """Compares the stated answer with the example's, both normalised.

    Where the reference is one of a closed set of words (yes, no, true, entailment ...), the
    first word of the statement counts: `Yes, because ...` answers yes.
    """

    name = "exact"

    def check(self, pairs: Sequence[tuple[Example, str]]) -> list[Finding]:
        """Check each response. Same length, same order."""
        return [self._check(example, response) for example, response in pairs]

    def _check(self, example: Example, response: str) -> Finding:
        expected = _expected(example)
        if not expected:
            return Finding(status="unchecked", detail="the example has no answer and no reference")
        text, rule = _read(response)
        found = normalised(text)
        if not found:
            return Finding(status="unparsable", rule=rule, detail="no answer is stated")
        if found != expected and expected in _CLOSED:
            first = found.split()[0]
            if first in _CLOSED:
                found, rule = first, f"{rule}/first-word"
        correct = found == expected
        return Finding(
            status="correct" if correct else "incorrect",
            extracted=text[:200],
            rule=rule,
            detail=None if correct else f"expected {expected[:200]!r}",
        )


def _expected(example: Example) -> str:
    if example.answer is not None and example.answer.strip():
        return normalised(example.answer)
    if example.reference is None:
        return ""
    return normalised(_read(example.reference)[0])


def _read(response: str) -> tuple[str, str]:
    """Return the answer's text and the rule: the statement, a short whole, or the last line."""
    stated = stated_answer(response)
    if stated is not None:
        return stated.text, stated.rule
    whole = response.strip()
    if len(whole) <= _SHORT and "\n" not in whole:
        return whole, "whole"
    lines = [line for line in whole.splitlines() if line.strip()]
    return (lines[-1].strip(), "last-line") if lines else ("", "none")
