"""The pilot: who is ranked, over what, and what it says."""

import json
import math

import pytest
import tiny

from idiolect.config import PriceConfig
from idiolect.familiarity import Measured
from idiolect.pipeline.compare.command import projected_costs
from idiolect.pipeline.compare.ranking import rank
from idiolect.pipeline.compare.words import recommendation
from idiolect.pipeline.table import RunRows, strategy_table
from idiolect.records import Candidate, Measurement, Spend, Verdict

PROMPTS = [f"e{n}" for n in range(20)]


def rows(**strategies) -> RunRows:
    """Return the rows of a run: strategy -> (NLL of one of ten tokens, wrong prompts, tokens)."""
    candidates, verdicts, measurements = [], {}, {}
    for name, (nll, wrong, tokens) in strategies.items():
        for place, prompt in enumerate(PROMPTS):
            key = f"{name}/{prompt}"
            candidates.append(
                Candidate(
                    id=key,
                    example_id=prompt,
                    strategy=name,
                    text=key,
                    finish_reason="stop",
                    cost_usd=0.01 if name == "dear" else 0.0,
                )
            )
            status = "incorrect" if place < wrong else "correct"
            verdicts[key] = Verdict(candidate_id=key, verifier="numeric", status=status)
            # Prompts differ, in the same way for all strategies.
            measurement = Measurement(
                candidate_id=key,
                context="prompt",
                nll=tokens * (nll + 0.1 * (place % 5)),
                tokens=tokens,
                bytes=4 * tokens,
                rank_sum=2 * tokens,
                clipped_rank_sum=2 * tokens,
                terminator_nll=0.1,
                path="plain",
            )
            measurements[key] = Measured(prompt=measurement)
    return RunRows(candidates=candidates, verdicts=verdicts, measurements=measurements, choices={})


def ranked(found: RunRows, strategies, **options):
    return rank(
        found,
        strategies,
        prompts=PROMPTS,
        first=["perplexity"],
        least_coverage=0.8,
        seed=0,
        **options,
    )


def words(found: RunRows, strategies, costs=None) -> list[str]:
    table = strategy_table(found, ["perplexity"])
    return recommendation(ranked(found, strategies), table, costs or {}, 1000)


def spend(strategy: str, usd: float | None, **fields) -> Spend:
    row = {"subject_id": "c", "attempt": 1, "request": 0, "example_id": "e", "model": "openai:m"}
    row |= {"tokens_in": 1000, "tokens_out": 500, "cost_usd": usd, "cached": False}
    return Spend(**row | {"strategy": strategy} | fields)


def test_answers_that_the_cache_gave_to_the_pilot_are_not_free_for_the_whole_data():
    prices = {"m": PriceConfig(input_usd_per_million=1.0, output_usd_per_million=2.0)}
    spends = [
        spend("teacher", 0.01, request_key="first"),
        spend("teacher", 0.0, request_key="first", cached=True, attempt=2),  # after a kill
        spend("teacher", 0.0, request_key="second", cached=True),
        spend("ladder/minimal-change", 0.01),
        spend("styled", None),
        spend("detailed", 0.0, request_key="third", cached=True, model="openai:unknown"),
    ]
    names = ["reference", "teacher", "ladder", "styled", "detailed"]
    assert projected_costs(spends, names, prices, factor=10) == {
        "reference": 0.0,
        "teacher": pytest.approx(10 * (0.01 + 0.002)),
        "ladder": pytest.approx(0.1),
        "styled": None,
        "detailed": None,
    }


def test_the_most_familiar_of_the_correct_is_recommended_with_its_probability():
    found = rows(near=(0.5, 0, 10), far=(1.5, 0, 10))
    ranking = ranked(found, ["near", "far"])
    first = ranking.measures[0]
    assert first.measure == "perplexity"
    assert list(first.means) == ["near", "far"]
    # The geometric mean: exp of 0.5 and the mean of 0, 0.1, ... 0.4.
    assert first.means["near"] == pytest.approx(math.exp(0.7))
    assert first.best == {"near": 1.0, "far": 0.0}
    assert first.runner_up == pytest.approx((1.0, 1.0))
    said = words(found, ["near", "far"])
    assert said[0].startswith("Recommendation: near (perplexity 2.01, best with probability 1.00")
    assert "over 20 prompts" in said[0]
    assert any("does not prove it" in line or "not prove it" in line for line in said)


