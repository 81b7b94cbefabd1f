import math

import pytest

from idiolect.pipeline.reading import read_foreignness


def spread(perplexity: float, n: int = 20, width: float = 0.02) -> dict[str, float]:
    """Return mean NLLs around a perplexity, a little apart from one another."""
    return {f"e{i}": math.log(perplexity) + width * (i % 5 - 2) for i in range(n)}


def test_a_response_with_many_times_the_perplexity_is_called_foreign():
    own, reference = spread(2.0), spread(8.0)
    words = read_foreignness({"reference": reference, "own": own})
    assert words[0] == "own is the most familiar to the target (perplexity 2.00)."
    assert words[1].startswith("reference is foreign: 4.00 times the perplexity of own (95 % ")
    assert words[1].endswith("n = 20).")


@pytest.mark.parametrize(
    ("perplexity", "word"),
    [(2.4, "less familiar, not foreign"), (2.001, "less familiar, not foreign")],
)
def test_a_little_more_perplexity_is_not_foreign(perplexity, word):
    (_, sentence) = read_foreignness({"own": spread(2.0), "other": spread(perplexity)})
    assert sentence.startswith(f"other is {word}: ")


def test_a_difference_within_the_noise_is_called_none():
    noisy = {e: v + (0.3 if i % 2 else -0.29) for i, (e, v) in enumerate(spread(2.0).items())}
    (_, sentence) = read_foreignness({"own": spread(2.0), "other": noisy})
    assert sentence.startswith("other is about as familiar: ")


def test_an_interval_across_the_limit_can_not_tell():
    wide = {e: v + (1.2 if i % 2 else -0.2) for i, (e, v) in enumerate(spread(2.0, 6).items())}
    (_, sentence) = read_foreignness({"own": spread(2.0, 6), "other": wide})
    assert sentence.startswith("other: cannot tell whether it is foreign, ")


def test_only_prompts_that_both_answer_are_compared():
    other = {"e0": 5.0, "z1": 0.1, "z2": 9.0}
    (_, sentence) = read_foreignness({"own": spread(2.0), "other": other})
    assert sentence == "other: cannot tell, 1 prompts in common with own."


def test_one_kind_of_response_is_foreign_to_nothing():
    (sentence,) = read_foreignness({"reference": spread(5.0)})
    assert "only kind of response" in sentence
    assert read_foreignness({}) == []
