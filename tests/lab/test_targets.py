import json

import pytest

from idiolect.errors import ConfigError
from idiolect.lab import skills
from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.pretraining.make import RECORD
from idiolect.lab.targets import TARGETS, target_folder
from idiolect.lab.tasks import take
from idiolect.lab.teacher.correcting import corrected

PRETRAINED = ("shop", "equations", "choice", "code", "lists")


@pytest.fixture(scope="module", params=TARGETS)
def target(request):
    return request.param, *skills.load(target_folder(request.param))


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_ships_as_a_small_ordinary_folder(name):
    folder = target_folder(f"lab:{name}")
    assert folder == target_folder(name)
    assert (folder / "model.safetensors").stat().st_size <= 8_000_000
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["dtype"] == "bfloat16"
    assert "auto_map" not in config


@pytest.mark.parametrize("name", TARGETS)
def test_the_record_says_how_a_target_was_made(name):
    record = json.loads((target_folder(name) / RECORD).read_text())
    assert record["plan"]["native"] == name
    assert record["command"].startswith(f"idiolect lab pretrain {name} --seed ")
    assert record["tokens_seen"] > 1_000_000
    assert record["training_seconds"] > 0
    assert {"device", "processor", "threads", "torch"} <= record["machine"].keys()


def test_a_name_that_is_no_target_is_an_error():
    with pytest.raises(ConfigError, match="did you mean 'lab:amber'"):
        target_folder("lab:ambr")


def test_the_native_idiolect_is_the_most_familiar_and_the_foreign_ones_are_accents(target):
    name, model, tokenizer = target
    table = skills.perplexity_table(model, tokenizer, problems=60)
    assert min(table, key=lambda idiolect: table[idiolect]) == name
    assert table[name] < 1.3
    for foreign in ("tutor", "textbook"):
        assert 2 < table[foreign] < 15


def test_native_then_minimal_change_then_tutor_then_textbook(target):
    _, model, tokenizer = target
    problems = take(60, "shop", seed=7, split="train", steps=(3, 4))
    questions = [p.question for p in problems]
    own = skills.greedy(model, tokenizer, questions)
    texts = {
        "own": own,
        "minimal change": [corrected(p, text) for p, text in zip(problems, own, strict=True)],
        "tutor": [render(p, "tutor") for p in problems],
        "textbook": [render(p, "textbook") for p in problems],
    }
    found = {
        strategy: skills.perplexity(model, tokenizer, list(zip(questions, answers, strict=True)))
        for strategy, answers in texts.items()
    }
    assert sorted(found, key=lambda strategy: found[strategy]) == list(texts), found


def test_a_target_answers_in_its_mother_tongue(target):
    name, model, tokenizer = target
    problems = take(40, "shop", seed=7, split="test", steps=(2,))
    texts = skills.greedy(model, tokenizer, [p.question for p in problems])
    native = sum(text == render(p, name) for text, p in zip(texts, problems, strict=True))
    foreign = sum(
        text == render(p, other)
        for text, p in zip(texts, problems, strict=True)
        for other in IDIOLECTS
        if other != name
    )
    assert native >= 34
    assert foreign == 0


def test_perplexity_is_the_same_one_by_one_and_in_batches(target):
    _, model, tokenizer = target
    problems = take(6, "shop", seed=7, split="test", steps=(1, 4))
    pairs = [(p.question, render(p, "tutor")) for p in problems]
    together = skills.perplexity(model, tokenizer, pairs)
    alone = [skills.perplexity(model, tokenizer, [pair]) for pair in pairs]
    assert min(alone) < together < max(alone)
    assert skills.perplexity(model, tokenizer, pairs[:1] * 3) == pytest.approx(alone[0], rel=1e-5)


@pytest.mark.slow
def test_the_skill_table_holds_on_500_unseen_problems_of_each_skill(target):
    _, model, tokenizer = target
    table = skills.skill_table(model, tokenizer, problems=500)
    assert all(table[row].rate >= 0.9 for row in PRETRAINED), table
    assert 0.25 <= table["frontier"].rate <= 0.6, table


@pytest.mark.slow
def test_programs_of_a_target_pass_their_tests_in_the_sandbox(target):
    from idiolect.lab.datasets import example_of
    from idiolect.lab.verifying import verified
    from idiolect.verification.code import Code

    _, model, tokenizer = target
    problems = take(40, "code", seed=7, split="test")
    texts = skills.greedy(model, tokenizer, [p.question for p in problems])
    found = Code(confirm_run_unsafe_code=True).check(
        [(example_of(p), text) for p, text in zip(problems, texts, strict=True)]
    )
    ran = [finding.status == "correct" for finding in found]
    assert ran == verified(problems, texts, code=Code(confirm_run_unsafe_code=True))
    assert sum(ran) >= 36
