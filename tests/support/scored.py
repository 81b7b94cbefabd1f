"""What the tests of scoring share: groups of requests, and the plain scores in float64."""

import copy
import random
from collections.abc import Sequence

import numpy as np

from idiolect.scoring.base import Score, ScoreRequest
from idiolect.scoring.plain import PlainScorer


def make_requests(
    vocabulary: int, groups: Sequence[tuple[int, Sequence[int]]], *, seed: int = 0
) -> list[ScoreRequest]:
    """Return requests of random ids: one group a prompt length, one request a response length.

    Every second response has a terminator.
    """
    rng = random.Random(seed)

    def ids(count: int) -> tuple[int, ...]:
        return tuple(rng.randrange(vocabulary) for _ in range(count))

    requests: list[ScoreRequest] = []
    for prompt_length, lengths in groups:
        prompt = ids(prompt_length)
        for index, length in enumerate(lengths):
            requests.append(
                ScoreRequest(
                    prompt_ids=prompt,
                    response_ids=ids(length),
                    terminator_id=1 if index % 2 else None,
                )
            )
    return requests


def make_alike(
    vocabulary: int, prompt_length: int, lengths: Sequence[tuple[int, int]], *, seed: int = 0
) -> list[ScoreRequest]:
    """Return responses to one prompt, each with a beginning of the one before it.

    Args:
        vocabulary: Ids are below it.
        prompt_length: Of the prompt of all.
        lengths: Of each response: tokens that it takes from the one before, tokens of its own.
        seed: Decides the ids.
    """
    rng = random.Random(seed)

    def ids(count: int) -> tuple[int, ...]:
        return tuple(rng.randrange(vocabulary) for _ in range(count))

    prompt = ids(prompt_length)
    responses: list[tuple[int, ...]] = [()]
    for shared, own in lengths:
        responses.append(responses[-1][:shared] + ids(own))
    return [
        ScoreRequest(prompt_ids=prompt, response_ids=ids, terminator_id=1 if index % 2 else None)
        for index, ids in enumerate(responses[1:])
    ]


def plain_scores(module, requests: Sequence[ScoreRequest], max_length: int = 4096) -> list[Score]:
    """Return what the plain scorer says in float64."""
    return PlainScorer(copy.deepcopy(module).double(), max_length).score(requests)


def largest_difference(first: Sequence[Score], second: Sequence[Score]) -> float:
    """Return the largest difference of any token's NLL, terminators included."""
    worst = 0.0
    for a, b in zip(first, second, strict=True):
        worst = max(worst, float(np.abs(a.token_nlls - b.token_nlls).max()))
        assert (a.terminator_nll is None) == (b.terminator_nll is None)
        if a.terminator_nll is not None:
            worst = max(worst, abs(a.terminator_nll - b.terminator_nll))
    return worst
