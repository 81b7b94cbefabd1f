"""Holm, McNemar, noise, sizes, correlation, the probability of being best: by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idiolect.statistics import (
    compare_all,
    holm,
    mcnemar,
    minimum_detectable_effect,
    noise_floor,
    paired_bootstrap,
    paired_difference,
    probability_best,
    rank_correlation,
    sample_means,
    size_hint,
)


def test_holm_multiplies_by_what_is_left_and_never_goes_down():
    # Sorted 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.9 x 1.
    assert holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_keeps_the_order_and_lies_between_no_correction_and_bonferroni(values):
    corrected = holm(values)
    for value, other in zip(values, corrected, strict=True):
        assert value <= other <= min(1.0, value * len(values)) + 1e-12
    order = sorted(range(len(values)), key=lambda i: values[i])
    assert [corrected[i] for i in order] == sorted(corrected)


def test_mcnemar_is_the_fair_coin_of_the_discordant_pairs():
    # One of eight by a fair coin: 2 * (1 + 8) / 256.
    assert mcnemar(7, 1) == pytest.approx(18 / 256)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 0) == 1.0


def test_samples_of_one_example_are_averaged_before_anything_is_compared():
    assert sample_means(["a", "b", "a", "a"], [1, 0, 0, 1]) == {"a": pytest.approx(2 / 3), "b": 0.0}


def test_the_paired_bootstrap_is_narrow_where_pairs_move_together():
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 5, size=50)
    low, high = paired_bootstrap(hard + 1, hard)
    assert (low, high) == pytest.approx((1.0, 1.0))
    with pytest.raises(ValueError, match="one value an example"):
        paired_bootstrap(np.zeros(3), np.zeros(4))


def test_the_noise_floor_pools_the_groups_and_counts_flips():
    base = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], dtype=float)  # rates 0.50, 0.25
    tuned = np.array([[1, 1, 1, 0], [1, 1, 1, 0]], dtype=float)  # rates 0.75, 0.75
    floor = noise_floor([base, tuned])
    # Squares 2 * 0.125**2 over (2 - 1) + (2 - 1) degrees of freedom.
    assert floor.deviation == pytest.approx(math.sqrt(2 * 0.125**2 / 2))
    assert floor.range == pytest.approx(0.25)
    assert floor.flipped == pytest.approx((0.25 + 0) / 2)
    assert floor.runs == 4
    assert noise_floor([base[:1]]) is None


def test_the_minimum_detectable_effect_solves_its_equation():
    effect = minimum_detectable_effect(300, discordant=0.3, seeds=3, seed_deviation=0.01)
    variance = (0.3 - effect**2) / 300 + 2 * 0.01**2 / 3
    assert effect == pytest.approx((1.959964 + 0.841621) * math.sqrt(variance))
    assert minimum_detectable_effect(300) == minimum_detectable_effect(300, discordant=0.25)


@given(st.integers(1, 5000), st.integers(1, 9), st.floats(0, 0.1))
def test_more_examples_and_seeds_never_make_the_detectable_effect_larger(n, seeds, noise):
    now = minimum_detectable_effect(n, seeds=seeds, seed_deviation=noise)
    assert 0 <= now <= 1
    for more in ({"examples": 2 * n, "seeds": seeds}, {"examples": n, "seeds": seeds + 1}):
        other = minimum_detectable_effect(**more, seed_deviation=noise)
        assert other <= now + 1e-12
    with pytest.raises(ValueError, match="at least one of each"):
        minimum_detectable_effect(0)


def pair(better: int, worse: int, equal: int) -> tuple[np.ndarray, np.ndarray]:
    first = np.array([[1.0] * better + [0.0] * worse + [1.0] * equal])
    second = np.array([[0.0] * better + [1.0] * worse + [1.0] * equal])
    return first, second


def test_the_hint_names_the_examples_that_would_settle_it():
    difference = paired_difference(*pair(12, 7, 81))
    hint = size_hint(difference)
    # Mean 0.05, variance of one pair (0.19 * 100 - 0.25 + 1) / 101; reach 2.8016.
    needed = ((19 - 0.25 + 1) / 101) * (2.801585 / 0.05) ** 2
    assert hint.examples == pytest.approx(needed - 100, abs=2)
    assert f"about {hint.examples} more examples" in hint.words


def test_the_hint_sends_to_seeds_where_examples_would_not_do():
    # One seed is far better than the other dataset, one a little worse.
    first = np.vstack([np.r_[np.ones(95), np.zeros(5)], np.r_[np.ones(45), np.zeros(55)]])
    second = np.full((2, 100), 0.0)
    second[:, :50] = 1.0
    hint = size_hint(paired_difference(first, second))
    assert hint.examples is None
    assert hint.seeds is not None
    assert "more seeds" in hint.words


def test_no_difference_at_all_cannot_be_settled():
    assert "no number of examples" in size_hint(paired_difference(*pair(5, 5, 10))).words


def test_a_small_study_that_followed_the_hint_would_have_told():
    hint = size_hint(paired_difference(*pair(12, 7, 81)))
    scale = (100 + hint.examples) / 100
    larger = pair(round(12 * scale), round(7 * scale), round(81 * scale))
    (comparison,) = compare_all({"a": larger[0], "b": larger[1]})
    assert comparison.verdict == "better"
    assert comparison.hint is None
    assert comparison.p_mcnemar == pytest.approx(
        mcnemar(round(12 * scale), round(7 * scale)), abs=1e-12
    )


def test_a_verdict_that_holds_alone_may_not_hold_among_many_comparisons():
    first, second = pair(16, 5, 79)
    assert paired_difference(first, second).p < 0.05
    others = {name: second for name in ("b", "c", "d", "e")}
    comparisons = compare_all({"a": first, **others})
    assert len(comparisons) == 10
    assert {c.verdict for c in comparisons} == {"cannot tell"}
    assert "cannot tell" in comparisons[0].words
    assert "Holm p" in comparisons[0].words


def test_the_verdict_speaks_of_the_first_of_the_pair():
    first, second = pair(40, 5, 55)
    (better,) = compare_all({"a": first, "b": second})
    (worse,) = compare_all({"b": second, "a": first})
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert better.words.startswith("a is better than b: +35.0 points (95 % +")
    assert worse.words.startswith("b is worse than a: -35.0 points")


def test_rank_correlation_says_when_points_are_too_few():
    found = rank_correlation([1, 2, 3, 4], [10, 20, 40, 30])
    assert found.value == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert found.interval is None
    assert found.words == "+0.80 (too few points to tell, n = 4)"
    assert rank_correlation([1, 2], [1, 2]).value is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]).words == "undefined (n = 3)"


def test_the_interval_of_a_rank_correlation_is_fishers_z():
    found = rank_correlation([1, 2, 3, 4, 5, 6, 7], [2, 1, 4, 3, 6, 5, 7])
    value = 1 - 6 * 6 / (7 * 48)
    half = 1.959964 * math.sqrt((1 + value**2 / 2) / 4)
    assert found.value == pytest.approx(value)
    assert found.interval == pytest.approx(
        (math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half))
    )


def test_the_chance_of_being_best_is_the_share_of_resamples_that_agree():
    # Of two examples, resampled: both are the first with 1/4, both the second with 1/4.
    found = probability_best({"a": np.array([0.0, 0.9]), "b": np.array([1.0, 0.0])}, best="lowest")
    # Means: a 0.45, b 0.5 (mixed) -> a; first twice -> a; second twice -> b.
    assert found["a"] == pytest.approx(0.75, abs=0.03)
    assert sum(found.values()) == pytest.approx(1.0)
    same = np.array([1.0, 2.0])
    assert probability_best({"a": same, "b": same}, best="highest") == {"a": 0.5, "b": 0.5}
    assert probability_best({}, best="lowest") == {}
    with pytest.raises(ValueError, match="the same examples for all"):
        probability_best({"a": same, "b": np.array([1.0])}, best="lowest")
