import dataclasses
import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from idiolect.errors import ConfigError, RunError
from idiolect.lab import tokens
from idiolect.lab.pretraining import network
from idiolect.lab.pretraining.batches import steps_of_pool
from idiolect.lab.pretraining.export import export
from idiolect.lab.pretraining.loop import Plan, train
from idiolect.lab.pretraining.make import RECORD, pick_device, pretrain
from idiolect.lab.pretraining.mix import Mix, pool
from idiolect.lab.pretraining.optimizer import Optimizer, Rates

TINY = Plan(native="amber", steps=6, tokens_per_step=256, width=16, layers=2, heads=2, inner=32)


def silent(progress, mean_nll):
    pass


@pytest.fixture(scope="module")
def tokenizer():
    return tokens.build()


def random_weights(shape):
    source = torch.Generator().manual_seed(1)
    start = network.from_scratch(shape, 0)
    return {n: w + 0.1 * torch.randn(w.shape, generator=source) for n, w in start.items()}


def test_the_network_is_llama_as_transformers_computes_it(tokenizer, tmp_path):
    shape = TINY.shape(len(tokenizer))
    weights = random_weights(shape)
    rounded = {name: w.bfloat16().float() for name, w in weights.items()}
    export(weights, shape, tokenizer, tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    ids = torch.randint(6, len(tokenizer), (3, 17), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = network.forward(rounded, shape, ids) @ rounded["embedding"].T
        theirs = model(input_ids=ids).logits
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)
    assert sum(p.numel() for p in model.parameters()) == shape.parameters


def test_an_exported_folder_is_an_ordinary_one_in_bfloat16(tokenizer, tmp_path):
    shape = TINY.shape(len(tokenizer))
    export(random_weights(shape), shape, tokenizer, tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert model.dtype == torch.bfloat16
    assert model.generation_config.eos_token_id == loaded.eos_token_id
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert loaded.chat_template == tokenizer.chat_template
    assert loaded.padding_side == "left"


def test_the_loss_counts_scored_tokens_only_and_padding_changes_nothing(tokenizer):
    shape = TINY.shape(len(tokenizer))
    weights = random_weights(shape)
    ids = torch.tensor([[1, 7, 8, 9, 10]])
    scored = torch.tensor([[False, False, False, True, True]])
    logprobs = (network.forward(weights, shape, ids) @ weights["embedding"].T).log_softmax(-1)
    expected = -(logprobs[0, 2, 9] + logprobs[0, 3, 10])
    padded = torch.cat([ids, torch.zeros(1, 4, dtype=torch.long)], dim=1)
    mask = torch.cat([scored, torch.zeros(1, 4, dtype=torch.bool)], dim=1)
    assert float(network.loss(weights, shape, ids, scored)) == pytest.approx(float(expected))
    assert float(network.loss(weights, shape, padded, mask)) == pytest.approx(float(expected))


def test_matrices_move_by_nearly_orthogonal_steps():
    weight = torch.zeros(8, 24, requires_grad=True)
    fused = torch.zeros(3 * 8, 8, requires_grad=True)
    names = {"0.down": weight, "0.qkv": fused}
    optimizer = Optimizer(names, Rates(matrices=1.0))
    source = torch.Generator().manual_seed(0)
    for tensor in names.values():
        tensor.grad = torch.randn(tensor.shape, generator=source)
    optimizer.step(1, 1.0)
    for block in (weight.detach(), *fused.detach().chunk(3)):
        values = torch.linalg.svdvals(block)
        # Newton-Schulz lifts the smallest singular value of a square matrix slowly.
        assert values.min() > (0.5 if block.shape == (8, 24) else 0.2)
        assert values.max() < 1.4


def test_the_other_weights_move_as_adam_moves_them():
    ours, theirs = (torch.tensor([1.0, -2.0, 3.0], requires_grad=True) for _ in range(2))
    optimizer = Optimizer({"norm": ours}, Rates(others=0.1, epsilon=1e-8))
    adam = torch.optim.Adam([theirs], lr=0.1, betas=(0.9, 0.95), eps=1e-8)
    for number, grad in enumerate(([1.0, 0.1, -2.0], [0.5, -0.3, 0.2]), start=1):
        ours.grad, theirs.grad = torch.tensor(grad), torch.tensor(grad)
        optimizer.step(number, 1.0)
        adam.step()
    torch.testing.assert_close(ours, theirs)


def test_a_pool_is_the_same_for_the_same_seed_and_place_and_no_other():
    def drawn(**kwargs):
        return pool(Mix(), "amber", **({"seed": 1, "number": 2, "size": 20} | kwargs))

    assert drawn() == drawn()
    assert drawn() != drawn(number=3)
    assert drawn() != drawn(seed=2)


def test_batches_hold_every_example_once_and_little_padding(tokenizer):
    steps = steps_of_pool(Mix(), "birch", tokenizer, seed=0, number=0, tokens_per_step=2048)
    batches = [batch for step in steps for batch in step]
    rows = sum(len(batch.ids) for batch in batches)
    assert rows == 8 * 2048 // 52
    padding = sum(int((batch.ids == tokenizer.pad_token_id).sum()) for batch in batches)
    assert padding / sum(batch.ids.numel() for batch in batches) < 0.1
    for batch in batches:
        assert not (batch.scored & (batch.ids == tokenizer.pad_token_id)).any()
        assert not batch.scored[:, 0].any()


def test_responses_and_their_end_tokens_are_learned_and_prompts_are_not(tokenizer):
    steps = steps_of_pool(Mix(), "amber", tokenizer, seed=0, number=0, tokens_per_step=512)
    for batch in (batch for step in steps for batch in step):
        for ids, scored in zip(batch.ids, batch.scored, strict=True):
            learned = tokenizer.decode(ids[scored])
            assert learned.endswith("<|end|>")
            assert "<|user|>" not in learned
            assert "<|assistant|>" not in learned


def test_an_interrupted_run_ends_with_the_weights_of_an_undisturbed_one(tokenizer, tmp_path):
    straight, done = train(TINY, tmp_path / "a", tokenizer, device="cpu", report=silent)

    def stop(progress, mean_nll):
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TINY, tmp_path / "b", tokenizer, device="cpu", report=stop, save_every_s=0)
    resumed, again = train(TINY, tmp_path / "b", tokenizer, device="cpu", report=silent)
    assert (again.step, again.tokens) == (done.step, done.tokens) == (6, again.tokens)
    for name, weight in straight.items():
        assert torch.equal(weight, resumed[name]), name


def test_a_checkpoint_of_another_plan_is_refused_by_name(tokenizer, tmp_path):
    train(TINY, tmp_path, tokenizer, device="cpu", report=silent)
    other = dataclasses.replace(TINY, seed=9)
    with pytest.raises(RunError, match=r"differs in 'seed': found 0, asked for 9"):
        train(other, tmp_path, tokenizer, device="cpu", report=silent)


def test_the_rates_rise_hold_and_fall_to_almost_nothing():
    plan = Plan(native="amber", steps=100, warmup_steps=10, decay_share=0.5)
    rates = [plan.rate(step) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[49] == 1.0
    assert rates[75] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.02)


@pytest.mark.slow
def test_pretraining_writes_a_finished_folder_with_its_record_and_does_nothing_twice(tmp_path):
    def make(plan):
        return pretrain(
            plan, tmp_path, device="cpu", report=silent, command="the command", problems=2
        )

    record = make(TINY)
    assert json.loads((tmp_path / RECORD).read_text()) == record
    assert record["command"] == "the command"
    assert record["plan"]["seed"] == 0
    assert record["tokens_seen"] > 0
    assert set(record["skills"]) == {
        "shop", "equations", "choice", "code", "lists", "frontier"
    }  # fmt: skip
    assert not (tmp_path / "checkpoint").exists()
    before = (tmp_path / "model.safetensors").stat().st_mtime_ns
    assert make(TINY) == record
    assert (tmp_path / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(RunError, match="made by another plan"):
        make(dataclasses.replace(TINY, steps=7))


def test_an_unknown_idiolect_or_device_is_an_error_before_any_work(tmp_path):
    with pytest.raises(ConfigError, match="allowed: amber, birch"):
        pretrain(
            dataclasses.replace(TINY, native="oak"),
            tmp_path / "x",
            device="cpu",
            report=silent,
            command="",
        )
    assert not (tmp_path / "x").exists()
    with pytest.raises(ConfigError, match="'tpu' is unknown"):
        pick_device("tpu")
