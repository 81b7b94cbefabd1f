import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idiolect.records import Candidate, Example, Message, content_id


def test_the_id_of_equal_content_is_equal_in_every_process():
    # A fixed value: a run that was begun by an older version goes on only if it stays.
    assert content_id("a", 1, None, ["é"]) == "1781e7985ea35d79"


@given(st.lists(st.text() | st.integers() | st.none(), max_size=4))
def test_an_id_is_sixteen_hex_digits_whatever_the_content(parts):
    assert len(content_id(*parts)) == 16
    assert int(content_id(*parts), 16) >= 0


def test_ids_tell_parts_apart_that_would_be_equal_when_joined():
    assert content_id("ab", "c") != content_id("a", "bc")
    assert content_id("1") != content_id(1)


def test_the_order_of_keys_does_not_change_an_id():
    assert content_id({"a": 1, "b": 2}) == content_id({"b": 2, "a": 1})


@pytest.mark.parametrize(
    "value",
    [
        Message(role="user", content="x"),
        Example(id="x", messages=()),
        Candidate(id="c", example_id="x", strategy="own", text="", finish_reason="stop"),
    ],
)
def test_records_can_not_be_changed(value):
    field = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, "y")
