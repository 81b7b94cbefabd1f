"""Training: the scorer's loss, one adapter for one seed, and nothing lost by a kill."""

import dataclasses
import json
import math
import shutil

import pytest
import torch
from safetensors.torch import load_file

from idiolect.config import TargetConfig, TrainingConfig
from idiolect.errors import ConfigError, RunError
from idiolect.models.local import load_local_model
from idiolect.scoring.base import ScoreRequest
from idiolect.scoring.plain import PlainScorer
from idiolect.training.rows import encode_rows


def weights(folder):
    return load_file(folder / "adapter_model.safetensors")


def largest_difference(one, other) -> float:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    return max((a[name] - b[name]).abs().max().item() for name in a)


def mean_nll(model, rows) -> float:
    """The scorer's mean over all tokens that are trained on, end of turn included."""
    requests = [
        ScoreRequest(
            prompt_ids=r.prompt_ids, response_ids=r.response_ids, terminator_id=r.terminator_id
        )
        for r in encode_rows(model.chat, rows, max_length=model.max_length)
    ]
    scores = PlainScorer(model.module, model.max_length).score(requests)
    nll = sum(score.nll + (score.terminator_nll or 0.0) for score in scores)
    return nll / sum(len(request.target_ids) for request in requests)


@pytest.fixture
def small():
    return TrainingConfig(
        rank=4, alpha=8, learning_rate=1e-2, max_steps=4, batch_size=4, rows_at_once=2
    )


@pytest.mark.parametrize("rows_at_once", [0, 2])
def test_the_loss_of_the_first_step_is_the_scorers_mean_nll(
    train, tiny_model, rows, small, rows_at_once
):
    rows[2] = dataclasses.replace(rows[2], complete=False)
    config = dataclasses.replace(
        small, batch_size=8, rows_at_once=rows_at_once, max_steps=1, warmup_share=0.0
    )
    result = train(rows, config=config)
    model = load_local_model(TargetConfig(str(tiny_model), dtype="float32", device="cpu"))
    assert result.first_loss == pytest.approx(mean_nll(model, rows), abs=1e-4)
    assert (result.steps, result.rows) == (1, 8)


def test_the_losses_fall_and_the_adapter_changes_what_the_model_says(
    train, tiny_model, rows, small
):
    result = train(rows, config=dataclasses.replace(small, max_steps=12))
    assert len(result.losses) == result.steps == 12
    assert result.losses[-1] < result.losses[0]
    base = TargetConfig(str(tiny_model), dtype="float32", device="cpu")
    tuned = load_local_model(dataclasses.replace(base, adapter=str(result.adapter)))
    plain = load_local_model(base)
    assert mean_nll(tuned, rows) < mean_nll(plain, rows) - 0.1
    assert tuned.revision.startswith(plain.revision + "+")


def test_two_trainings_with_one_seed_give_equal_adapters(train, rows):
    first, second, other = train(rows, "a"), train(rows, "b"), train(rows, "c", seed=1)
    assert largest_difference(first.adapter, second.adapter) == 0
    assert largest_difference(first.adapter, other.adapter) > 0


def test_generated_ids_are_trained_on_where_this_very_model_generated_them(
    train, tiny_model, rows, small
):
    model = load_local_model(TargetConfig(str(tiny_model), dtype="float32", device="cpu"))
    ids = tuple(i for c in rows[0].response for i in model.chat.response_ids(c))

    def trained_on(name, **change):
        mine = [dataclasses.replace(rows[0], **change), *rows[1:]]
        config = dataclasses.replace(small, max_steps=1, warmup_share=0.0)
        result = train(mine, name, config=config)
        return json.loads((result.adapter / "manifest.json").read_text())["identity"]["data"]

    plain = trained_on("plain")
    assert trained_on("other", token_ids=ids, generated_by="another revision") == plain
    assert trained_on("own", token_ids=ids, generated_by=model.revision) != plain


class Killed(BaseException):
    """The process is gone."""


def test_a_killed_training_resumes_to_the_same_adapter(train, rows, small):
    config = dataclasses.replace(small, max_steps=7, checkpoint_steps=2, dropout=0.1)

    def kill(progress):
        if progress.done == 5:
            raise Killed

    whole = train(rows, "whole", config=config)
    with pytest.raises(Killed):
        train(rows, "killed", config=config, report=kill)
    folder = whole.adapter.with_name("killed")
    # As if it had been killed while it wrote a checkpoint.
    (folder / "checkpoints" / "checkpoint-5").mkdir()
    (folder / "checkpoints" / "checkpoint-5" / "trainer_state.json").write_text('{"global')
    seen = []
    resumed = train(rows, "killed", config=config, report=seen.append)
    assert (seen[0].done, seen[0].resumed, seen[-1].done) == (4, 4, 7)
    assert largest_difference(whole.adapter, resumed.adapter) < 1e-6
    assert resumed.losses == pytest.approx(whole.losses, abs=1e-5)


