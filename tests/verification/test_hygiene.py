import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idiolect.errors import DataError
from idiolect.records import Example, Message
from idiolect.verification import get_verifier
from idiolect.verification.duplicates import duplicate_groups, twin_strategies
from idiolect.verification.hygiene import check_hygiene, expects_final_answer
from idiolect.verification.lint import lint
from idiolect.verification.overlap import find_overlap, require_no_overlap, without_overlap
from idiolect.verification.self_test import require_references, self_test

WORDS = [f"word{i}" for i in range(500)]


def example(id, prompt="How many?", **fields):
    return Example(id=id, messages=(Message(role="user", content=prompt),), **fields)


def prose(seed, length=60):
    return " ".join(random.Random(seed).choices(WORDS, k=length))


CLEAN = "She sold 48 in April and half as many in May, so 48 + 24 = 72.\n\nFinal Answer: 72"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The previous answer was wrong. It is 5.\nFinal Answer: 5", "meta-talk"),
        ("As given in the solution, x is 5.\nFinal Answer: 5", "meta-talk"),
        ("According to the reference answer it is 5.\nFinal Answer: 5", "meta-talk"),
        ("Here is the corrected version: 5.\nFinal Answer: 5", "meta-talk"),
        ("The groundtruth says 5.\nFinal Answer: 5", "meta-talk"),
        ("I corrected the sum, it is 5.\nFinal Answer: 5", "meta-talk"),
        ("With minimal changes, it is 5.\nFinal Answer: 5", "meta-talk"),
        ("There is a mistake in the solution; it is 5.\nFinal Answer: 5", "meta-talk"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("As an AI language model, I have no opinion.", "refusal"),
        ("I cannot answer this question.", "refusal"),
        ("I apologize for the confusion. It is 5.\nFinal Answer: 5", "apology"),
        ("So the total is 48 +", "truncated"),
        ("```python\ndef f(x):\n    return", "truncated"),
        ("We find \\[ x = 5", "truncated"),
        ("It is 5.\nFinal Answer:", "truncated"),
        ("The shop sells apples and", "truncated"),
        ("It is 5.", "no-final-answer"),
        ("It is 5.\nFinal Answer: 5\nFinal Answer: 5", "repeated-final-answer"),
        ("So the total is 72.\n\nFinal Answer: 27", "contradiction"),
        ("48 + 24 = 72\nTherefore the sum is 72 clips.\n\nFinal Answer: 24", "contradiction"),
        ("   ", "empty"),
    ],
)
def test_a_defect_is_found_and_quoted(text, kind):
    found = {defect.kind: defect for defect in lint(text, expects_final_answer=True)}
    assert kind in found
    assert len(found[kind].quote) < 200


@pytest.mark.parametrize(
    "text",
    [
        CLEAN,
        "The original price was $5, the new one is $4.\n\nFinal Answer: 4",
        "The sum is 0.25, so it is 25%.\n\nFinal Answer: 25%",
        "So she pays 12.4999, rounded 12.5.\n\nFinal Answer: 12.50",
        "Therefore the profit is $4 million.\n\nFinal Answer: 4",
        "He made a mistake in the race, so he lost 3 minutes.\n\nFinal Answer: 3",
        "Sorry is a word of 5 letters.\n\nFinal Answer: 5",
    ],
)
def test_clean_texts_have_no_defect(text):
    assert lint(text, expects_final_answer=True) == []


def test_a_contradicting_option_is_found():
    options = ("red", "blue")
    [defect] = lint("The correct answer is (1) red.\n\nFinal Answer: 2", choices=options)
    assert defect.kind == "contradiction"
    assert lint("The correct answer is (2) blue.\n\nFinal Answer: 2", choices=options) == []


def test_a_response_that_was_cut_off_is_truncated_whatever_it_ends_with():
    assert [d.kind for d in lint(CLEAN, finish_reason="length")] == ["truncated"]


@given(st.text(max_size=500))
def test_lint_survives_any_text(text):
    assert isinstance(lint(text, expects_final_answer=True), list)


def test_equal_texts_are_a_group_without_regard_to_case_and_punctuation():
    texts = [("a", "Hello, big world!"), ("b", "hello big world"), ("c", "goodbye"), ("d", "")]
    [group] = duplicate_groups(texts)
    assert (group.keys, group.similarity) == (("a", "b"), 1.0)


def test_near_texts_are_found_among_many_others():
    texts = [(str(i), prose(i)) for i in range(300)]
    words = texts[7][1].split()
    words[30] = "changed"
    texts.append(("near", " ".join(words)))
    [group] = duplicate_groups(texts, threshold=0.7)
    assert set(group.keys) == {"7", "near"}
    assert group.similarity == pytest.approx(51 / 61)


@given(st.lists(st.sampled_from(["a b c", "A b, c!", "d e f g", "h"]), max_size=12))
def test_every_equal_text_is_in_a_group(texts):
    keyed = list(enumerate(texts))
    grouped = {key for group in duplicate_groups(keyed) for key in group.keys}
    plain = [text.lower().replace(",", "").replace("!", "") for text in texts]
    assert grouped == {i for i, text in keyed if plain.count(plain[i]) > 1}


def test_two_strategies_with_the_same_texts_are_named():
    examples = [
        example(str(i), responses={"a": prose(i), "b": prose(i) + ".", "c": prose(i + 100)})
        for i in range(20)
    ]
    [twins] = twin_strategies(examples)
    assert (twins.first, twins.second, twins.same, twins.shared) == ("a", "b", 20, 20)


INSTRUCTION = " Please think step by step and then give the final answer as a number on one line."


