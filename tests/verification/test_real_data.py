"""Verdicts on real responses against the published fractions (arXiv 2402.11192)."""

import shutil
import time
from pathlib import Path

import pytest

from idiolect.data import read
from idiolect.verification import get_verifier
from idiolect.verification.answers import final_answer_ends
from idiolect.verification.numbers import plain_text, read_numbers
from idiolect.verification.self_test import self_test

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real responses are not here"),
]
needs_bubblewrap = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is missing")

# Share of correct final answers by the rule "first number after the last `Final Answer`", on
# these very rows.
GSM8K = {
    "gpt4": 0.957, "claude": 0.960, "gpt4o_mini": 0.900, "gpt4_step_by_step": 0.987,
    "gpt4_paraphrase_of_gpt4": 0.957, "llama2_own": 0.377, "llama2_minimal_change": 0.980,
    "mistral_own": 0.370, "mistral_minimal_change": 0.913,
}  # fmt: skip
ECQA = {
    "gpt4": 0.967, "claude": 0.943, "gpt4_rewrite_of_reference": 1.000, "llama2_own": 0.577,
    "llama2_minimal_change": 1.000, "mistral_own": 0.567, "mistral_minimal_change": 0.997,
}  # fmt: skip
# Share of programs that pass, on the 374 rows that these 120 were taken from.
MBPP = {"gpt4": 0.703, "claude": 0.842}


def rate(verifier, examples, name):
    findings = verifier.check([(example, example.responses[name]) for example in examples])
    return sum(finding.status == "correct" for finding in findings) / len(findings)


@pytest.mark.parametrize(
    ("name", "verifier", "least"),
    [("gsm8k", "numeric", 0.99), ("ecqa", "choice", 0.99), ("math_algebra", "maths", 0.98)],
)
def test_references_verify(name, verifier, least):
    if verifier == "maths":
        pytest.importorskip("math_verify")
    result = self_test(get_verifier(verifier), read(DATA / f"{name}.jsonl"))
    assert result.checked == 300
    assert result.rate >= least


@needs_bubblewrap
@pytest.mark.parametrize(("name", "count"), [("mbpp", 120), ("humaneval", 60)])
def test_reference_programs_verify(name, count):
    verifier = get_verifier("code", confirm_run_unsafe_code=True)
    result = self_test(verifier, read(DATA / f"{name}.jsonl"))
    assert result.checked == count
    assert result.rate >= 0.99


@pytest.mark.parametrize("name", [n for n in GSM8K if n != "mistral_own"])
def test_numeric_agrees_with_the_published_fractions(name):
    measured = rate(get_verifier("numeric"), read(DATA / "gsm8k.jsonl"), name)
    assert measured == pytest.approx(GSM8K[name], abs=0.03)


def test_where_numeric_disagrees_the_published_rule_took_the_first_operand():
    # `$1750 + $3500 = $5250`: their rule reads 1750. Judged by the first number we agree.
    examples = read(DATA / "gsm8k.jsonl")
    correct = 0
    for example in examples:
        text = example.responses["mistral_own"]
        ends = final_answer_ends(text)
        numbers = read_numbers(plain_text(text[ends[-1] : ends[-1] + 400])) if ends else []
        correct += bool(numbers) and numbers[0].value == int(example.answer)
    assert correct / len(examples) == pytest.approx(GSM8K["mistral_own"], abs=0.03)
    assert rate(get_verifier("numeric"), examples, "mistral_own") > GSM8K["mistral_own"]


@pytest.mark.parametrize("name", ECQA)
def test_choice_agrees_with_the_published_fractions(name):
    measured = rate(get_verifier("choice"), read(DATA / "ecqa.jsonl"), name)
    assert measured == pytest.approx(ECQA[name], abs=0.03)


@needs_bubblewrap
@pytest.mark.slow
@pytest.mark.parametrize("name", MBPP)
def test_code_agrees_with_the_published_fractions_as_far_as_a_sample_can(name):
    verifier = get_verifier("code", confirm_run_unsafe_code=True)
    examples = read(DATA / "mbpp.jsonl")
    measured = rate(verifier, examples, name)
    half_width = 1.96 * (measured * (1 - measured) / len(examples)) ** 0.5
    assert measured == pytest.approx(MBPP[name], abs=0.01 + half_width)


def test_a_core_checks_a_hundred_numbers_a_second():
    examples = read(DATA / "gsm8k.jsonl")
    pairs = [(e, text) for e in examples for text in e.responses.values()]
    began = time.perf_counter()
    get_verifier("numeric").check(pairs)
    assert len(pairs) / (time.perf_counter() - began) > 100