def test_a_finished_training_is_not_repeated_and_another_seed_is_refused_by_name(train, rows):
    first = train(rows)
    seen = []
    again = train(rows, report=seen.append)
    assert (seen, again) == ([], first)
    with pytest.raises(RunError, match=r"`seed` \(0 -> 1\)"):
        train(rows, seed=1)
    with pytest.raises(RunError, match=r"`data`"):
        train(rows[:4])
    assert train(rows, seed=1, fresh=True).losses != first.losses


def test_a_kill_while_checkpoints_are_dropped_leaves_a_finished_training(
    train, rows, small, monkeypatch
):
    def kill(path, **options):
        if str(path).endswith("checkpoints.part") and path.exists():
            raise Killed

    config = dataclasses.replace(small, checkpoint_steps=2)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", kill)
        with pytest.raises(Killed):
            train(rows, config=config)
    seen = []
    result = train(rows, config=config, report=seen.append)
    assert (seen, result.steps, result.checkpoints) == ([], 4, ())
    assert not list(result.adapter.glob("checkpoints*"))


def test_a_folder_with_something_else_in_it_is_left_alone(train, rows, tmp_path):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match="is no folder of `idiolect train`"):
        train(rows)


def test_checkpoints_that_are_to_be_kept_are_adapters(train, tiny_model, rows, small):
    config = dataclasses.replace(small, checkpoint_steps=2, keep_checkpoints=0)
    result = train(rows, config=config)
    assert [path.name for path in result.checkpoints] == ["checkpoint-2", "checkpoint-4"]
    assert largest_difference(result.checkpoints[1], result.adapter) == 0
    load_local_model(TargetConfig(str(tiny_model), adapter=str(result.checkpoints[0])))


def test_a_merged_model_says_what_the_adapter_says(train, tiny_model, rows):
    result = train(rows, merge=True)
    base = TargetConfig(str(tiny_model), dtype="float32", device="cpu")
    tuned = load_local_model(dataclasses.replace(base, adapter=str(result.adapter)))
    merged = load_local_model(dataclasses.replace(base, model=str(result.merged)))
    assert mean_nll(merged, rows) == pytest.approx(mean_nll(tuned, rows), abs=1e-6)


def test_the_manifest_says_what_the_adapter_was_made_from(train, tiny_model, rows):
    result = train(rows)
    manifest = json.loads((result.adapter / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["preset"] == "default"
    assert manifest["identity"]["target.model"] == str(tiny_model)
    assert manifest["identity"]["training.rank"] == 4
    assert {"trl", "peft", "torch", "transformers"} <= manifest["versions"].keys()
    assert manifest["losses"] == list(result.losses)
    assert math.isfinite(manifest["training_seconds"])


def test_nothing_is_sent_home_and_nothing_is_printed(train, rows, monkeypatch, capfd):
    from trl.trainer import base_trainer

    def caught(*arguments, **options):
        raise AssertionError("telemetry")

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(base_trainer, "send_telemetry", caught)
    train(rows)
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_layers_that_the_model_does_not_have_are_named(train, rows, small):
    with pytest.raises(ConfigError, match="no_such_layer"):
        train(rows, config=dataclasses.replace(small, modules=("no_such_layer",)))


def test_a_batch_that_cannot_be_divided_is_refused(train, rows, small):
    with pytest.raises(ConfigError, match="found 4 with 1 processes and rows_at_once 3"):
        train(rows, config=dataclasses.replace(small, rows_at_once=3))


def test_activations_that_are_computed_twice_give_the_same_adapter(train, rows, small):
    plain = train(rows, "plain")
    twice = train(rows, "twice", config=dataclasses.replace(small, activation_checkpointing=True))
    assert largest_difference(plain.adapter, twice.adapter) < 1e-6


def test_an_adapter_is_refused_on_another_model(train, make_model, rows, tmp_path):
    result = train(rows)
    other = make_model("llama3", pad="<pad>")
    with pytest.raises(ConfigError, match="was trained for revision"):
        load_local_model(TargetConfig(str(other), adapter=str(result.adapter)))
    with pytest.raises(ConfigError, match=r"found no adapter_config\.json"):
        load_local_model(TargetConfig(str(other), adapter=str(tmp_path)))


@pytest.mark.gpu
def test_training_on_a_gpu_is_in_bfloat16_and_its_first_loss_is_the_scorers(
    tiny_model, rows, small, tmp_path
):
    from idiolect.training.train import train as run

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    target = TargetConfig(str(tiny_model), device="cuda")
    config = dataclasses.replace(small, batch_size=8, rows_at_once=0)
    result = run(target, rows, config, tmp_path / "gpu")
    assert result.first_loss == pytest.approx(mean_nll(load_local_model(target), rows), abs=0.05)
    tuned = load_local_model(dataclasses.replace(target, adapter=str(result.adapter)))
    assert tuned.dtype == "bfloat16"
    assert mean_nll(tuned, rows) < result.first_loss