def test_overlap_is_found_exact_and_near_and_not_in_shared_instructions():
    train = [example(f"t{i}", prose(i, 40) + INSTRUCTION) for i in range(30)]
    same = example("same", prose(3, 40).upper() + INSTRUCTION)
    near = example("near", " ".join(prose(5, 40).split()[5:]) + " more words" + INSTRUCTION)
    fresh = [example(f"n{i}", prose(900 + i, 40) + INSTRUCTION) for i in range(10)]
    overlaps = find_overlap(train, [same, near, *fresh])
    assert [(o.test_id, o.train_id, o.kind) for o in overlaps] == [
        ("same", "t3", "exact"),
        ("near", "t5", "near"),
    ]
    with pytest.raises(DataError, match=r"2 examples .* same ~ t3"):
        require_no_overlap(overlaps)
    require_no_overlap(overlaps, allowed=["same", "near"])
    require_no_overlap([])


def test_every_training_example_that_holds_a_test_prompt_is_left_out_and_no_other():
    train = [example(f"t{i}", prose(i, 40) + INSTRUCTION) for i in range(30)]
    twin = example("twin", " ".join(prose(5, 40).split()[:36]) + " and then" + INSTRUCTION)
    again = example("again", prose(3, 40).upper() + INSTRUCTION)
    inside = example("inside", "other", responses={"own": prose(5, 40)})
    test = [example("q3", prose(3, 40) + INSTRUCTION), example("q5", prose(5, 40) + INSTRUCTION)]
    left, found = without_overlap([*train, twin, again, inside], test)
    assert [e.id for e in left] == [e.id for e in train if e.id not in ("t3", "t5")]
    assert {(o.train_id, o.test_id, o.kind) for o in found} == {
        *(("t3", "q3", "exact"), ("again", "q3", "exact")),
        *(("t5", "q5", "exact"), ("twin", "q5", "near"), ("inside", "q5", "near")),
    }
    assert find_overlap(left, test) == []
    left, found = without_overlap([*train, twin], test, allowed=["q5"])
    assert [e.id for e in left] == [e.id for e in [*train, twin] if e.id != "t3"]
    assert without_overlap([], test) == ([], [])


def test_what_is_an_instruction_does_not_change_while_examples_are_left_out():
    shared, passage = prose(500, 40), prose(501, 40)
    # A fifth of all prompts share a text, and two test prompts are trained on.
    train = [example(f"t{i}", prose(i, 20) + " " + shared * (i < 20)) for i in range(100)]
    test = [example(f"q{i}", prose(i + 200, 20) + " " + shared * (i < 20)) for i in range(100)]
    leaks = [example("one", test[0].messages[0].content), example("two", prose(201, 20) + shared)]
    left, _ = without_overlap([*train, *leaks], [*test, example("q", prose(201, 20) + shared)])
    assert left == train
    # Few training examples are left, and every one that holds the passage is gone.
    same = [example(f"s{i}", prose(i, 30)) for i in range(20)]
    holding = [example(f"p{i}", prose(600 + i, 10) + " " + passage) for i in range(5)]
    test = [*(example(f"q{i}", prose(i, 30)) for i in range(20)), example("p", passage)]
    left, found = without_overlap([*same, *holding], test)
    assert (left, len(found)) == ([], 25)


@given(st.lists(st.integers(0, 8), max_size=8), st.lists(st.integers(0, 8), max_size=8))
def test_nothing_that_is_left_overlaps_and_nothing_else_went(trained, tested):
    train = [example(f"t{place}", prose(i, 20)) for place, i in enumerate(trained)]
    test = [example(f"q{place}", prose(i, 20)) for place, i in enumerate(tested)]
    left, found = without_overlap(train, test)
    assert [e.id for e in left] == [
        f"t{place}" for place, i in enumerate(trained) if i not in tested
    ]
    assert len(left) + len(found) == len(train)


def test_a_test_question_inside_a_training_response_is_overlap():
    question = prose(1, 30)
    train = [example("t", "other", responses={"own": f"Q: {question} A: 5"})]
    [overlap] = find_overlap(train, [example("q", question)])
    assert (overlap.kind, overlap.share) == ("near", 1.0)


def test_the_self_test_stops_where_references_do_not_verify_and_shows_the_rows():
    good = [example(str(i), answer="5", reference="Final Answer: 5") for i in range(97)]
    bad = [example(f"bad{i}", answer="5", reference="Final Answer: 6") for i in range(3)]
    numeric = get_verifier("numeric")
    result = self_test(numeric, good + bad)
    assert (result.checked, result.correct) == (100, 97)
    assert all(row.contradicts_label for row in result.failing)
    with pytest.raises(DataError, match=r"97 of 100 .* bad0: incorrect, read '6'"):
        require_references(result)
    require_references(self_test(numeric, good + bad[:1]))


def test_a_self_test_without_labels_checks_nothing():
    result = self_test(get_verifier("numeric"), [example("a", reference="Final Answer: 5")])
    assert (result.checked, result.rate) == (0, None)
    require_references(result)


def test_the_report_names_strategies_duplicates_and_twins():
    examples = [
        example(
            str(i),
            prose(i % 9, 30) + " Give the final answer at the end.",
            reference=CLEAN,
            responses={"a": f"I apologize. {prose(i)}\nFinal Answer: 5", "b": CLEAN},
        )
        for i in range(10)
    ]
    assert expects_final_answer(examples)
    report = check_hygiene(examples)
    text = "\n".join(report.sentences)
    assert "a: 10 of 10 responses: apologise" in text
    assert "'b' and 'reference' are the same text in 10 of 10 examples" in text
    assert "2 examples have equal or nearly equal prompts, in 1 groups (e.g. 0, 9)" in text
