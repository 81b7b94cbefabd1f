"""The study of forgetting: its tables by hand, and a small run that is stopped and goes on."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny
from scipy import stats

from idiolect.config import load_config
from idiolect.evaluation.drift import DriftBase
from idiolect.records import Drift
from idiolect.training import TrainingRow
from idiolect.training.train import TrainingResult
from studies.smollm2.forgetting.__main__ import STUDY, main
from studies.smollm2.forgetting.analysis import (
    dataset_table,
    drift_table,
    on_and_off_the_task,
    pair_table,
)
from studies.smollm2.forgetting.cells import Cell
from studies.smollm2.forgetting.drifting import OUTSIDE, TASKS, probe_prompts
from studies.smollm2.forgetting.page import page
from studies.smollm2.forgetting.responses import Responses
from studies.smollm2.forgetting.saved import read_drifts, write_drifts

NAMES = ("forgetting.md", "forgetting.json", "forgetting.csv", "forgetting.svg")


def moved(task, number, kl, rise=0.0):
    """Return the drift on one answer of two tokens, in nats per token."""
    return Drift(
        example_id=f"{task}-{number}",
        source="own",
        tokens=2,
        kl_base_tuned=2 * kl,
        kl_tuned_base=4 * kl,
        base_nll=1.0,
        tuned_nll=1.0 + 2 * rise,
        subject_id="",
        split=task,
    )


def adapter(kls, *, rise=0.0):
    """Return the drift of one adapter, with the same values on each task."""
    return [moved(task, i, kl, rise + kl / 10) for task in TASKS for i, kl in enumerate(kls)]


def test_means_and_intervals_are_those_that_a_hand_computes():
    measured = {
        ("own", 0): adapter([0.1, 0.2, 0.3]),
        ("own", 1): adapter([0.3, 0.4, 0.5]),
        ("reference", 0): adapter([0.5, 0.5, 0.8]),
        ("reference", 1): adapter([0.5, 0.5, 0.8]),
    }
    found = {(row.scope, row.dataset): row for row in drift_table(measured)}
    own = found["chat", "own"]
    assert (own.n, own.seeds) == (3, 2)
    assert own.kl == pytest.approx(0.3)
    assert own.kl_reverse == pytest.approx(0.6)
    assert (own.nll_before, own.nll_after) == (0.5, pytest.approx(0.53))
    assert own.rise == pytest.approx(0.03)
    # Prompts 0.2, 0.3, 0.4: variance 0.01 / 3. Seeds 0.2 and 0.4, pooled with two equal ones:
    # squares 0.02 over 2 degrees of freedom, by 2 seeds.
    of_prompts, of_seeds = 0.01 / 3, 0.01 / 2
    freedom = (of_prompts + of_seeds) ** 2 / (of_prompts**2 / 2 + of_seeds**2 / 2)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(of_prompts + of_seeds)
    assert own.kl_low == pytest.approx(0.3 - half)
    assert own.kl_high == pytest.approx(0.3 + half)
    assert found["outside", "own"].n == 9
    assert found["outside", "reference"].kl == pytest.approx(0.6)


def test_the_pairs_are_by_prompt_and_better_is_what_moves_the_model_less():
    low, noise = np.linspace(0.1, 0.9, 12), np.linspace(0.0, 0.01, 12)
    measured = {
        ("reference", 0): adapter(low + 1.0 + noise),
        ("own", 0): adapter(low),
        ("rewrite", 0): adapter(low + 0.05 * np.cos(np.arange(12) * math.pi)),
        ("gpt4", 0): adapter(low + 1.0 - noise),
    }
    # The order in which the tasks were done does not matter.
    measured["own", 0] = measured["own", 0][::-1]
    found = {(p.scope, p.measure, p.first, p.second): p for p in pair_table(measured)}
    assert len(found) == 5 * 2 * 6
    pair = found["ecqa", "kl", "reference", "own"]
    assert pair.difference == pytest.approx(1.005)
    assert (pair.n, pair.seeds, pair.verdict) == (12, 1, "worse")
    assert pair.by_seed == pytest.approx((1.005,))
    assert found["ecqa", "nll", "own", "gpt4"].verdict == "better"
    assert found["outside", "kl", "own", "rewrite"].verdict == "cannot tell"
    assert found["outside", "kl", "own", "rewrite"].n == 36
    assert pair.low < pair.difference < pair.high


SIZES = {"reference": 1.0, "gpt4": 1.5, "rewrite": 1.001, "own": 0.1, "own-drawn": 0.2}


def test_the_page_says_of_each_dataset_whether_references_move_the_model_more():
    low = np.linspace(0.1, 0.9, 12)
    wobble = 0.05 * np.cos(np.arange(12) * math.pi)
    measured = {
        (name, seed): adapter((low + wobble * 0.1 * seed) * size * (1 + 0.01 * seed))
        for name, size in SIZES.items()
        for seed in range(2)
    }
    measured["rewrite", 0] = adapter((low + wobble) * 1.003)
    together = on_and_off_the_task(measured)
    assert (together.n, together.value) == (10, pytest.approx(1.0))  # the same values on each task
    text = page({"n": 1}, [], drift_table(measured), pair_table(measured), together)
    assert "| than GPT-4's answers | no, less | no, less |" in text
    assert "| than the target's own rewrites of them | cannot tell | cannot tell |" in text
    assert "| than the target's own answers, greedy | yes | yes |" in text
    assert "| than the target's own answers, drawn at temperature 1 | yes | yes |" in text
    assert "correlation over the 10 adapters is +1.00." in text
    # An adapter below zero in NLL did not move less: only KL is called a move.
    assert "- reference moves the model more than own: +" in text
    assert "- reference raises the NLL more than own: +" in text
    assert "One seed" not in text
    once = {key: rows for key, rows in measured.items() if key[1] == 0}
    assert "**One seed.**" in page({}, [], drift_table(once), pair_table(once), together)
    # A bar inside a cell would end it.
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(line.split(" | ")) for line in rows if "do it" in line or "than " in line} == {3}


def test_the_sums_that_are_kept_give_the_same_tables_again(tmp_path):
    measured = {
        (name, seed): adapter(np.random.default_rng(seed + size).uniform(0.001, 0.1, 5).round(4))
        for name, size in (("own", 10), ("reference", 20))
        for seed in range(2)
    }
    write_drifts(tmp_path / "d.csv", measured)
    kept = read_drifts(tmp_path / "d.csv")
    assert kept.keys() == measured.keys()
    for key, rows in measured.items():
        assert [(r.split, r.example_id) for r in kept[key]] == [
            (r.split, r.example_id) for r in rows
        ]
        assert [r.tuned_nll for r in kept[key]] == pytest.approx([r.tuned_nll for r in rows])
    write_drifts(tmp_path / "again.csv", kept)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "d.csv").read_bytes()


RECORDED = ("forgetting.csv", "forgetting.json", "forgetting.md", "forgetting.svg")


@pytest.mark.skipif(not (STUDY / "forgetting.csv").exists(), reason="nothing is recorded yet")
def test_the_committed_page_comes_out_of_the_committed_sums(tmp_path):
    for name in RECORDED[:2]:
        shutil.copy(STUDY / name, tmp_path)
    assert main(["--again", "--output", str(tmp_path)]) == 0
    for name in RECORDED[:3]:
        assert (tmp_path / name).read_bytes() == (STUDY / name).read_bytes()


def test_a_dataset_is_described_by_its_tokens_perplexity_and_losses():
    responses = Responses(
        name="own",
        example_ids=("a", "b"),
        rows=(TrainingRow(messages=(), response="x"),) * 2,
        nlls=(1.0, 3.0),
        tokens=40,
        cut_off=1,
        correct=0,
    )
    cells = [
        Cell(
            dataset="own",
            seed=seed,
            result=TrainingResult(
                adapter=Path("a"),
                steps=10,
                first_loss=losses[0],
                losses=tuple(losses),
                seconds=1.0,
                rows=2,
                tokens=42,
            ),
        )
        for seed, losses in enumerate([[2.0] * 5 + [1.0] * 5, [3.0] * 5 + [0.5] * 5])
    ]
    (row,) = dataset_table([responses], cells)
    assert row.perplexity == pytest.approx(math.exp(2.0))
    assert (row.n, row.tokens, row.cut_off, row.correct) == (2, 40, 1, 0)
    assert (row.first_losses, row.last_losses) == ((2.0, 3.0), (1.0, 0.5))


def write_data(folder, *, rows):
    for task in ("gsm8k", "ecqa", "mbpp"):
        entries = tiny.arithmetic_rows(rows)
        for entry in entries:
            entry["id"] = f"{task}-{entry['id']}"
            entry["responses"] = {"gpt4": f"We count. Final Answer: {entry['answer']}"}
        tiny.write_jsonl(folder / f"{task}.jsonl", entries)


def test_the_prompts_that_models_are_compared_on_are_no_trained_ones(tmp_path):
    write_data(tmp_path, rows=9)
    found = probe_prompts(tmp_path, trained=6, prompts=3)
    assert list(found) == list(TASKS)
    assert [e.id for e in found["gsm8k"]] == ["gsm8k-sum-7", "gsm8k-sum-8", "gsm8k-sum-9"]
    assert [e.id for e in found["mbpp"]] == ["mbpp-sum-1", "mbpp-sum-2", "mbpp-sum-3"]
    chat = probe_prompts(tmp_path, trained=6, prompts=100)["chat"]
    assert len({e.messages for e in chat}) == 24


def test_a_study_that_was_stopped_goes_on_to_the_same_files(
    tmp_path, make_model, monkeypatch, work
):
    write_data(tmp_path, rows=6)
    common = ["--data", tmp_path, "--target", make_model(max_length=1024), "--prompts", 4]
    common += ["--steps", 2, "--seeds", 1, "--probes", 2]

    def run(name):
        folders = ["--runs", tmp_path / f"runs-{name}", "--output", tmp_path / name]
        return main([str(argument) for argument in (*common, *folders)])

    assert run("straight") == 0
    for folder, temperature in (("responses", 0.0), ("responses-drawn", 1.0)):
        resolved = tmp_path / "runs-straight" / folder / "config.resolved.yaml"
        assert load_config(resolved).own.temperature == temperature
    generated = work["generated"]
    measured, drift = [], DriftBase.drift

    def dies_once(*arguments, split, **options):
        measured.append(split)
        if len(measured) == 6:
            raise KeyboardInterrupt
        return drift(*arguments, split=split, **options)

    monkeypatch.setattr(DriftBase, "drift", dies_once)
    with pytest.raises(KeyboardInterrupt):
        run("stopped")
    assert run("stopped") == 0
    assert measured == [*TASKS, TASKS[0], TASKS[1], TASKS[1], *TASKS[2:], *3 * TASKS]
    assert work["generated"] == 2 * generated
    written, again = (
        {name: (tmp_path / folder / name).read_bytes() for name in NAMES}
        for folder in ("straight", "stopped")
    )
    assert written == again

    for name in ("forgetting.md", "forgetting.svg"):
        (tmp_path / "stopped" / name).unlink()
    assert main(["--again", "--output", str(tmp_path / "stopped")]) == 0
    again = {name: (tmp_path / "stopped" / name).read_bytes() for name in NAMES}
    assert again == written

    everything = b"".join(written.values())
    assert b"apples" not in everything.lower()
    assert str(tmp_path).encode() not in everything
    results = json.loads(written["forgetting.json"])
    assert [row["dataset"] for row in results["datasets"]] == [
        "reference",
        "gpt4",
        "rewrite",
        "own",
        "own-drawn",
    ]
    assert all(row["kl"] > 0 for row in results["drifts"])
    assert {row["n"] for row in results["drifts"]} == {2, 2 * len(OUTSIDE)}
    assert b"nats per token" in everything
