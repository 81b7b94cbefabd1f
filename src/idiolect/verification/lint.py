"""Finds what should not be trained on, in the text of one response.

Talk about the correction or the reference leaks from the teacher's prompt; refusals and
apologies are habits; a truncated text teaches to stop in the middle. All patterns are for
English, bounded, and tuned for few false alarms: every finding quotes the words that it is
about.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from idiolect.records import FinishReason
from idiolect.verification.answers import final_answer_ends, stated_answer
from idiolect.verification.choice import read_options
from idiolect.verification.numbers import SCALES, plain_text, read_numbers
from idiolect.verification.numeric import read_answer

__all__ = ["Defect", "DefectKind", "lint"]

DefectKind = Literal[
    "empty",
    "meta-talk",
    "refusal",
    "apology",
    "truncated",
    "no-final-answer",
    "repeated-final-answer",
    "contradiction",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing that is wrong with a response."""

    kind: DefectKind
    quote: str
    """The words that it was seen in, with a little around them."""


_ANSWER = r"(?:answers?|solutions?|responses?|predictions?|attempts?|explanations?)"
_META = re.compile(
    rf"\b(?:previous|prior|initial|original|earlier|incorrect|wrong|student's|user's) {_ANSWER}\b"
    rf"|\b(?:corrected|revised|modified|amended|fixed) (?:version|{_ANSWER}|code|text)\b"
    rf"|\b(?:reference|gold|given|provided|ground[- ]?truth) {_ANSWER}\b"
    r"|\b(?:ground[- ]?truth|gold label|answer key)\b"
    rf"|\bas (?:given|stated|shown|provided|indicated|mentioned) (?:in|by) the {_ANSWER}\b"
    rf"|\baccording to the (?:correct|given|provided|reference) {_ANSWER}\b"
    r"|\bminim(?:al|um)(?:ly)? (?:change|modif|edit|correction)"
    r"|\b(?:needs?|required?|made) (?:no|any|the following) (?:changes?|corrections?|modif)"
    r"|\bI(?:'ve| have)? (?:corrected|modified|revised|adjusted the (?:answer|solution))\b"
    r"|\b(?:error|mistake|typo)s? in (?:the|your|my) (?:previous|original|initial|provided)\b"
    rf"|\b(?:error|mistake|typo)s? in (?:the|your) {_ANSWER}\b",
    re.IGNORECASE,
)
_META_HINTS = (
    "answer", "solution", "response", "prediction", "attempt", "explanation", "truth", "gold",
    "minim", "change", "correct", "modif", "revis", "error in", "errors in", "mistake", "typo",
)  # fmt: skip
_REFUSAL = re.compile(
    r"\bI(?:'m| am) (?:sorry|afraid),? (?:but )?(?:I|that I|we)\b"
    r"|\bI(?: can(?:not|'t)|'m unable to| am unable to|'m not able to| am not able to) "
    r"(?:provide|answer|assist|help|complete|fulfil|give|offer|engage|discuss)\w*\b"
    r"|\bas an? (?:AI|artificial intelligence|(?:large )?language model)\b"
    r"|\bI'm just an AI\b",
    re.IGNORECASE,
)
_APOLOGY = re.compile(
    r"\bI apologi[sz]e\b|\bmy apologies\b|\bI'm sorry\b|\bI am sorry\b|\bsorry (?:for|about) the\b",
    re.IGNORECASE,
)
_OPEN_END = re.compile(
    r"(?:[,;:(\[{+*/=<&|]|\\|(?<![-\w])-"
    r"|\b(?:the|a|an|of|and|or|to|is|are|in|on|for|with|by|that|which|so|then|because|if|we|per))\Z",
    re.IGNORECASE,
)
_NUMBER_TAIL = 400
"""Characters before the final answer in which its value should stand."""

_CONCLUSION = re.compile(
    r"\b(?:so|therefore|thus|hence|total|altogether|in all|answer|finally|means)\b", re.IGNORECASE
)
_RESULT = re.compile(
    r"(?:=|(?<![a-z])(?:is|are|was|equals|leaves|gives?|totals?|makes|of)(?![a-z]))"
    r"[ ]{0,2}(?=[-\d$])(?:-?[ ]?[\d,.]+)"
)
_OPERATOR = re.compile(r"[ ]?(?:[-+*×/^]|\\)")


def lint(
    response: str,
    *,
    expects_final_answer: bool = False,
    finish_reason: FinishReason = "given",
    code: bool = False,
    choices: Sequence[str] | None = None,
) -> list[Defect]:
    """Return the defects of a response, at most one of each kind.

    Args:
        response: the text.
        expects_final_answer: the data ask for a line "Final Answer: ...".
        finish_reason: `length` says that generation was cut off.
        code: the response is a program; its ending and numbers are not looked at.
        choices: the options of a multiple-choice question.
    """
    if not response.strip():
        return [Defect(kind="empty", quote="")]
    defects: list[Defect] = []
    defects += [] if code else _talk(response)
    ends = final_answer_ends(response)
    cut = finish_reason == "length" or (not code and _is_cut(response, ends))
    if cut:
        defects.append(Defect(kind="truncated", quote=response.rstrip()[-60:]))
    if expects_final_answer and not ends:
        defects.append(Defect(kind="no-final-answer", quote=response.rstrip()[-60:]))
    lines = [end for end in ends if _is_line(response, end)]
    if len(lines) > 1 and not code:
        quote = _around(response, lines[-2] - 14, lines[-2])
        defects.append(Defect(kind="repeated-final-answer", quote=quote))
    if ends and not code:
        compare = _contradicting_number if choices is None else _contradicting_option
        contradiction = compare(response, ends, choices or ())
        if contradiction is not None:
            defects.append(Defect(kind="contradiction", quote=contradiction))
    return defects


