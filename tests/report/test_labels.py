"""Names beside the points of the chart of a study."""

import itertools
from xml.etree import ElementTree

import pytest

from idiolect.report.charts import effect_chart
from idiolect.report.study import Effect, StudyFacts, StudyRow


def chart(points):
    """Draw one dataset for each pair of forgetting and gain."""

    def effect(value):
        return Effect(
            value=value, low=value - 1, high=value + 1, n=9, seeds=3, verdict="cannot tell"
        )

    rows = [
        StudyRow(dataset=name, gain=effect(gain), forgetting=effect(lost), drift=None)
        for name, (lost, gain) in points.items()
    ]
    return effect_chart(
        StudyFacts(rows=tuple(rows), words=(), predicted={}, predicted_forgetting={})
    )


def places(svg, names):
    """Return left end, right end (a letter is about 5 points wide) and baseline of labels."""
    found = {}
    for text in ElementTree.fromstring(svg).iter("text"):
        if text.text in names:
            x, wide = float(text.get("x")), 5 * len(text.text)
            left = x - wide if text.get("text-anchor") == "end" else x
            found[text.text] = left, left + wide, float(text.get("y"))
    assert found.keys() == set(names)
    return found


def clash(one, other):
    (left, right, y), (left2, right2, y2) = one, other
    return abs(y - y2) < 9 and left <= right2 and left2 <= right


@pytest.mark.parametrize(
    "points",
    [
        {"reference": (-56.9, -55.2), "teacher": (-56.2, -55.2), "ladder": (0.0, 16.5)},
        {"a": (0.0, 0.0), "b": (0.0, 0.0), "c": (0.0, 0.0), "d": (0.0, 0.0), "e": (0.0, 0.0)},
        {"minimal-change": (-1.1, 20.1), "ladder": (-1.0, 16.5), "reference": (-56.9, -55.2)},
        {
            **{"teacher-rewrite": (-8.0, 10.0), "minimal-change": (-4.0, 10.0)},
            **{"step-by-step": (0.0, 10.0), "reference": (-57.0, -55.0)},
        },
    ],
    ids=["side by side", "five in one place", "one above the other", "three in a row"],
)
def test_names_of_points_that_lie_close_can_all_be_read(points):
    for svg in chart(points).svgs:
        found = places(svg, points)
        for one, other in itertools.combinations(found.values(), 2):
            assert not clash(one, other)


def test_a_name_does_not_stand_beside_the_point_above_its_own():
    # 3.6 of 75 points on an axis of some 250: the two are further apart than their marks are wide.
    points = {"minimal-change": (-1.1, 20.1), "ladder": (-1.0, 16.5), "reference": (-56.9, -55.2)}
    wide, _ = chart(points).svgs
    found = places(wide, points)
    assert found["ladder"][2] - found["minimal-change"][2] > 20


def test_a_name_at_the_right_edge_stands_to_the_left_of_its_point():
    name = "a-name-of-a-dataset-that-is-rather-long"
    for svg in chart({"x": (-60.0, 0.0), name: (0.0, 10.0)}).svgs:
        anchors = {t.text: t.get("text-anchor") for t in ElementTree.fromstring(svg).iter("text")}
        assert anchors[name] == "end"
        assert anchors["x"] == "start"
