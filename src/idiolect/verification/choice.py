"""Checks multiple-choice answers: labels, option texts, the last stated answer."""

import re
from collections.abc import Sequence

from idiolect.records import Example
from idiolect.verification.answers import final_answer_ends, stated_answer
from idiolect.verification.base import Finding
from idiolect.verification.exact import normalised

__all__ = ["Choice", "read_options"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# A label as models write it: (3), 3., 3), [3], **3**, option 3, "3", and the same with letters.
_DIGIT_LABEL = re.compile(r"(?<![\w.,$%-])[(\[]?(\d{1,2})(?![\w%]|[.,]\d)[)\].:]?")
_WRAPPED_LETTER = re.compile(r"[(\[]([A-Za-z])[)\]]|(?<![A-Za-z'’])([A-Z])(?=[).:])")
_LONE_LETTER = re.compile(r"(?<![\w'’])([A-Z])(?![\w'’])")
_OPTION_WORD = re.compile(
    r"(?:option|choice|label|letter|answer)[ \t]{1,3}[(\[\"']?([A-Za-z])(?!\w)", re.I
)
_BOTH = re.compile(r"\s*(?:,|;|/|&|\n|\bor\b|\band\b|\bboth\b|[()\[\]\"'*])*\s*\Z", re.IGNORECASE)
_MARKUP = re.compile(r"[*`$]|__|\\(?:boxed|text|mathbf|textbf|mathrm)(?![a-z])|[{}]|\\[()\[\]]")
_CONCLUDING = re.compile(r"\b(?:so|therefore|thus|hence|must be)\b", re.IGNORECASE)
_TAIL = 600
"""Characters at the end of a response without a statement that are searched for an option."""


class Choice:
    """Compares the option that a response states with the option of the example.

    The example's answer is a label (`3`, `C`, `(c)`; numbers count from 1 unless the answer
    is 0) or the text of an option. A response that names several options has not answered;
    one whose label and text name different options contradicts itself. Both are incorrect.
    """

    name = "choice"

    def check(self, pairs: Sequence[tuple[Example, str]]) -> list[Finding]:
        """Check each response. Same length, same order."""
        return [self._check(example, response) for example, response in pairs]

    def _check(self, example: Example, response: str) -> Finding:
        if not example.choices:
            return Finding(status="unchecked", detail="the example has no choices")
        expected = _expected(example, example.choices)
        if expected is None:
            answer = example.answer if example.answer is not None else "nothing"
            return Finding(
                status="unchecked",
                detail=f"the reference answer {answer!r} names none of the {len(example.choices)} "
                "options",
            )
        base = 0 if (example.answer or "").strip("() ") == "0" else 1
        found, text, rule = _read(response, example.choices, base)
        if not found:
            return Finding(status="unparsable", extracted=text[:200] or None, rule=rule)
        names = ", ".join(f"({index + base}) {example.choices[index]}" for index in found)
        if found == (expected,):
            return Finding(status="correct", extracted=names, rule=rule)
        wanted = f"expected ({expected + base}) {example.choices[expected]}"
        if len(found) > 1 and rule.endswith("contradiction"):
            wanted = f"label and text name different options; {wanted}"
        elif len(found) > 1:
            wanted = f"names {len(found)} options; {wanted}"
        return Finding(status="incorrect", extracted=names, rule=rule, detail=wanted)


def _expected(example: Example, choices: Sequence[str]) -> int | None:
    """Return the index of the right option, or None where the example does not name one."""
    answer = example.answer
    if answer is None or not answer.strip():
        if example.reference is None:
            return None
        found, _, _ = _read(example.reference, choices, 1)
        return found[0] if len(found) == 1 else None
    same_text = [i for i, choice in enumerate(choices) if normalised(choice) == normalised(answer)]
    bare = answer.strip().strip("()[].: ")
    if len(same_text) == 1 and not (bare.isdecimal() and int(bare) <= len(choices)):
        return same_text[0]
    if bare.isascii() and bare.isdecimal():
        index = 0 if int(bare) == 0 else int(bare) - 1
        return index if index < len(choices) else None
    if len(bare) == 1 and bare.upper() in _LETTERS:
        index = _LETTERS.index(bare.upper())
        return index if index < len(choices) else None
    found, _, _ = _read(answer, choices, 1)
    return found[0] if len(found) == 1 else None


def read_options(response: str, choices: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of the options that a response gives as its answer."""
    return _read(response, choices, 1)[0]


def _read(response: str, choices: Sequence[str], base: int) -> tuple[tuple[int, ...], str, str]:
    """Return the options that a response states, the text they were read from, and the rule."""
    stated = stated_answer(response)
    if stated is not None:
        text, rule = _MARKUP.sub(" ", stated.text[:2000]).strip(), stated.rule
        if stated.rule == "final-answer":
            text = _paragraph(response, stated.start)
    else:
        short = len(response) <= 120
        text, rule = (
            _MARKUP.sub(" ", response[-_TAIL:]).strip(),
            "whole" if short else "last-option",
        )
    if stated is None:
        if rule == "last-option":
            text = _last_sentence_with_option(text, choices, base)
        text = _conclusion(text, choices, base)
    found, how = _options(text, choices, base)
    return found, text, f"{rule}/{how}" if how else rule


def _paragraph(response: str, start: int) -> str:
    """Return the paragraph that begins at `start`, at most up to the next statement."""
    end = response.find("\n\n", start)
    end = min(len(response) if end < 0 else end, start + 2000)
    following = [e for e in final_answer_ends(response[start:end])]
    if following:
        end = start + following[0]
    text = _MARKUP.sub(" ", response[start:end])
    # "Answer: 3" repeats the statement on its own line in some data; explanations follow others.
    return re.split(r"\n(?=[ \t]*(?:Answer|Explanation|Reason|Note)\b)", text)[0].strip()


def _last_sentence_with_option(text: str, choices: Sequence[str], base: int) -> str:
    sentences = [part for part in re.split(r"(?<=[.!?])\s+|\n+", text) if part.strip()]
    for sentence in reversed(sentences):
        if _options(sentence, choices, base)[0]:
            return sentence
    return text


def _conclusion(text: str, choices: Sequence[str], base: int) -> str:
    """Return what follows "so" or "must be", where that names an option."""
    ends = [match.end() for match in _CONCLUDING.finditer(text)]
    after = text[ends[-1] :] if ends else ""
    return after if after and _options(after, choices, base)[0] else text


def _options(text: str, choices: Sequence[str], base: int) -> tuple[tuple[int, ...], str]:
    """Return the options named in a text: by label, by option text, or by both."""
    labels, how = _labels(text, len(choices), base)
    texts = _texts(text, choices)
    if len(labels) == 1 and len(texts) == 1 and labels[0] != texts[0]:
        # "(2) seeds" where seeds is option 3. A second option later in the sentence is no
        # contradiction: only the text right behind the label counts.
        behind = _text_behind_label(text, choices)
        if behind is not None and behind != labels[0]:
            return (labels[0], behind), "contradiction"
    if labels:
        return labels, how
    return texts, "option-text" if texts else ""


def _labels(text: str, count: int, base: int) -> tuple[tuple[int, ...], str]:
    marks = [
        (match.start(), match.end(), int(match[1]) - base)
        for match in _DIGIT_LABEL.finditer(text)
        if 0 <= int(match[1]) - base < count
    ]
    how = "label"
    if not marks:
        patterns = (_WRAPPED_LETTER, _OPTION_WORD, _LONE_LETTER)
        for pattern in patterns if len(text) <= 300 else patterns[:2]:
            marks = [
                (match.start(), match.end(), _LETTERS.index(letter.upper()))
                for match in pattern.finditer(text)
                if (letter := next(g for g in match.groups() if g))
                and _LETTERS.index(letter.upper()) < count
                and not (pattern is _LONE_LETTER and letter in "AI" and _is_word(text, match))
            ]
            if marks:
                how = "letter"
                break
    return _first_and_its_list(text, marks), how


def _is_word(text: str, match: re.Match[str]) -> bool:
    """Tell the article `A` and the pronoun `I` from a label."""
    return bool(re.match(r"[ \t]+[a-z]", text[match.end() :]))


def _first_and_its_list(text: str, marks: list[tuple[int, int, int]]) -> tuple[int, ...]:
    """Return the first label, and those that are listed with it: `(3) or (5)`, `2, 3 and 4`."""
    listed: list[int] = []
    end = 0
    for mark in marks:
        between = text[end : mark[0]]
        if listed and not _BOTH.match(between) and not re.search(r"\b(?:or|and)\b\W*\Z", between):
            break
        if mark[2] not in listed:
            listed.append(mark[2])
        end = mark[1]
    return tuple(listed)


def _texts(text: str, choices: Sequence[str]) -> tuple[int, ...]:
    """Return the options whose text occurs as whole words; a longer option hides its parts."""
    plain = f" {normalised(text)} "
    named = [(i, f" {normalised(choice)} ") for i, choice in enumerate(choices)]
    found = [(i, option) for i, option in named if option.strip() and option in plain]
    return tuple(i for i, option in found if not any(option in o and option != o for _, o in found))


def _text_behind_label(text: str, choices: Sequence[str]) -> int | None:
    match = _DIGIT_LABEL.search(text)
    if match is None:
        return None
    behind = normalised(text[match.end() : match.end() + 200])
    named = [
        (len(option), i)
        for i, choice in enumerate(choices)
        if (option := normalised(choice)) and (behind == option or behind.startswith(option + " "))
    ]
    return max(named)[1] if named else None
