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


def test_a_kind_that_answers_the_easy_prompts_alone_is_not_the_most_familiar_for_it():
    # On the five prompts of both, `own` has half the perplexity; its mean over all is higher.
    own = {f"e{i}": (1.0 if i < 5 else 3.0) + 0.01 * (i % 3) for i in range(20)}
    easy = {f"e{i}": 1.0 + math.log(2) + 0.01 * (i % 2) for i in range(5)}
    words = read_foreignness({"easy": easy, "own": own})
    assert words[0].startswith("own is the most familiar to the target")
    assert words[1].startswith("easy is foreign: 1.99 times the perplexity of own")
    assert words[1].endswith("n = 5).")


def test_a_kind_that_is_more_familiar_where_both_answer_is_never_called_as_familiar():
    # a beats b by a little, b beats c, and c beats a by much, each on prompts of their own.
    words = read_foreignness(
        {
            "a": {"p1": 1.0, "p2": 1.0, "r1": 2.0, "r2": 2.0},
            "b": {"p1": 1.1, "p2": 1.1, "q1": 1.0, "q2": 1.0},
            "c": {"q1": 1.5, "q2": 1.5, "r1": 1.0, "r2": 1.0},
        }
    )
    assert words[0].startswith("b is the most familiar")
    assert words[1] == (
        "a is more familiar on the prompts of both: 0.90 times the perplexity of b "
        "(95 % 0.90-0.90, n = 2)."
    )


def test_a_kind_without_any_shared_prompt_is_not_the_most_familiar():
    words = read_foreignness({"alone": {"z1": 0.1, "z2": 0.1}, "a": spread(3.0), "b": spread(2.0)})
    assert words[0].startswith("b is the most familiar")
    assert "alone: cannot tell, 0 prompts in common with b." in words
