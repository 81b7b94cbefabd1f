import pytest
from hypothesis import given
from hypothesis import strategies as st

from idiolect.familiarity import edit_distance
from idiolect.pipeline.word_diff import word_diff


def shown(before: str, after: str) -> list[tuple[str, str]]:
    return [(change.kind, change.text) for change in word_diff(before, after)]


def test_a_replaced_word_is_removed_and_added_between_kept_ones():
    assert shown("the sum is 41 now", "the sum is 42 now") == [
        ("kept", "the sum is"),
        ("removed", " 41"),
        ("added", " 42"),
        ("kept", " now"),
    ]


def test_white_space_alone_is_no_change():
    assert shown("one  two", "one\n\ntwo \n") == [("kept", "one\n\ntwo \n")]


def test_nothing_becomes_a_text_and_a_text_becomes_nothing():
    assert shown("", "all new") == [("added", "all new")]
    assert shown("all gone", "") == [("removed", "all gone")]
    assert shown("", "") == []


@given(st.text(), st.text())
def test_kept_and_added_words_joined_are_the_new_text(before, after):
    assert "".join(text for kind, text in shown(before, after) if kind != "removed") == after


@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("abc"), min_size=1))
def test_the_changes_are_as_many_words_as_the_edit_distance_counts(old, new):
    before, after = " ".join(old), " ".join(new)
    cost, removed, added = 0, 0, 0
    for kind, text in [*shown(before, after), ("kept", "")]:
        if kind == "kept":
            # Between kept words a removed and an added one make one substitution.
            cost += max(removed, added)
            removed, added = 0, 0
        else:
            removed += len(text.split()) * (kind == "removed")
            added += len(text.split()) * (kind == "added")
    assert edit_distance(before, after) == pytest.approx(cost / max(len(old), len(new)))
