"""The lab's study: how its first point is judged, and what a corrector with an accent changes."""

import numpy as np
import pytest

from idiolect.pipeline.job import RunOptions
from studies.lab.familiarity import EXACT, surprisals
from studies.lab.points import familiar
from studies.lab.world import write_problems

pytest.importorskip("torch")
MEANS = {"native": 0.1, "minimal-change": 0.3, "tutor": 1.3, "textbook": 2.4, "birch": 1.2}


def kinds(**means: float) -> dict[str, dict[str, float]]:
    """Return forty noisy surprisals of each kind about its mean."""
    noise = np.random.default_rng(0).normal(0, 0.05, size=40)
    everything = (
        MEANS | {EXACT: MEANS["native"]} | {k.replace("_", "-"): v for k, v in means.items()}
    )
    return {
        kind: {str(n): mean + each + 0.001 * n for n, each in enumerate(np.roll(noise, place))}
        for place, (kind, mean) in enumerate(everything.items())
    }


def test_the_order_holds_where_every_step_of_it_is_clear():
    point = familiar({"amber": kinds()})
    assert point.holds
    assert sum(" is nearer than " in fact for fact in point.facts) == 6


@pytest.mark.parametrize(
    ("means", "step"),
    [
        ({"minimal_change": 0.1}, "native IS NOT nearer than minimal-change"),
        ({"minimal_change": 1.4}, "minimal-change IS NOT nearer than tutor"),
        ({"textbook": 1.2}, "tutor IS NOT nearer than textbook"),
        ({"birch": 0.05}, "native IS NOT nearer than birch"),
    ],
)
def test_one_step_that_is_tied_or_turned_is_enough_to_not_hold(means, step):
    point = familiar({"amber": kinds(), "birch": kinds(**means)})
    assert not point.holds
    assert any(fact.startswith(f"birch: {step}") for fact in point.facts)


def test_the_change_of_an_exact_corrector_is_told_and_not_judged():
    point = familiar({"amber": kinds(**{EXACT: 0.0})})
    assert point.holds
    (fact,) = [fact for fact in point.facts if "not judged" in fact]
    assert fact.startswith(f"amber: not judged: native minus {EXACT}, +0.0")


def test_a_corrector_with_an_accent_is_more_foreign_where_it_wrote_and_nowhere_else(tmp_path):
    write_problems(tmp_path, scale=0.04)
    found = surprisals("amber", tmp_path, tmp_path, RunOptions())
    assert len(found["minimal-change"]) == len(found[EXACT]) == 12
    gaps = [found["minimal-change"][e] - exact for e, exact in found[EXACT].items()]
    assert all(gap > 0 or gap == pytest.approx(0, abs=1e-5) for gap in gaps)
    assert any(gap > 0.1 for gap in gaps)
    assert any(gap == pytest.approx(0, abs=1e-5) for gap in gaps)
