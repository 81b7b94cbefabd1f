"""The study of SmolLM2: its tables by hand, and one small run of the whole command."""

import json
import math

import pytest
import tiny

from studies.smollm2.__main__ import main
from studies.smollm2.analysis import agreements, statements, variant_table
from studies.smollm2.scoring import ScoredRow


def row(variant, example, nats, *, task="gsm8k", tokens=2):
    return ScoredRow(
        task=task,
        example_id=example,
        variant=variant,
        nll=nats * tokens,
        tokens=tokens,
        bytes=9,
        rank_surprisal=3.0,
    )


def spread(variant, nats, n=12, **options):
    return [row(variant, f"e{i}", nats + 0.01 * (i % 3), **options) for i in range(n)]


def test_both_means_are_those_that_a_hand_computes():
    (found,) = variant_table([row("gpt4", "a", 1.0), row("gpt4", "b", 3.0, tokens=5)])
    assert found.n == 2
    assert found.tokens == 7
    assert found.perplexity == pytest.approx(math.exp(2.0))
    assert found.arithmetic == pytest.approx((math.e + math.exp(3)) / 2)
    assert found.rank_surprisal == pytest.approx(3.0)
    assert found.low <= found.perplexity <= found.high


def test_the_order_of_variants_is_compared_with_the_recorded_one():
    # Recorded for Mistral: claude < gpt4o_mini < gpt4 < reference. Ours: two neighbours exchanged.
    order = {"claude": 0.5, "gpt4o_mini": 0.9, "gpt4": 0.8, "reference": 2.0}
    table = variant_table([r for v, nats in order.items() for r in spread(v, nats)])
    mistral, llama = agreements(table)
    assert (mistral.model, mistral.variants) == ("mistral-7b-instruct", 4)
    assert mistral.arithmetic == pytest.approx(0.8)  # 1 - 6 · 2 / (4 · 15)
    assert mistral.geometric == pytest.approx(0.8)
    assert (llama.variants, llama.arithmetic) == (1, None)


def test_a_statement_holds_fails_or_can_not_be_told():
    noisy = [row("llama2_own", f"e{i}", 1.0 + (0.5 if i % 2 else -0.5)) for i in range(12)]
    found = {
        (s.statement.split()[0], s.variant, s.other): s
        for s in statements(
            [
                *spread("reference", 2.0),
                *spread("gpt4", 1.0),
                *spread("gpt4_paraphrase_of_gpt4", 0.5),
                *spread("gpt4_step_by_step", 0.9),
                *noisy,
            ]
        )
    }
    reference = found["references", "reference", "gpt4"]
    assert reference.ratio == pytest.approx(math.e)
    assert (reference.found, reference.holds, reference.n) == ("more foreign", "yes", 12)
    paraphrase = found["a", "gpt4_paraphrase_of_gpt4", "gpt4"]
    assert (paraphrase.found, paraphrase.holds) == ("more familiar", "no")
    assert found["step-by-step", "gpt4_step_by_step", "gpt4"].holds == "yes"
    assert found["another", "llama2_own", "gpt4"].holds == "cannot tell"
    assert not any(s.variant == "mistral_own" for s in found.values())


def test_the_command_writes_the_same_files_twice_and_no_text_of_a_response(tmp_path, tiny_model):
    rows = tiny.arithmetic_rows(4)
    for entry in rows:
        entry["responses"] = {
            "gpt4": f"We count. Final Answer: {entry['answer']}",
            "claude": f"Apples! Final Answer: {entry['answer']}",
            "mistral_minimal_change": f"It is {entry['answer']}.",
        }
    tiny.write_jsonl(tmp_path / "gsm8k.jsonl", rows)
    common = ["--data", tmp_path, "--target", tiny_model, "--tasks", "gsm8k", "--rows", "3"]
    common += ["--runs", tmp_path / "runs"]
    names = ("README.md", "results.json", "scores.csv", "perplexity.svg")
    written = []
    for output in ("a", "b"):
        arguments = [*common, "--output", tmp_path / output]
        assert main([str(argument) for argument in arguments]) == 0
        written.append({name: (tmp_path / output / name).read_bytes() for name in names})
    assert written[0] == written[1]
    results = json.loads(written[0]["results.json"])
    assert [v["variant"] for v in results["variants"]] == [
        *("reference", "gpt4", "claude", "mistral_minimal_change"),
    ]
    assert all(v["n"] == 3 for v in results["variants"])
    everything = b"".join(written[0].values())
    assert b"apples" not in everything.lower()
    assert str(tmp_path).encode() not in everything
    assert b"| gsm8k | reference | 3 |" in written[0]["README.md"]