def test_a_wrong_response_is_not_ranked_however_familiar():
    found = rows(wrong=(0.1, 20, 10), right=(1.5, 0, 10))
    ranking = ranked(found, ["wrong", "right"])
    assert ranking.left_out == ("wrong",)
    assert list(ranking.measures[0].means) == ["right"]
    assert any(
        line.startswith("wrong is not ranked: a usable response for 0 of 20")
        for line in words(found, ["wrong", "right"])
    )


def test_means_are_compared_over_the_prompts_that_all_ranked_strategies_share():
    found = rows(some=(0.5, 3, 10), all=(0.5, 0, 10))
    ranking = ranked(found, ["some", "all"])
    assert ranking.shared == 17
    means = ranking.measures[0].means
    # Over its own 17 prompts `some` would look as familiar only over the same ones of `all`.
    assert means["some"] == pytest.approx(means["all"])


def test_two_that_tie_cannot_be_told_apart_and_the_cheaper_is_named():
    found = rows(free=(0.5, 0, 10), dear=(0.5, 0, 10))
    said = words(found, ["free", "dear"], costs={"free": 0.0, "dear": 10.0})
    assert said[0].startswith("Recommendation: cannot tell between free, dear;")
    assert "The cheapest of them is free." in said[0]


def test_confounds_and_an_unknown_cost_are_said():
    found = rows(near=(0.5, 2, 30), far=(1.5, 0, 10))
    said = words(found, ["near", "far"], costs={"near": None, "far": 0.0})
    assert "confound: near has 30 tokens, far 10." in said
    assert "confound: 90% of near is correct and 100% of far." in said
    assert "Cost of near for all 1000 examples: unknown." in said


def test_nothing_usable_gives_no_recommendation():
    found = rows(a=(0.5, 20, 10), b=(0.5, 20, 10))
    assert words(found, ["a", "b"])[0].startswith("No recommendation: 0 of 20 prompts")


def test_compare_draws_its_prompts_by_the_seed_and_projects_to_the_whole(
    idiolect, tmp_path, tiny_model
):
    data = tiny.write_jsonl(tmp_path / "sums.jsonl", tiny.arithmetic_rows(12))
    arguments = ("compare", data, "--target", tiny_model, "--strategies", "reference,column:right")
    printed = idiolect(*arguments, "-n", 6, "--json")
    assert printed.code == 0
    assert (printed.data["prompts"], printed.data["whole"]) == (6, 12)
    assert printed.data["costs_usd"] == {"reference": 0.0, "column:right": 0.0}
    assert printed.data["ranking"]["shared"] == 6
    again = idiolect(*arguments, "-n", 6, "--json", "-o", "again").data
    assert again["ranking"] == printed.data["ranking"]
    other = idiolect(*arguments, "-n", 6, "--json", "-o", "other", "--seed", 5).data
    assert other["ranking"] != printed.data["ranking"]
    shown = idiolect(*arguments, "-n", 6).out
    assert "measure" in shown
    assert "Cost of" in shown


def test_a_pilot_of_one_prompt_is_refused(idiolect, tmp_path, tiny_model):
    data = tiny.write_jsonl(tmp_path / "sums.jsonl", tiny.arithmetic_rows(4))
    (tmp_path / "c.yaml").write_text(json.dumps({"compare": {"prompts": 1}}))
    printed = idiolect("compare", data, "--target", tiny_model, "-c", tmp_path / "c.yaml")
    assert printed.code == 3
    assert "compare.prompts: found 1" in printed.messages[0]
