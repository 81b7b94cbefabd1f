"""Edits are applied exactly, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idiolect.strategies.patch import (
    Edit,
    PatchError,
    apply_edits,
    full_text,
    read_edits,
    says_unchanged,
)


def block(find: str, put: str) -> str:
    return f"<edit>\n<find>\n{find}\n</find>\n<replace>\n{put}\n</replace>\n</edit>"


def test_edits_are_read_out_of_whatever_stands_around_them():
    blocks = block("41", "42") + "\n" + block("a\nb", "")
    reply = f"Sure!\n```xml\n{blocks}\n```\nDone."
    assert read_edits(reply) == [Edit(find="41", replace="42"), Edit(find="a\nb", replace="")]


def test_a_block_on_one_line_is_read():
    assert read_edits("<find>41</find> <replace>42</replace>") == [Edit(find="41", replace="42")]


def test_a_reply_without_any_part_of_an_edit_holds_none():
    assert read_edits("The sum is 42.") == []


@pytest.mark.parametrize(
    "reply",
    [
        "<find>41</find>",
        "<edit><find>41</find><replace>",
        "<find>41<replace>42</replace>",
        "<find><find></find><replace></replace></find>",
        f"{block('41', '42')}\n<edit>\n<find>\n40",
        "<edit></edit>",
    ],
)
def test_a_block_that_is_not_whole_is_an_error(reply):
    with pytest.raises(PatchError, match=r"not complete|are empty"):
        read_edits(reply)


def test_edits_are_looked_for_in_the_original_and_may_come_in_any_order():
    edits = [Edit(find="= 41", replace="= 42"), Edit(find="20 + 22", replace="= 41 +")]
    assert apply_edits("20 + 22 = 41.", edits) == "= 41 + = 42."


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([("43", "42")], "'43' occurs 0 times"),
        ([("4", "5")], "'4' occurs 2 times"),
        ([("", "5")], "'' occurs 0 times"),
        ([(" ", "5")], "' ' occurs 0 times"),
        ([("= 41", "= 42"), ("41 and", "42 or")], "two edits overlap at '41'"),
        ([("= 41", "= 42"), ("= 41", "= 42")], "two edits overlap"),
    ],
)
def test_an_edit_that_does_not_fit_exactly_once_fails_with_its_words(edits, message):
    with pytest.raises(PatchError, match=message):
        apply_edits("sum = 41 and 40", [Edit(find=f, replace=p) for f, p in edits])


def test_a_text_that_overlaps_itself_is_found_twice():
    with pytest.raises(PatchError, match="occurs twice"):
        apply_edits("ababa", [Edit(find="aba", replace="x")])


@given(st.text(alphabet="ab \n<>{", min_size=1), st.data())
def test_replacing_any_single_place_gives_what_slicing_gives(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start + 1, len(text)))
    find = text[start:stop]
    starts = [i for i in range(len(text)) if text.startswith(find, i)]
    if find.strip() and len(starts) == 1:
        assert apply_edits(text, [Edit(find=find, replace="|")]) == f"{text[:start]}|{text[stop:]}"
    else:
        with pytest.raises(PatchError):
            apply_edits(text, [Edit(find=find, replace="|")])


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("  It is 42. \n", "It is 42."),
        ("<answer>\nIt is 42.\n</answer>", "It is 42."),
        ("```text\nIt is 42.\n```", "It is 42."),
        ("See:\n```\nx\n```\nand\n```\ny\n```", "See:\n```\nx\n```\nand\n```\ny\n```"),
        ("```", "```"),
    ],
)
def test_a_full_text_is_taken_out_of_its_wrapping(reply, text):
    assert full_text(reply, fenced=False) == text


def test_a_fence_that_belongs_to_the_answer_stays():
    assert full_text("```python\nx = 1\n```", fenced=True) == "```python\nx = 1\n```"


def test_only_the_mark_alone_says_unchanged():
    assert says_unchanged(" <unchanged/>\n")
    assert not says_unchanged("<unchanged/> but 42")
