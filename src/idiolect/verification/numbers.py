r"""Numbers as people and models write them, read as exact fractions.

Thousands separators (`1,234`, `1{,}234`, `1 234`), fractions (`3/4`, `\frac{3}{4}`, `2 1/2`, `¾`),
percent, currency, scale words (`9 million`), powers of ten, minus signs of every width. A number
that is only a part of an expression (`2\sqrt{3}`, `9x`, `x^2`) is marked, because reading 2 out of
it would be a wrong answer with a straight face.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["SCALES", "Number", "plain_text", "read_numbers"]

_MAX_DIGITS = 400
"""Longer digit strings are no answers; converting them would take quadratic time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number found in a text."""

    value: Fraction
    """The value as written; 60 for `60%`."""

    text: str
    start: int
    end: int
    decimals: int | None
    """Digits after the decimal point; None for a fraction."""

    percent: bool
    scale: str | None = None
    """The scale word that is already in the value, such as `million`."""

    part: bool
    """It is a part of an expression, an index or a compound word, and no answer by itself."""


_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5",
    "⅗": "3/5", "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8",
    "⅞": "7/8",
}  # fmt: skip
SCALES = {
    "hundred": 100,
    "thousand": 1000,
    "k": 1000,
    "million": 10**6,
    "m": 10**6,
    "mn": 10**6,
    "billion": 10**9,
    "bn": 10**9,
    "b": 10**9,
    "trillion": 10**12,
}
_REPLACEMENTS = (
    (re.compile(r"<<[^<>\n]{0,200}>>"), ""),
    (re.compile("[\u2212\u2012\u2013\ufe63\uff0d]"), "-"),
    (re.compile(r"\{,\}|,\\!"), ","),
    (re.compile(r"(?<=\d)(?:\\,|\u202f|\u2009|\u00a0)(?=\d{3}(?!\d))"), ","),
    (re.compile(r"\\[dtc]frac(?![a-z])"), r"\\frac"),
    (re.compile(r"\\(?:text(?:bf|rm)?|math(?:rm|bf)|mbox)\{([^{}]{0,80})\}"), r" \1 "),
    (re.compile(r"\\(?:left|right|displaystyle|quad|qquad)(?![a-z])|\\[!;:,]|\\ |~"), " "),
    (re.compile(r"\\\[|\\\]|\\\(|\\\)|\$\$"), " "),
    (re.compile(r"\\%|\uff05"), "%"),
    (re.compile(r"(?<=[A-Za-z0-9])\\?\$"), " "),
    (re.compile(r"\\?\$"), ""),
    (re.compile(r"\\(?:cdot|times)(?![a-z])|\u00b7|\u22c5"), "×"),
    (re.compile(r"\\(?:approx|simeq|sim|doteq)(?![a-z])|\u2248|\u2243"), "="),
    (re.compile(r"\*\*|__|`"), ""),
)  # fmt: skip
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3}){1,5}(?![\d/]|[.,]\d| \d)")

_DECIMAL = (
    r"(?:\d{1,3}(?:\.\d{3}){2,6},\d{1,9}(?!\d)"
    r"|\d{1,3}(?:\.\d{3}){2,6}(?![\d.])"
    r"|\d{1,3}(?:,\d{2,3}){0,6},\d{3}(?!\d)(?:\.\d+)?"
    r"|\d+(?:\.\d+)?|\.\d+)"
)
_NUMBER = re.compile(
    r"(?P<sign>(?<![\w)\]}])[-+][ ]?)?(?P<currency>(?:[$£€¥₹]|USD|EUR|GBP|Rs\.?)[ ]?)?"
    r"(?P<sign2>-(?=[\d.\\]))?"
    r"(?:"
    r"(?:(?P<whole>\d{1,9})[ ]{0,2})?"
    r"\\frac[ ]?(?:\{[ ]?(?P<ln>-?\d{1,40})[ ]?\}[ ]?\{[ ]?(?P<ld>\d{1,40})[ ]?\}"
    r"|(?P<sn>\d)[ ]?(?P<sd>\d)(?!\d))"
    r"|(?P<mixed>\d{1,9})[ -](?P<mn>\d{1,9})/(?P<md>\d{1,9})(?![\d/])"
    rf"|(?P<num>{_DECIMAL})"
    r"(?:[eE](?P<exp>[+-]?\d{1,3})(?![\w])"
    r"|[ ]?[×x*][ ]?10[ ]?(?:\^|\*\*)[ ]?\{?(?P<pow>-?\d{1,3})\}?"
    rf"|[ ]?/[ ]?(?P<den>{_DECIMAL})(?!/))?"
    r")"
    r"(?P<percent>[ ]?(?:%|percent(?![a-z]))|[ ]percentage)?"
    r"(?:[ -]?(?P<scale>hundred|thousand|million|billion|trillion)(?![a-z])"
    r"|(?P<short>k|K|M|mn|bn|B)(?![\w/]))?"
)
# What makes the number before it a part of something: a power, a root, a variable, a clock time,
# an ordinal, a compound word (`120-page`), a range.
_PART_AFTER = re.compile(
    r"[ ]?(?:\^|\\sqrt|√|\\pi|π|\\frac|!(?=[ ]?[-+×*/=]))|_|:\d|/[a-z](?![a-z])|\([a-z]\b"
    r"|(?:st|nd|rd|th)(?![a-z])"
    r"|-[A-Za-z\d]|(?P<letter>[A-Za-z])(?![A-Za-z])"
)
_PART_BEFORE = re.compile(r"(?:[A-Za-z]|\^|\^\{|_|_\{|√|√\(|\\sqrt\{|\\sqrt\[|\d:|\d[.,]|\d/)\Z")
_GLUED_UNITS = frozenset("gmlLshdCFVWJAK")
"""Single letters that are read as a unit when they are glued to a number (`5g`, `30m`)."""
_SIGN_CONTEXT = re.compile(r"[\w)\]}%]\s*\Z")


def plain_text(text: str) -> str:
    """Return the text with LaTeX spacing, currency signs and odd minus signs made plain."""
    for vulgar, fraction in _VULGAR.items():
        if vulgar in text:
            text = re.sub(rf"(?<=\d) ?{vulgar}", f" {fraction}", text).replace(vulgar, fraction)
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return _SPACED_THOUSANDS.sub(lambda match: match.group().replace(" ", ""), text)


def read_numbers(text: str) -> list[Number]:
    """Return the numbers in a text that `plain_text` has prepared, in order."""
    numbers: list[Number] = []
    for match in _NUMBER.finditer(text):
        value = _value(match)
        if value is None:
            continue
        decimals = _decimals(match)
        numbers.append(
            Number(
                value=value,
                text=match.group().strip(),
                start=match.start(),
                end=match.end(),
                decimals=decimals,
                percent=match["percent"] is not None,
                scale=(match["scale"] or match["short"] or "").lower() or None,
                part=_is_part(text, match),
            )
        )
    return numbers


def _decimal(text: str) -> Fraction | None:
    """Read one decimal with separators; None when it is too long to be an answer."""
    if len(text) > _MAX_DIGITS:
        return None
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,6}(?:,\d+)?", text):
        text = text.replace(".", "").replace(",", ".")
    return Fraction(text.replace(",", ""))


def _value(match: re.Match[str]) -> Fraction | None:
    """Return the signed value of a match of `_NUMBER`, or None when it has none."""
    if match["num"] is not None:
        value = _decimal(match["num"])
        if value is None:
            return None
        power = match["exp"] or match["pow"]
        if power is not None:
            value *= Fraction(10) ** int(power)
        if match["den"] is not None:
            divisor = _decimal(match["den"])
            if not divisor:
                return None
            value /= divisor
    else:
        whole, above, below = next(
            (match[w] if w else None, match[n], match[d])
            for w, n, d in (("whole", "ln", "ld"), ("whole", "sn", "sd"), ("mixed", "mn", "md"))
            if match[n] is not None
        )
        if int(below) == 0:
            return None
        value = Fraction(int(above), int(below)) + int(whole or 0)
    scale = (match["scale"] or match["short"] or "").lower()
    value *= SCALES[scale] if scale else 1
    return -value if _is_negative(match) else value


def _is_negative(match: re.Match[str]) -> bool:
    """Tell a minus sign from a subtraction: `48 - 24` holds no negative number."""
    sign = match["sign"] or ""
    if sign.endswith(" ") and _SIGN_CONTEXT.search(match.string[: match.start()][-4:]):
        sign = ""
    return sign.startswith("-") != bool(match["sign2"])


def _decimals(match: re.Match[str]) -> int | None:
    """Return the number of digits after the point, or None for a fraction or a scaled number."""
    if match["num"] is None or match["den"] is not None or match["exp"] or match["pow"]:
        return None
    if match["scale"] or match["short"]:
        return None
    whole, point, digits = match["num"].rpartition(".")
    return len(digits) if point and whole.count(".") == 0 else 0


def _is_part(text: str, match: re.Match[str]) -> bool:
    """Tell whether a number is a piece of an expression or of a compound word."""
    before = text[max(0, match.start() - 8) : match.start()]
    if _PART_BEFORE.search(before) and not match["currency"]:
        return True
    found = _PART_AFTER.match(text, match.end())
    if not found:
        return False
    return found["letter"] not in _GLUED_UNITS
