import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idiolect.statistics import clustered_rate_interval, mean_interval, rate_interval

Z = 1.959963984540054  # of 95 %


def test_the_interval_of_a_mean_is_about_the_one_of_the_normal_distribution():
    values = np.random.default_rng(1).normal(3.0, 2.0, size=400)
    low, high = mean_interval(values)
    half = Z * values.std() / math.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)


def test_the_interval_of_two_values_spans_them():
    # Means of resamples of (0, 1) are 0, 1/2 and 1 with shares 1/4, 1/2 and 1/4.
    assert mean_interval(np.array([0.0, 1.0])) == (0.0, 1.0)


def test_the_same_values_give_the_same_interval():
    values = np.random.default_rng(2).normal(size=30)
    assert mean_interval(values) == mean_interval(values.copy())


def test_one_value_has_no_interval_and_equal_values_have_none_of_width():
    assert mean_interval(np.array([1.5])) == (-math.inf, math.inf)
    assert mean_interval(np.array([1.5, 1.5, 1.5])) == (1.5, 1.5)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_an_interval_of_a_mean_lies_within_the_values(values):
    low, high = mean_interval(np.array(values))
    slack = 1e-9 * max(1.0, *(abs(v) for v in values))
    assert min(values) - slack <= low <= high <= max(values) + slack


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (7, 10), (10, 10), (1, 1), (40, 300)])
def test_the_interval_of_a_rate_is_wilsons_formula(successes, trials):
    rate = successes / trials
    centre = (rate + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    half = Z / (1 + Z**2 / trials) * math.sqrt(rate * (1 - rate) / trials + Z**2 / (4 * trials**2))
    low, high = rate_interval(successes, trials)
    assert low == pytest.approx(max(0.0, centre - half), abs=1e-12)
    assert high == pytest.approx(min(1.0, centre + half), abs=1e-12)


def test_a_rate_of_no_trials_is_an_error():
    with pytest.raises(ValueError, match="a rate of no trials"):
        rate_interval(0, 0)


def wilson(rate, number):
    centre = (rate + Z**2 / (2 * number)) / (1 + Z**2 / number)
    spread = rate * (1 - rate) / number + Z**2 / (4 * number**2)
    half = Z / (1 + Z**2 / number) * math.sqrt(spread)
    return pytest.approx((max(0.0, centre - half), min(1.0, centre + half)), abs=1e-6)


def test_answers_that_are_alike_within_an_example_count_as_one():
    # Ten examples with four equal answers each: variance 0.24 * 10 / 9 / 10 = 0.02667, so that
    # 0.24 / 0.02667 = 9 effective answers, and no fewer than the examples.
    means = np.array([1.0] * 4 + [0.0] * 6)
    assert clustered_rate_interval(means, 40) == wilson(0.4, 10)


def test_answers_that_only_half_agree_count_as_more_than_their_examples():
    # Means 1, 1/2, 1/2, 0: variance 0.5 / 3 / 4 = 1/24, so that 0.25 * 24 = 6 effective answers.
    assert clustered_rate_interval(np.array([1.0, 0.5, 0.5, 0.0]), 8) == wilson(0.5, 6)
    # All examples the same: as many as there are answers.
    assert clustered_rate_interval(np.array([0.5] * 4), 8) == wilson(0.5, 8)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_without_any_exception_is_as_sure_as_its_examples(rate):
    assert clustered_rate_interval(np.full(5, rate), 50) == wilson(rate, 5)
    assert clustered_rate_interval(np.array([0.5]), 4) == wilson(0.5, 1)
    with pytest.raises(ValueError, match="a rate of no examples"):
        clustered_rate_interval(np.array([]), 0)


def test_the_interval_of_clustered_answers_holds_the_true_rate_as_often_as_it_says():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        hard = rng.beta(0.6, 0.4, size=60)  # examples differ much, the true rate is 0.6
        means = rng.binomial(4, hard) / 4
        low, high = clustered_rate_interval(means, 240)
        held += low <= 0.6 <= high
    assert 370 <= held <= 392
