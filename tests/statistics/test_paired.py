"""The paired difference: by hand, by properties, and over simulated studies."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from idiolect.statistics import compare_all, paired_bootstrap, paired_difference, seed_spread


def answers(
    rng: np.random.Generator,
    *,
    effect: float,
    seeds: int,
    examples: int,
    seed_noise: float = 0.0,
    spread: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate two datasets' right and wrong answers.

    An example is easy or hard for both (`spread`, in logits); a seed moves all answers of its
    adapter (`seed_noise`, in rate); `effect` is added to the first's rate.
    """
    base = 1 / (1 + np.exp(-rng.normal(0, spread, size=examples)))
    found = []
    for shift in (effect, 0.0):
        rate = base + shift + rng.normal(0, seed_noise, size=(seeds, 1))
        found.append((rng.random((seeds, examples)) < rate).astype(float))
    return found[0], found[1]


def verdicts(repetitions: int, *, seed: int = 0, **how: float) -> list[str]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(repetitions):
        first, second = answers(rng, **how)
        (comparison,) = compare_all({"a": first, "b": second})
        found.append(comparison.verdict)
    return found


def test_one_seed_is_the_paired_t_test_with_half_a_pair_added_on_each_side():
    first = np.array([[1, 1, 1, 1, 1, 1, 0, 0, 0, 1]], dtype=float)
    second = np.array([[0, 0, 0, 0, 0, 0, 1, 0, 0, 1]], dtype=float)
    found = paired_difference(first, second)
    # Six for, one against, three equal: mean 0.5, squares 6 * 0.25 + 2.25 + 3 * 0.25 = 4.5.
    error = math.sqrt((4.5 + 1) / 11 / 10)
    half = stats.t.ppf(0.975, 9) * error
    assert found.mean == pytest.approx(0.5)
    assert found.low == pytest.approx(0.5 - half)
    assert found.high == min(1.0, 0.5 + half)
    assert found.p == pytest.approx(2 * stats.t.sf(0.5 / error, 9))
    assert (found.examples, found.seeds, found.discordant) == (10, 1, 0.7)
    assert found.seed_variance == 0


def test_values_of_any_size_are_the_plain_paired_t_test():
    first, second = np.array([[3.0, 5.5, -2.0, 8.0]]), np.array([[1.0, 2.0, 0.5, 1.0]])
    found = paired_difference(first, second, are_rates=False)
    expected = stats.ttest_rel(first[0], second[0])
    low, high = expected.confidence_interval()
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.p == pytest.approx(expected.pvalue)
    with pytest.raises(ValueError, match="all differences are the same"):
        paired_difference(first, first - 1, are_rates=False)


def test_seeds_that_disagree_widen_the_interval_by_their_own_variance():
    # Two seeds, four examples; one seed of the first is right everywhere, the other nowhere.
    first = np.array([[1.0] * 4, [0.0] * 4])
    found = paired_difference(first, np.zeros((2, 4)))
    # Examples: (0 + 1) / 5 / 4 = 0.05. Seeds: squares 0.5 over 2 degrees of freedom, twice / 2.
    error = math.sqrt(0.05 + 0.25)
    freedom = 0.3**2 / (0.05**2 / 3 + 0.25**2 / 2)
    assert found.mean == 0.5
    assert found.low == pytest.approx(max(-1.0, 0.5 - stats.t.ppf(0.975, freedom) * error))
    assert found.high == 1.0
    assert found.example_variance == pytest.approx(0.05)
    assert found.seed_variance == pytest.approx(0.25)


def test_the_spread_between_seeds_is_pooled_over_all_datasets():
    steady = np.zeros((3, 4))
    # Rates 0, 0.5, 1: squares 0.5 over 2 + 2 degrees of freedom.
    moving = np.array([[0.0] * 4, [0, 1, 0, 1], [1.0] * 4])
    spread = seed_spread([steady, moving])
    assert (spread.variance, spread.freedom) == (pytest.approx(0.125), 4)
    found = paired_difference(steady, steady, spread=spread)
    assert found.seed_variance == pytest.approx(2 * 0.125 / 3)
    assert seed_spread([steady[:1]]).freedom == 0


