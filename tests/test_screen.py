"""Tables on narrow screens, receipts, progress."""

import pytest

from idiolect.cli import screen
from idiolect.cli.progress import describe
from idiolect.pipeline.explain import ExplainedCandidate, Explanation
from idiolect.records import Candidate, Example, Message
from idiolect.runs.progress import Progress


@pytest.mark.parametrize(("width", "tables"), [(40, 1), (16, 2), (14, 3)])
def test_columns_without_room_follow_in_tables_of_their_own(monkeypatch, capsys, width, tables):
    monkeypatch.setattr(screen, "_PLAIN_WIDTH", width)
    rows = [["one", "1.0", "2.00", "3"], ["other", "1.5", "2.50", "4"]]
    screen.show_table(["name", "a", "b", "c"], rows, words=[])
    out = capsys.readouterr().out
    assert (out.count("name"), out.count("other")) == (tables, tables)
    assert all(cell in out for row in rows for cell in row)


def test_explain_names_the_cost_and_the_mark_and_no_revision_that_is_not_there(capsys):
    candidate = Candidate(
        id="c",
        example_id="x",
        strategy="teacher",
        text="5",
        finish_reason="stop",
        model="lab:teacher",
        cost_usd=0.0125,
    )
    explained = ExplainedCandidate(
        candidate=candidate,
        verdict=None,
        perplexity=None,
        tokens=None,
        edit_distance_to_own=None,
        chosen=True,
        reason=None,
        failure=None,
    )
    example = Example(id="x", messages=(Message(role="user", content="2 + 3?"),))
    explanation = Explanation(example=example, candidates=(explained,), failures=())
    screen.show_explanation(explanation, as_json=False)
    out = capsys.readouterr().out
    assert "* teacher: unchecked; by lab:teacher; $0.0125\n" in out
    assert out.endswith("* chosen\n")


def test_a_response_can_not_give_orders_to_the_terminal_that_explain_prints_it_on(capsys):
    hostile = "\x1b[2Jfirst\x1b]0;title\x07 \x9b31m\nsecond [red]line[/red]"
    candidate = Candidate(
        id="c", example_id="x", strategy="own", text=hostile, finish_reason="stop", model="m"
    )
    explained = ExplainedCandidate(
        candidate=candidate,
        verdict=None,
        perplexity=None,
        tokens=None,
        edit_distance_to_own=None,
        chosen=False,
        reason=hostile,
        failure=None,
    )
    example = Example(id="x", messages=(Message(role="user", content=hostile),), answer=hostile)
    explanation = Explanation(example=example, candidates=(explained,), failures=(hostile,))
    screen.show_explanation(explanation, as_json=False)
    out = capsys.readouterr().out
    assert not set("\x1b\x07\x9b") & set(out)
    assert "  | \N{SYMBOL FOR ESCAPE}[2Jfirst" in out
    assert "  | second [red]line[/red]" in out


def test_progress_says_how_far_how_fast_and_how_dear():
    state = Progress(
        step="teacher answers",
        done=5,
        total=20,
        failed=1,
        tokens=800,
        seconds=2.0,
        spent_usd=0.0123,
    )
    assert describe(state) == (
        "teacher answers 5/20, 1 failed, 400 tokens/s, $0.0123 spent, 6 s left"
    )
