"""The quickstart with few problems: every part is real, the lab's target and HTTP included."""

import json

import pytest

from idiolect.errors import RunError
from idiolect.pipeline.quickstart import DATASETS, DEFAULT_SIZES, Sizes, quickstart
from idiolect.pipeline.quickstart.problems import OTHERS
from idiolect.records import Answer, Candidate, Cell, Choice, Example, Spend
from idiolect.runs import RunReader

TINY = Sizes(trained=6, tested=4, others=2, epochs=1, trainings=1, max_new_tokens=60)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """Run the command itself; only the sizes are other ones."""
    import contextlib
    import io
    import os

    from idiolect.cli import main

    folder = tmp_path_factory.mktemp("quickstart") / "run"
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("idiolect.pipeline.quickstart.DEFAULT_SIZES", TINY)
        # A proxy that is not there must not stand before the server of this process.
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        patch.setenv("NO_PROXY", "example.org")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            assert main(["quickstart", "-o", str(folder)]) == 0
        assert os.environ["NO_PROXY"] == "example.org"
    return folder, out.getvalue(), err.getvalue()


def rows(folder, kind):
    with RunReader(folder) as run:
        return run.all(kind)


def test_every_part_of_the_method_leaves_its_rows(printed):
    folder, _, _ = printed
    assert len(rows(folder, Example)) == 6
    made = {(c.strategy, c.example_id) for c in rows(folder, Candidate)}
    assert len(made) == 6 * len(DATASETS)
    assert {c.dataset for c in rows(folder, Cell)} == set(DATASETS)
    assert len(rows(folder, Answer)) == (1 + len(DATASETS)) * (4 + 2 * len(OTHERS))
    assert sum(choice.chosen for choice in rows(folder, Choice)) == 6


def test_the_teacher_was_asked_over_http_and_was_free(printed):
    folder, _, _ = printed
    asked = rows(folder, Spend)
    assert asked
    assert {(s.model, s.cost_usd, s.cached) for s in asked} == {
        ("lab:teacher over HTTP", 0.0, False)
    }


def test_the_screen_says_what_happens_what_came_out_and_where_to_go_on(printed):
    folder, out, err = printed
    for number in range(1, 8):
        assert f"[{number}/7]" in err
    assert "next: the report" in err
    assert "drift" not in err  # it is not measured here
    assert "no evidence about large models" in err
    assert "no evidence about large models" in out
    for name in DATASETS:
        assert f"\n{name}" in out
    assert "Verdict: " in out
    assert "idiolect audit data.jsonl" in out
    assert "idiolect build data.jsonl" in out
    assert f"report: {folder / 'report.html'}" in out


def test_the_report_shows_gain_against_forgetting_and_that_it_is_the_lab(printed):
    page = (printed[0] / "report.html").read_text()
    assert "Gain against forgetting, by dataset" in page
    assert "This is the lab, a model organism" in page


def test_the_same_command_again_computes_nothing_and_says_the_same(printed, monkeypatch):
    folder, out, _ = printed

    def fail(*arguments):
        raise AssertionError("computed twice")

    monkeypatch.setattr("idiolect.pipeline.study.command.train_cell", fail)
    monkeypatch.setattr("idiolect.pipeline.study.command.answer", fail)
    again = quickstart(folder, sizes=TINY)
    assert again.words[-1] in out.replace("\n", " ")


def test_another_seed_is_refused_before_anything_is_overwritten(printed):
    folder, _, _ = printed
    before = (folder / "problems" / "train.jsonl").read_text()
    with pytest.raises(RunError, match=r"other problems than this quickstart draws.*--fresh"):
        quickstart(folder, seed=1, sizes=TINY)
    assert (folder / "problems" / "train.jsonl").read_text() == before


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="no run of idiolect"):
        quickstart(tmp_path, sizes=TINY)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_problems_are_what_a_user_could_bring(printed):
    line = (printed[0] / "problems" / "train.jsonl").read_text().splitlines()[0]
    assert {"question", "reference", "answer"} <= json.loads(line).keys()
    assert DEFAULT_SIZES.trained == 200