def test_the_same_answers_from_more_seeds_do_not_count_as_more_examples():
    rng = np.random.default_rng(3)
    first, second = answers(rng, effect=0.1, seeds=1, examples=100)
    one = paired_difference(first, second)
    five = paired_difference(np.repeat(first, 5, axis=0), np.repeat(second, 5, axis=0))
    # Five copies tell nothing new: the interval must not shrink by the root of five.
    assert five.high - five.low > 0.95 * (one.high - one.low)


def test_the_interval_is_about_the_bootstraps_where_seeds_do_not_differ():
    rng = np.random.default_rng(4)
    first, second = answers(rng, effect=0.1, seeds=1, examples=400)
    found = paired_difference(first, second)
    low, high = paired_bootstrap(first[0], second[0])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


def test_five_examples_that_all_improve_are_too_few_to_tell():
    found = paired_difference(np.ones((1, 5)), np.zeros((1, 5)))
    assert found.p == 2 * 0.5**5
    one = paired_difference(np.ones((3, 1)), np.zeros((3, 1)))
    assert (one.p, one.low, one.high) == (1.0, -1.0, 1.0)


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_a_null_study_says_cannot_tell_in_95_of_100_repetitions(seeds):
    found = verdicts(100, effect=0.0, seeds=seeds, examples=300)
    assert found.count("cannot tell") >= 95


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_luck_of_the_seeds_is_not_taken_for_an_effect(seeds):
    found = verdicts(100, effect=0.0, seeds=seeds, examples=300, seed_noise=0.02)
    assert found.count("cannot tell") >= 95


def test_over_many_null_studies_the_share_of_false_verdicts_is_at_most_the_level():
    for seeds, noise in ((1, 0.0), (3, 0.0), (3, 0.02), (3, 0.05), (5, 0.02)):
        found = verdicts(800, seed=7, effect=0.0, seeds=seeds, examples=200, seed_noise=noise)
        assert found.count("cannot tell") / 800 >= 0.945, (seeds, noise)


@pytest.mark.parametrize(("seeds", "noise"), [(3, 0.0), (3, 0.02), (5, 0.02)])
def test_a_true_effect_of_ten_points_is_found_in_80_of_100_studies(seeds, noise):
    found = verdicts(100, effect=0.1, seeds=seeds, examples=300, seed_noise=noise)
    assert found.count("better") >= 80
    assert found.count("worse") == 0


def test_one_seed_finds_ten_points_where_examples_are_hard_or_easy_for_both():
    found = verdicts(100, effect=0.1, seeds=1, examples=300, spread=3.0)
    assert found.count("better") >= 80


rates = arrays(np.float64, (2, 3, 12), elements=st.sampled_from([0.0, 0.5, 1.0]))


@given(rates)
def test_swapping_the_sides_turns_the_sign_and_nothing_else(values):
    one, other = paired_difference(values[0], values[1]), paired_difference(values[1], values[0])
    assert one.mean == pytest.approx(-other.mean)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p == pytest.approx(other.p)
    assert -1 <= one.low <= one.mean <= one.high <= 1
    assert 0 <= one.p <= 1


@given(rates, st.permutations(range(12)), st.permutations(range(3)))
def test_the_order_of_examples_and_seeds_does_not_matter(values, examples, seeds):
    one = paired_difference(values[0], values[1])
    mixed = values[:, seeds][:, :, examples]
    other = paired_difference(mixed[0], mixed[1])
    assert one.p == pytest.approx(other.p)
    assert one.low == pytest.approx(other.low)


@given(arrays(np.float64, (3, 12), elements=st.floats(0, 1)))
def test_a_dataset_against_itself_is_no_difference(values):
    found = paired_difference(values, values)
    assert found.mean == 0
    assert found.p == 1.0


def test_other_shapes_and_values_that_are_no_rates_are_errors():
    with pytest.raises(ValueError, match="expected two equal ones, seeds x examples"):
        paired_difference(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="no rate"):
        paired_difference(np.full((1, 3), 1.5), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="no rate"):
        paired_difference(np.full((1, 3), np.nan), np.zeros((1, 3)))
