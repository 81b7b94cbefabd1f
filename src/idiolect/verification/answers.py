r"""Where a response states its final answer: the place and the rule that found it.

The rules are tried in this order, and inside each the last occurrence counts, because a model
that corrects itself does so at the end:

1. `final-answer`: a line such as `Final Answer: 72`, also as a heading, in bold or in LaTeX.
2. `hash`: the `#### 72` of GSM8K.
3. `boxed`: the content of the last `\boxed{...}`, braces balanced.
4. `answer-is`: `Answer: 72`, `the answer is 72`.

A response without any of them has no stated answer. What to do then (the last number, the last
option) depends on the kind of answer, so the verifiers decide it. All patterns are bounded:
they take linear time on any text.
"""

import re
from dataclasses import dataclass

__all__ = ["Stated", "boxed_spans", "final_answer_ends", "first_statement", "stated_answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The part of a response that states its answer."""

    text: str
    """What stands after the marker; for `boxed`, what stands inside. Empty when nothing does."""

    rule: str
    start: int
    """Offset of `text` in the response."""


_FINAL = re.compile(r"final(?:[ \t_\u00a0]|\\ ){1,3}answer", re.IGNORECASE)
_ANSWER = re.compile(
    r"(?<![a-z_])(?:answer(?:\*\*|__)?[ \t]{0,4}[:=]"
    r"|(?:answer(?:\*\*|__)? is|(?:correct|right|best) (?:answer|option|choice)(?:\*\*|__)?"
    r" (?:is|would be|must be|should be))(?![a-z])(?! not)(?: (?:option|choice))?[ \t]{0,4}:?)",
    re.IGNORECASE,
)
_HASH = re.compile(r"#{4}(?!#)")
_BOXED = re.compile(r"\\(?:boxed|fbox)[ \t]{0,8}")
# What may stand between the words "final answer" and the answer itself.
_AFTER_MARKER = re.compile(
    r"(?P<note>[ \t]{0,2}\([^()\n]{0,60}\))?"
    r"(?P<closing>[*_}\"'`]{0,6})"
    r"(?P<sign>[ \t]{0,4}(?::|=|\u2192|-+>)|[ \t]{1,4}(?:is|are)(?![a-z])[ \t]{0,4}:?"
    r"|(?=[ \t]*(?:\n|\Z)))",
    re.IGNORECASE,
)
_LINE_START = re.compile(r"[ \t>#*_\-\\\"'`(]{0,12}\Z")
_BARE_VALUE = re.compile(r"[ \t]{1,4}[*_$\\(\[\"']{0,4}[-+\u2212]?[\d$]")
_CONTINUES = re.compile(r"[ \t]*(?:=|\u2248|\\approx|&=|\\\\)")
_NOTHING = re.compile(r"[\s*_`\"'$\\\[\](){}.:>#-]*\Z")


def boxed_spans(text: str) -> list[tuple[int, int]]:
    r"""Return start and end of the content of every `\boxed{...}`, in order.

    Braces are balanced and escaped braces (`\{`) do not count, so `\boxed{\{1,2\}}` is read
    whole and a set that is written after the box is not. A box that never closes has no span.
    `\boxed 5` holds the next word.
    """
    spans: list[tuple[int, int]] = []
    closing = _closing_braces(text) if "\\boxed" in text or "\\fbox" in text else {}
    for match in _BOXED.finditer(text):
        start = match.end()
        if start < len(text) and text[start] == "{":
            end = closing.get(start)
            if end is not None:
                spans.append((start + 1, end))
        elif match.group().endswith((" ", "\t")):
            word = re.compile(r"[^\s$\\.,;]{1,40}").match(text, start)
            if word:
                spans.append(word.span())
    return spans


def _closing_braces(text: str) -> dict[int, int]:
    """Map each opening brace to its closing one; escaped braces are text."""
    closing: dict[int, int] = {}
    stack: list[int] = []
    escaped = False
    for position, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "{":
            stack.append(position)
        elif char == "}" and stack:
            closing[stack.pop()] = position
    return closing


def final_answer_ends(text: str) -> list[int]:
    """Return, for every line that states a final answer, the offset after its marker.

    A mention in passing ("the final answer should follow from this") is not a marker.
    """
    ends: list[int] = []
    for match in _FINAL.finditer(text):
        after = _AFTER_MARKER.match(text, match.end())
        before = text[max(0, match.start() - 12) : match.start()]
        opens_line = bool(_LINE_START.search(before.rpartition("\n")[2]))
        if after and (after["sign"] or opens_line):
            ends.append(after.end())
        elif opens_line and _BARE_VALUE.match(text, match.end()):
            ends.append(match.end())
    return ends


def first_statement(text: str, start: int) -> tuple[int, int]:
    """Return the span of the first statement at or after `start`.

    That is the first line with content, and the lines after it that continue an equation. A
    line of display-maths delimiters alone is passed over.
    """
    position = start
    while position < len(text):
        newline = text.find("\n", position)
        end = len(text) if newline < 0 else newline
        if not _NOTHING.match(text[position:end]):
            return position, _with_continuations(text, end)
        position = end + 1
    return len(text), len(text)


def _with_continuations(text: str, end: int) -> int:
    """Extend the end of a line over the lines that begin with an equality sign."""
    while end < len(text):
        newline = text.find("\n", end + 1)
        next_end = len(text) if newline < 0 else newline
        if not _CONTINUES.match(text, end + 1, next_end):
            break
        end = next_end
    return end


def stated_answer(text: str) -> Stated | None:
    r"""Find the answer that a response states, or None where it states none.

    A box inside the statement wins over the words around it: `Final Answer: $\boxed{5}$ kg`
    states 5.
    """
    ends = final_answer_ends(text)
    rule = "final-answer"
    if not ends:
        rule, ends = "hash", [m.end() for m in _HASH.finditer(text)]
    boxes = boxed_spans(text)
    if ends:
        start, end = first_statement(text, ends[-1])
        inside = [box for box in boxes if start <= box[0] and box[1] <= end + 1]
        if not inside and start == end and boxes and boxes[-1][1] > ends[-1]:
            inside = boxes[-1:]
        if inside:
            start, end = inside[-1]
            rule = f"{rule}/boxed"
        return Stated(text=text[start:end].strip(), rule=rule, start=start)
    if boxes:
        start, end = boxes[-1]
        return Stated(text=text[start:end].strip(), rule="boxed", start=start)
    statements = [match.end() for match in _ANSWER.finditer(text)]
    if not statements:
        return None
    start, end = first_statement(text, statements[-1])
    return Stated(text=text[start:end].strip(), rule="answer-is", start=start)
