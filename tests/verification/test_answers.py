"""The table of nasty answers: what each verifier has to make of them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idiolect.records import Example, Message
from idiolect.verification import get_verifier
from idiolect.verification.answers import boxed_spans, stated_answer

C, I, U, N = "correct", "incorrect", "unparsable", "unchecked"  # noqa: E741
COLOURS = ("red", "dark blue", "blue", "green", "none of the above")

NUMERIC = [
    # --- where the answer stands
    ("72", "Final Answer: 72", C),
    ("72", "Final Answer: 73", I),
    ("72", "**Final Answer:** 72", C),
    ("72", "**Final Answer**: 72", C),
    ("72", "### Final Answer\n\n72", C),
    ("72", "Final Answer\n72", C),
    ("72", "FINAL_ANSWER: 72", C),
    ("72", "final answer: 72", C),
    ("72", "The final answer is 72.", C),
    ("72", "The final answer is $\\boxed{72}$. I hope it is correct.", C),
    ("72", "Final Answer (in clips): 72", C),
    ("9", "$Final\\ Answer:\\ 9$", C),
    ("9", "$\\text{Final Answer}: 9$", C),
    ("72", "Final Answer: 72\n\nI hope that helps! Ask me 3 more.", C),
    ("72", "Final Answer: 70\nWait, no.\nFinal Answer: 72", C),
    ("72", "Final Answer: 72\nFinal Answer: 70", I),
    ("72", "The final answer should be above 10. So we get 72", C),
    ("72", "48 + 24 = 72\n#### 72", C),
    ("72", "#### 72 clips", C),
    ("72", "It is \\boxed{72}", C),
    ("72", "First \\boxed{70}, then \\boxed{72}", C),
    ("17", "\\boxed 17", C),
    ("17", "$\\boxed {17}.$", C),
    ("5", "\\boxed{5} and the set is {1, 2}", C),
    ("72", "Answer: 72", C),
    ("72", "The answer is 72", C),
    ("72", "So the correct answer is: 72.", C),
    ("72", "She sold 48 and then 24, which makes 72 in all.", C),
    ("72", "72", C),
    ("72", "", U),
    ("72", "I do not know.", U),
    ("72", "Final Answer:", U),
    ("72", "She sold 72. Final Answer: ", U),
    ("72", "Final Answer: NUMBER_HERE", U),
    ("72", "Final Answer: There is no solution.", U),
    # --- thousands, decimals
    ("1234", "Final Answer: 1,234", C),
    ("1234", "Final Answer: $1,234.00", C),
    ("2125", "#### 2,125", C),
    ("1234567", "Final Answer: 1,234,567", C),
    ("1234567", "Final Answer: 1 234 567", C),
    ("1234567", "Final Answer: 1\u202f234\u202f567", C),
    ("1234567", "Final Answer: 1{,}234{,}567", C),
    ("1234567", "Final Answer: $1,\\!234,\\!567$", C),
    ("1234567", "Final Answer: 1.234.567", C),
    ("100000", "Final Answer: 1,00,000", C),
    ("1234", "Final Answer: 1", I),
    ("1", "Final Answer: 1,234", I),
    ("3.5", "#### 3.5", C),
    ("3", "Final Answer: 3.0", C),
    ("3", "Final Answer: 3.", C),
    ("0.5", "Final Answer: .5", C),
    ("10", "Final Answer: $10.00", C),
    ("26.18", "Final Answer: ≈26.18", C),
    ("26.18", "Final Answer: approximately 26.18", C),
    ("0.667", "Final Answer: 2/3", C),
    ("2/3", "Final Answer: 0.67", C),
    ("2/3", "Final Answer: 0.7", I),
    ("2/3", "Final Answer: 0.66", I),
    ("18", "Final Answer: 18.004", I),
    ("0", "Final Answer: 0.001", I),
    ("0.001", "Final Answer: 0.00", I),
    # --- signs
    ("-5", "Final Answer: -5", C),
    ("-5", "Final Answer: \u22125", C),
    ("-5", "Final Answer: \u20135", C),
    ("-5", "Final Answer: - 5", C),
    ("-5", "Final Answer: $-5$", C),
    ("-5", "Final Answer: -$5", C),
    ("-5", "Final Answer: $-$5", C),
    ("-5", "Final Answer: (-5)", C),
    ("-5", "Final Answer: 5", I),
    ("5", "Final Answer: -5", I),
    ("5", "Final Answer: +5", C),
    ("24", "So 48 - 24 is 24, Final Answer: 48 - 24 = 24", C),
    # --- fractions
    ("-5/4", "Final Answer: $-\\frac{5}{4}$", C),
    ("-5/4", "Final Answer: -5/4", C),
    ("-5/4", "Final Answer: -1.25", C),
    ("-1.25", "Final Answer: -5/4", C),
    ("3/4", "Final Answer: \\dfrac{3}{4}", C),
    ("3/4", "Final Answer: \\boxed{\\frac{3}{4}}", C),
    ("3/4", "Final Answer: \\frac34", C),
    ("3/4", "Final Answer: ¾", C),
    ("2.5", "Final Answer: 2 1/2", C),
    ("2.5", "Final Answer: 2½", C),
    ("2.5", "Final Answer: 2\\frac{1}{2}", C),
    ("3/4", "Final Answer: 4/3", I),
    ("3/4", "Final Answer: 3", I),
    ("1/2", "Final Answer: 1/0", U),
    # --- percent, currency, units, scale
    ("60", "Final Answer: 60%", C),
    ("60%", "Final Answer: 60", C),
    ("0.6", "Final Answer: 60%", C),
    ("60%", "Final Answer: 0.6", C),
    ("60", "Final Answer: 60\\%", C),
    ("60", "Final Answer: 60 percent", C),
    ("60", "Final Answer: 0.6", I),
    ("25", "Final Answer: £25", C),
    ("25", "Final Answer: €25.00", C),
    ("25", "Final Answer: 25 USD", C),
    ("25", "Final Answer: $\\$25$", C),
    ("10", "Final Answer: $10/hour", C),
    ("350", "Final Answer: $350/puppy.", C),
    ("25", "Final Answer: 25ml", C),
    ("5", "Final Answer: 5g", C),
    ("120", "Final Answer: 120 km/h", C),
    ("90", "Final Answer: $90^\\circ$", U),
    ("6", "Final Answer: $6 \\text{ cm}$", C),
    ("9000000", "Final Answer: $9 million", C),
    ("2500", "Final Answer: 2.5k", C),
    ("1200000", "Final Answer: $1.2M", C),
    ("9", "Final Answer: 9 million", I),
    ("150000", "Final Answer: 1.5e5", C),
    ("150000", "Final Answer: $1.5 \\times 10^{5}$", C),
    ("150000", "Final Answer: 1.5 × 10^5", C),
    # --- sentences and remarks
    ("9", "Final Answer: Dallas is 9 years old.", C),
    ("60", "Final Answer: Joy will take 60 minutes to read the entire 120-page book", C),
    ("3", "Final Answer: 3 bolts (2 blue + 1 white)", C),
    ("840", "Final Answer: $840 ($600 + $240)", C),
    ("26", "Final Answer: 16 (flour) + 10 (water) = <<16+10=26>>26 cups.", C),
    ("35", "Final Answer: 10 (yellow) + 18 (purple) + 7 (green) = 35 flowers", C),
    ("10", "Final Answer: $12/hour * 0.8333 hours = $10.00\n\nSo she earned $10.", C),
    ("240", "Final Answer = 200 + 200 * 0.2\n    = 200 + 40\n    = $240", C),
    ("12", "Final Answer: 12 = 3 * 4", C),
    ("6", "Final Answer: x = 6", C),
    ("6", "Final Answer: $x = 6$.\n\nTherefore, there were 9 people", C),
    ("6", "Final Answer:\n\n$$x = 6$$", C),
    ("6", "Final Answer: \\[ 6 \\]", C),
    ("7", "Final Answer: $2(3) + 1 = 7$", C),
    ("42", "Final Answer: 42!", C),
    ("42", "Final Answer: 42 🎉", C),
    ("42", "Final Answer: `42`", C),
    ("42", 'Final Answer: "42"', C),
    ("42", "Final Answer: 42<|eot_id|>", C),
    ("12", "Final Answer: twelve", C),
    ("121", "Final Answer: one hundred and twenty-one eggs", C),
    ("4", "Final Answer: the 4th", C),
    ("2", "Final Answer: There are 2 pairs of integers with $x^2 - y^2 = 51$.", C),
    ("1", "Now z = 66 - 4 x $1.00 - ", U),
    # --- expressions are no numbers
    ("2", "Final Answer: $2\\sqrt{3}$", U),
    ("2", "Final Answer: 2√3", U),
    ("15", "Final Answer: 15x buildings collapsed.", U),
    ("2", "Final Answer: $x^2$", U),
    ("36", "Final Answer: $36 + 16\\sqrt{2}$", U),
    ("9", "Final Answer: 9:30", U),
    ("2", "Final Answer: 2\\pi", U),
    # --- several answers
    ("59", "Final Answer: 59 or 61 (depending on the rounding method)", I),
    ("3", "Final Answer: $r = 3$ or $r = -3$.", I),
    ("4", "Final Answer: x = 3, y = 4", I),
    ("4", "Final Answer: x = 4 or x = 4", C),
    ("3, 4", "Final Answer: 4 and 3", C),
    ("3, 4", "Final Answer: 3", I),
    ("32", "Final Answer: Weasels: 32, Rabbits: 12", I),
    ("12", "Final Answer: Total: 12", C),
    # --- nothing to check
    (None, "Final Answer: 5", N),
    ("a poem", "Final Answer: 5", N),
    # --- size
    ("7", "Final Answer: " + "9" * 100_000, U),
    ("7", "1" + ",111" * 25_000, I),
]

CHOICE = [
    ("2", "Final Answer: 2", C),
    ("2", "Final Answer: (2)", C),
    ("2", "Final Answer: 2.", C),
    ("2", "Final Answer: 2) dark blue", C),
    ("2", "Final Answer: (2) dark blue.", C),
    ("2", "Final Answer: **(2)** Dark Blue", C),
    ("2", "Final Answer: Option 2", C),
    ("2", "Final Answer: option (2).", C),
    ("2", "Final Answer: \\boxed{2}", C),
    ("2", "Final Answer: dark blue", C),
    ("3", "Final Answer: blue", C),
    ("3", "Final Answer: dark blue", I),
    ("2", "Final Answer: The correct option is (2).", C),
    ("2", "Final Answer:\n\nThe correct answer is (2) dark blue.", C),
    ("2", "Final Answer: 2\n\nAnswer: 2", C),
    ("2", "Final Answer: 3", I),
    ("2", "Final Answer: (2) or (3)", I),
    ("2", "Final Answer: 2, 3 and 4!", I),
    ("2", "Final Answer: (2) dark blue or (4) green.", I),
    ("2", "Final Answer:\n(2) dark blue\nor\n(4) green", I),
    ("2", "Final Answer: (2) green", I),
    ("2", "Final Answer: 7", U),
    ("2", "Final Answer: I cannot tell.", U),
    ("2", "Final Answer: None of them.", U),
    ("5", "Final Answer: None of the above.", C),
    ("5", "Final Answer: None of the above (5)", C),
    ("2", "", U),
    ("2", "The sky at night. The correct answer is (2).", C),
    ("2", "Red is too bright, so it must be dark blue.", C),
    ("B", "Final Answer: B", C),
    ("B", "Final Answer: (B) dark blue", C),
    ("B", "Final Answer: b)", U),
    ("B", "Final Answer: Option B", C),
    ("B", "Answer: B.", C),
    ("B", "Final Answer: C", I),
    ("(B)", "Final Answer: B", C),
    ("dark blue", "Final Answer: B", C),
    ("dark blue", "Final Answer: 2", C),
    ("2", "Final Answer: A deep colour such as dark blue", C),
    ("2", "Final Answer: (2) dark blue. However, (4) could also be argued.", C),
    ("0", "Final Answer: 0", C),
    ("9", "Final Answer: 2", N),
]

EXACT = [
    ("Paris", "Final Answer: Paris", C),
    ("Paris", "Final Answer: paris.", C),
    ("Paris", "The answer is **Paris**", C),
    ("Paris", "Paris", C),
    ("Paris", "Final Answer: London", I),
    ("yes", "Final Answer: Yes, because it rains.", C),
    ("yes", "No.", I),
    ("no", "Final Answer: Not at all", I),
    ("entailment", "Final Answer: Entailment", C),
    ("true", "Answer: \\text{True}", C),
    ("O'Brien", "Final Answer: O’Brien", C),
    ("new york", "Final Answer: New   York", C),
    ("-5", "Final Answer: 5", I),
    ("3.5", "Final Answer: 35", I),
    ("Paris", "", U),
    ("Paris", "Final Answer: ...", U),
    (None, "Final Answer: Paris", N),
]

MATHS = [
    ("x^2+1", "Final Answer: $1 + x^2$", C),
    ("x^2+1", "Final Answer: $x^2 - 1$", I),
    ("\\frac{\\sqrt{3}}{3}", "Final Answer: $\\frac{1}{\\sqrt{3}}$", C),
    ("\\frac{1}{2}", "Final Answer: 0.5", C),
    ("\\frac{2}{3}", "Final Answer: 0.67", I),
    ("11\\sqrt{2}", "so it is $11\\sqrt{2}$", C),
    ("2\\sqrt{2}", "Final Answer: $\\sqrt{8}$", C),
    ("\\{1,2\\}", "\\boxed{\\{1,2\\}}", C),
    ("\\{1,2\\}", "\\boxed{\\{2,1\\}}", C),
    ("(2,3)", "Final Answer: $\\left( 2, 3 \\right)$.", C),
    ("(2,3)", "Final Answer: (3, 2)", I),
    ("[2,5)", "Final Answer: $[2, 5)$", C),
    ("[2,5)", "Final Answer: $(2, 5]$", I),
    ("\\text{Evelyn}", "Final Answer: Evelyn", C),
    ("\\text{Evelyn}", "Final Answer: Bob", I),
    ("90^\\circ", "Final Answer: 90 degrees", C),
    ("x=3", "Final Answer: 3", C),
    ("3", "Final Answer: $x = 3$", C),
    ("17", "Final Answer: 18", I),
    ("10,000", "Final Answer: $10{,}000$", C),
    ("2x+3", "", U),
    (None, "Final Answer: $x$", N),
]


def example(answer, choices=None):
    messages = (Message(role="user", content="What is it?"),)
    return Example(id="x", messages=messages, answer=answer, choices=choices)


def named(rows):
    return [pytest.param(*row, id=f"{row[0]}|{row[1][:50]!r}") for row in rows]


def test_the_table_is_long_enough():
    assert len(NUMERIC) + len(CHOICE) + len(EXACT) + len(MATHS) >= 150


@pytest.mark.parametrize(("answer", "response", "status"), named(NUMERIC))
def test_numeric_reads_the_answer_as_a_person_would(answer, response, status):
    [finding] = get_verifier("numeric").check([(example(answer), response)])
    assert finding.status == status, finding


@pytest.mark.parametrize(("answer", "response", "status"), named(CHOICE))
def test_choice_reads_the_answer_as_a_person_would(answer, response, status):
    [finding] = get_verifier("choice").check([(example(answer, COLOURS), response)])
    assert finding.status == status, finding


@pytest.mark.parametrize(("answer", "response", "status"), named(EXACT))
def test_exact_reads_the_answer_as_a_person_would(answer, response, status):
    [finding] = get_verifier("exact").check([(example(answer), response)])
    assert finding.status == status, finding


def test_maths_reads_the_answers_as_a_person_would():
    pytest.importorskip("math_verify")
    verifier = get_verifier("maths")
    findings = verifier.check([(example(answer), response) for answer, response, _ in MATHS])
    wrong = [
        (row, finding)
        for row, finding in zip(MATHS, findings, strict=True)
        if finding.status != row[2]
    ]
    assert wrong == []
    verifier.close()


def test_a_box_is_read_to_its_own_brace():
    text = r"\boxed{\{1,2\}} and {3}"
    assert [text[a:b] for a, b in boxed_spans(text)] == [r"\{1,2\}"]


def test_the_rule_that_fired_is_stored():
    check = get_verifier("numeric").check
    responses = ["Final Answer: 5", "#### 5", r"\boxed{5}", "The answer is 5", "so 5 it is"]
    rules = [finding.rule for finding in check([(example("5"), r) for r in responses])]
    assert rules == ["final-answer", "hash", "boxed", "answer-is", "last-number"]


@pytest.mark.parametrize("name", ["numeric", "choice", "exact"])
@pytest.mark.parametrize(
    "unit",
    [
        *("(a (", "a", "1", "1,", "(", "{", "$", "=", " ", "1 ", "-", "\n", "1/", "1.1.", "**"),
        *("\\boxed{", "final answer", "Final Answer:\n", "\\frac{1}", "answer is ", "<<1"),
        *("x = 1 or ", "\u00bd"),
    ],
)
def test_no_text_keeps_a_verifier_busy(name, unit):
    text = unit * (100_000 // len(unit))
    began = time.perf_counter()
    for response in (text, "Final Answer: " + text):
        get_verifier(name).check([(example("5", COLOURS), response)])
    assert time.perf_counter() - began < 3.0


@given(st.text(max_size=400))
def test_any_text_gets_a_finding_of_each_verifier(text):
    for name in ("numeric", "choice", "exact"):
        [finding] = get_verifier(name).check([(example("5", COLOURS), text)])
        assert finding.status in ("correct", "incorrect", "unparsable")
    assert stated_answer(text) is None or stated_answer(text).start <= len(text)


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_every_integer_is_read_as_written_and_with_separators(number):
    check = get_verifier("numeric").check
    responses = [f"Final Answer: {number}", f"Final Answer: {number:,}", f"\\boxed{{{number}}}"]
    findings = check([(example(str(number)), response) for response in responses])
    assert {finding.status for finding in findings} == {"correct"}
    [wrong] = check([(example(str(number + 1)), responses[0])])
    assert wrong.status == "incorrect"


@given(st.integers(-999, 999), st.integers(1, 999))
def test_a_fraction_equals_itself_however_it_is_written(above, below):
    sign, above_abs = "-" if above < 0 else "", abs(above)
    responses = [f"Final Answer: {above}/{below}", f"#### {sign}\\frac{{{above_abs}}}{{{below}}}"]
    findings = get_verifier("numeric").check([(example(f"{above}/{below}"), r) for r in responses])
    assert {finding.status for finding in findings} == {"correct"}
