"""The headline of a study: what may be trained on."""

import pytest

from idiolect.report import words
from idiolect.report.study import Effect, StudyFacts, StudyRow


def effect(value: float, verdict: str) -> Effect:
    return Effect(value=value, low=value - 1, high=value + 1, n=300, seeds=3, verdict=verdict)


def row(name: str, gain: float, lost: str) -> StudyRow:
    forgetting = effect(-20.0 if lost == "worse" else 0.0, lost)
    return StudyRow(dataset=name, gain=effect(gain, "better"), forgetting=forgetting, drift=None)


@pytest.mark.parametrize(
    ("rows", "headline"),
    [
        (
            [row("teacher", 12.0, "worse"), row("own", 8.0, "cannot tell")],
            "Training on own helped: +8.0 points on the task.",
        ),
        (
            [row("own", 12.0, "cannot tell"), row("teacher", 8.0, "cannot tell")],
            "Training on own helped most: +12.0 points on the task.",
        ),
        ([row("own", 8.0, "better")], "Training on own helped: +8.0 points on the task."),
        (
            [row("teacher", 12.0, "worse"), row("own", 8.0, "worse")],
            "Training on teacher helped, at the cost of other tasks: +12.0 points on the task.",
        ),
    ],
    ids=["one costs nothing", "both cost nothing", "there is one", "all cost something"],
)
def test_the_headline_names_no_dataset_that_made_the_model_forget_while_another_did_not(
    rows, headline
):
    study = StudyFacts(rows=tuple(rows), words=(), predicted={}, predicted_forgetting={})
    assert words._of_study(study).text == headline