def _talk(response: str) -> list[Defect]:
    """Look for talk that does not belong to an answer."""
    lower = response.lower()
    defects: list[Defect] = []
    for kind, pattern, hints in _PATTERNS:
        # Most texts hold none of the words, and looking for words is much faster.
        match = pattern.search(response) if any(hint in lower for hint in hints) else None
        if match:
            defects.append(Defect(kind=kind, quote=_around(response, *match.span())))
    return defects


def _is_line(response: str, end: int) -> bool:
    """Tell a line "Final Answer: ..." from "so the final answer is"."""
    start = _marker_start(response, end)
    opens_line = not response[:start].rpartition("\n")[2].strip(" *#_>-\t")
    return opens_line or response[start:end].startswith("Final Answer")


_PATTERNS: tuple[tuple[DefectKind, re.Pattern[str], tuple[str, ...]], ...] = (
    ("meta-talk", _META, _META_HINTS),
    (
        "refusal",
        _REFUSAL,
        ("sorry", "afraid", "can't", "cannot", "unable", "not able", " ai", "lang"),
    ),
    ("apology", _APOLOGY, ("apolog", "sorry")),
)


def _around(text: str, start: int, end: int) -> str:
    return " ".join(text[max(0, start - 30) : end + 30].split())


def _is_cut(response: str, ends: list[int]) -> bool:
    """Tell a text that stops in the middle: an open fence, box or sentence."""
    text = response.rstrip()
    if ends and not text[ends[-1] :].strip(" *_`:\n"):
        return True
    if text.count("```") % 2 or text.count("$$") % 2:
        return True
    if text.count("\\[") > text.count("\\]") or text.count("\\begin{") > text.count("\\end{"):
        return True
    return bool(_OPEN_END.search(text[-12:]))


def _contradicting_number(response: str, ends: Sequence[int], choices: Sequence[str]) -> str | None:
    """Return the conclusion of the reasoning and the answer, where they differ.

    The conclusion is the last sentence, if it concludes ("so", "in total") with a result ("is
    42", "= 42"). There is a contradiction where the answer is a plain number and stands
    nowhere near it, also not in percent, rounded or without a scale word.
    """
    stated = stated_answer(response)
    if stated is None or re.search(r"[=+*×]|\d\s*[-/]\s*\d", stated.text):
        return None  # the answer itself still computes something
    found = read_answer(response).numbers
    reasoning = response[: _marker_start(response, ends[0])].rstrip()
    tail = plain_text(reasoning[-_NUMBER_TAIL:])
    if len(found) != 1 or "round" in tail or "approx" in tail:
        return None
    conclusion = re.split(r"\n|(?<=[.!?]) ", tail)[-1]
    results = [m.end() for m in _RESULT.finditer(conclusion)]
    if not results or _OPERATOR.match(conclusion, results[-1]):
        return None
    unevaluated = re.search(r"[-+*×/] ?\d", conclusion.rpartition("=")[2])
    if not _CONCLUSION.search(conclusion) or unevaluated:
        return None
    numbers = read_numbers(conclusion)
    near = {abs(n.value) for n in numbers}
    near |= {abs(n.value) / SCALES[n.scale] for n in numbers if n.scale}
    answer = abs(found[0].value)
    if not near or any(v in (answer, answer * 100, answer / 100) for v in near):
        return None
    if any(abs(v - answer) * 200 <= answer for v in near):
        return None
    return f"{' '.join(tail[-80:].split())} -> {stated.text[:60]}"


def _contradicting_option(response: str, ends: Sequence[int], choices: Sequence[str]) -> str | None:
    """Return the option that the reasoning names as the answer, where the answer is another."""
    reasoning = response[: _marker_start(response, ends[0])].rstrip()
    stated = stated_answer(reasoning)
    if stated is None or stated.rule != "answer-is":
        return None
    label = re.match(r"[(\[\"*]{0,3}\d{1,2}[)\].:\"*]{1,3}", stated.text)
    earlier = read_options(label.group(), choices) if label else ()
    final = read_options(response, choices)
    if len(earlier) != 1 or len(final) != 1 or earlier == final:
        return None
    return f"{stated.text[:60]} -> {choices[final[0]]}"


def _marker_start(response: str, end: int) -> int:
    """Return where the words of the marker that ends at `end` begin."""
    start = response.lower().rfind("final", 0, end)
    return start if start >= 0 else end
