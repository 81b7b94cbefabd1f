"""Edit distance between two responses, by words: 0 is the same text, 1 shares nothing.

Insertions, deletions and substitutions of words, divided by the longer length. It says how
far a correction went from the answer that it corrects.
Source: arXiv 2402.11192 asks for minimal changes without measuring them; the normalisation
by the longer text keeps the value in [0, 1].
"""

from rapidfuzz.distance import Levenshtein

__all__ = ["edit_distance"]


def edit_distance(first: str, second: str) -> float:
    """Return the share of words that differ, in [0, 1].

    >>> edit_distance("the sum is 41", "the sum is 42")
    0.25
    """
    return float(Levenshtein.normalized_distance(first.split(), second.split()))
