"""The accent of a strategy: the phrases that the target finds most foreign.

A phrase is one to four words that stand side by side. A word's surprisal is the sum of the
nats of its tokens; a phrase's is the mean over its words and over its occurrences. Runs of
digits count as one `#`, so that one way of speaking is one phrase whatever the numbers are.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from idiolect.records import TokenScores

__all__ = ["Phrase", "accent", "phrase_counts", "word_surprisals"]

LONGEST = 4
_WORD = re.compile(r"\S+")
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Words that a strategy uses and the target would rather not."""

    text: str
    occurrences: int
    responses: int
    """Responses that hold it at least once."""

    nats_per_word: float
    """Mean surprisal under the target."""

    candidate_id: str
    """A response that holds it: the one where it surprises most."""


@dataclass(slots=True)
class _Tally:
    """What is known about one phrase while the responses are read."""

    occurrences: int = 0
    nats_per_word: float = 0.0
    responses: set[str] = field(default_factory=set[str])
    worst: tuple[float, str] = (-1.0, "")


def word_surprisals(scores: TokenScores) -> list[tuple[str, float]]:
    """Return the words of a response with their surprisal in nats.

    A token belongs to the word in which its first visible character stands; white space
    belongs to the word behind it, at the end to the last one.
    """
    text = "".join(scores.pieces)
    spans = [match.span() for match in _WORD.finditer(text)]
    nats = [0.0] * len(spans)
    if not spans:
        return []
    word, position = 0, 0
    for piece, nll in zip(scores.pieces, scores.nlls, strict=True):
        start = position + len(piece) - len(piece.lstrip())
        while word < len(spans) - 1 and start >= spans[word][1]:
            word += 1
        nats[word] += nll
        position += len(piece)
    return [(text[low:high], nats[i]) for i, (low, high) in enumerate(spans)]


def accent(
    scores: Iterable[TokenScores],
    *,
    least_responses: int = 3,
    least_nats: float = 1.0,
    most_phrases: int = 8,
) -> tuple[Phrase, ...]:
    """Return the most foreign phrases of some responses, the most foreign one first.

    A phrase has to occur in `least_responses` responses: what is said once is a topic, not
    an accent. It has to surprise by `least_nats` per word. Of phrases that hold one another
    only the more foreign one is listed.
    """
    tallies: defaultdict[tuple[str, ...], _Tally] = defaultdict(_Tally)
    for response in scores:
        _count(response, tallies)
    common = [
        (words, tally)
        for words, tally in tallies.items()
        if len(tally.responses) >= least_responses
        and tally.nats_per_word >= least_nats * tally.occurrences
    ]
    common.sort(key=lambda row: (-row[1].nats_per_word / row[1].occurrences, row[0]))
    listed: list[tuple[str, ...]] = []
    phrases: list[Phrase] = []
    for words, tally in common:
        if len(phrases) == most_phrases:
            break
        if any(_holds(words, other) or _holds(other, words) for other in listed):
            continue
        listed.append(words)
        phrases.append(
            Phrase(
                text=" ".join(words),
                occurrences=tally.occurrences,
                responses=len(tally.responses),
                nats_per_word=tally.nats_per_word / tally.occurrences,
                candidate_id=tally.worst[1],
            )
        )
    return tuple(phrases)


def phrase_counts(texts: Iterable[str], phrases: Iterable[str]) -> dict[str, int]:
    """Return how often each phrase occurs in some texts, word by word."""
    counts = {tuple(phrase.split()): 0 for phrase in phrases}
    for text in texts:
        words = _plain(_WORD.findall(text))
        for length in range(1, LONGEST + 1):
            for start in range(len(words) - length + 1):
                key = tuple(words[start : start + length])
                if key in counts:
                    counts[key] += 1
    return {" ".join(words): count for words, count in counts.items()}


def _count(scores: TokenScores, tallies: defaultdict[tuple[str, ...], _Tally]) -> None:
    pairs = word_surprisals(scores)
    words, nats = _plain(word for word, _ in pairs), [value for _, value in pairs]
    for length in range(1, LONGEST + 1):
        for start in range(len(words) - length + 1):
            key = tuple(words[start : start + length])
            if not any(_LETTER.search(word) for word in key):
                continue
            mean = sum(nats[start : start + length]) / length
            tally = tallies[key]
            tally.occurrences += 1
            tally.nats_per_word += mean
            tally.responses.add(scores.candidate_id)
            tally.worst = max(tally.worst, (mean, scores.candidate_id))


def _plain(words: Iterable[str]) -> list[str]:
    return [_DIGITS.sub("#", word) for word in words]


def _holds(words: Sequence[str], part: Sequence[str]) -> bool:
    size = len(part)
    return any(tuple(words[i : i + size]) == tuple(part) for i in range(len(words) - size + 1))
