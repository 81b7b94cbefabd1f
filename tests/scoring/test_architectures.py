"""Every architecture is scored as the plain path scores it, and by the path that is expected."""

import pytest
from architectures import ARCHITECTURES, VOCABULARY, Architecture, build
from scored import largest_difference, make_alike, make_requests, plain_scores

from idiolect.scoring.local import choose_scorer

# Around and beyond the window, and responses of one token.
GROUPS = [(37, (11, 1, 40, 23)), (5, (33, 2)), (1, (3,)), (61, (1,))]
# Prompt, and of each response: tokens from the one before it, tokens of its own.
ALIKE = [(7, [(0, 40), (12, 30), (38, 9)]), (25, [(0, 14), (10, 30)])]


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
@pytest.mark.filterwarnings("ignore")  # what other people's models warn about
def test_every_architecture_scores_as_the_plain_path_in_float64(architecture: Architecture):
    module = build(architecture)
    requests = make_requests(VOCABULARY, GROUPS)
    for prompt, alike in ALIKE:
        requests += make_alike(VOCABULARY, prompt, alike, seed=prompt)
    wanted = plain_scores(module, requests)

    choice = choose_scorer(module, name=architecture.name, max_length=256)

    assert choice.scorer.path.startswith(architecture.path), choice.reason
    found = choice.scorer.score(requests)
    assert largest_difference(wanted, found) < 1e-4
    for a, b in zip(wanted, found, strict=True):
        assert (a.token_ranks != b.token_ranks).mean() < 0.05
