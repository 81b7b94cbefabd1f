"""Local surprisal: mean over a response's steps of each step's mean NLL, in nats per token.

A step is a sentence or a line. It is scored behind the prompt and the four steps right before
it, so that a long response can't become probable by getting used to itself; all steps weigh
the same, whatever their length.
Source: local average log-probability, arXiv 2510.03988 eq. 2 (with the sign turned round, k = 4;
the formula is known to us through two independent descriptions of it). Where a step ends is
our convention: after `.`, `!` or `?` before white space, numbers of a list excepted, and after
line breaks.
"""

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise

from idiolect.familiarity.base import Measure, Measured

__all__ = ["LOCAL", "WINDOW", "step_spans"]

WINDOW = 4
"""Steps that a step is scored behind, beside the prompt."""

_END = re.compile(r"[.!?][\"')\]*_]*(?=\s)(?!\s*\n)|\s*\n\s*")
_LIST_NUMBER = re.compile(r"\s*(\d{1,3}|[A-Za-z])\.")


def step_spans(pieces: Sequence[str]) -> list[tuple[int, int]]:
    """Return start and stop of the tokens of each step; every token is in one.

    A token that lies across the end of a step belongs to the step that it begins in.

    Args:
        pieces: The text of each token of a response.
    """
    text = "".join(pieces)
    starts = [0, *accumulate(len(piece) for piece in pieces)]
    cuts: list[int] = []
    token, begin = 0, 0
    for match in _END.finditer(text):
        if not text[begin : match.end()].strip():
            continue
        if _LIST_NUMBER.fullmatch(text[begin : match.end()]):
            continue
        begin = match.end()
        while token < len(pieces) and starts[token] < begin:
            token += 1
        if token < len(pieces) and (not cuts or token > cuts[-1]):
            cuts.append(token)
    edges = [0, *cuts, len(pieces)]
    return [(start, stop) for start, stop in pairwise(edges) if stop > start]


def _value(measured: Measured) -> float:
    local = measured.local
    if local is None or local.step_nll_sum is None or not local.steps:
        raise ValueError(
            f"local of {measured.prompt.candidate_id}: its steps were not scored; ask for the "
            "measure `local` when the run is made"
        )
    return local.step_nll_sum / local.steps


LOCAL = Measure(
    name="local",
    unit="nats/token",
    familiar="lower",
    needs=frozenset({"prompt", "local"}),
    value=_value,
)
