import dataclasses

import pytest
import tiny
import torch

from idiolect.config import TargetConfig
from idiolect.errors import ConfigError, TemplateError
from idiolect.models.base import Generation, GenerationFailure, GenerationRequest, Sampling
from idiolect.models.generation.choice import EngineChoice
from idiolect.models.generation.tasks import Done
from idiolect.models.local import load_local_model
from idiolect.records import Message

GREEDY = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=8)
WARM = Sampling(temperature=1.0, top_p=0.9, max_new_tokens=8)


def request(text: str = "Hi", *, sampling: Sampling = GREEDY, seed: int = 0) -> GenerationRequest:
    return GenerationRequest(
        messages=(Message(role="user", content=text),), sampling=sampling, seed=seed
    )


def answers(model, *requests: GenerationRequest) -> list[Generation | GenerationFailure]:
    return list(model.generate(requests))


def test_a_folder_is_loaded_in_float32_for_evaluation_on_a_cpu(load):
    model = load()
    assert (model.device, model.dtype) == ("cpu", "float32")
    assert not model.module.training
    assert not any(p.requires_grad for p in model.module.parameters())
    assert model.max_length == 256


def test_the_dtype_that_is_asked_for_is_the_one_that_is_loaded(tiny_model):
    model = load_local_model(TargetConfig(str(tiny_model), dtype="bfloat16"))
    assert next(model.module.parameters()).dtype == torch.bfloat16


def test_the_revision_of_a_folder_changes_with_weights_and_template(make_model, tmp_path):
    revisions = {
        load_local_model(TargetConfig(str(folder))).revision
        for folder in (make_model(), make_model(seed=1), make_model("llama3"))
    }
    assert len(revisions) == 3
    again = tiny.save_model(tmp_path, tiny.byte_level_tokenizer(tiny.CHATML))
    assert load_local_model(TargetConfig(str(again))).revision in revisions


def test_greedy_answers_are_the_likeliest_tokens(load):
    model = load()
    (answer,) = answers(model, request())
    ids = list(model.chat.prompt_ids(request().messages))
    for token in answer.token_ids:
        with torch.inference_mode():
            assert token == int(model.module(torch.tensor([ids])).logits[0, -1].argmax())
        ids.append(token)
    assert answer.tokens_in == len(ids) - len(answer.token_ids)


def test_answers_come_in_order_and_do_not_depend_on_their_neighbours(load):
    model = load()
    requests = [request(text, sampling=WARM, seed=n) for n, text in enumerate(("A", "B", "A"))]
    together = answers(model, *requests)
    assert together == [answers(model, r)[0] for r in requests]
    assert together[0] != together[2]  # another seed


def test_the_same_seed_gives_the_same_answer_and_leaves_the_callers_draws_alone(load):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = answers(load(), *[request(sampling=WARM, seed=3)] * 2)
    assert first == second
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_answer_that_is_cut_off_says_so(load):
    (answer,) = answers(load(), request())
    assert answer.finish_reason == "length"
    assert answer.tokens_out == len(answer.token_ids) == 8


class Scripted:
    """An engine that answers with known ids."""

    path = "scripted"

    def __init__(self, ids) -> None:
        self.ids = tuple(ids)
        self.tasks = []

    def run(self, tasks):
        for task in tasks:
            self.tasks.append(task)
            yield Done(index=task.index, ids=self.ids)


def scripted(model, ids):
    """Return a copy of a model that answers with known ids."""
    copy = dataclasses.replace(model)
    vars(copy)["engine_choice"] = EngineChoice(engine=Scripted(ids), reason="")
    return copy


def test_an_answer_that_ends_its_turn_holds_no_end_of_turn(load):
    model = load()
    ended = (*model.chat.response_ids("Nine."), model.chat.terminator_id)
    (answer,) = answers(scripted(model, ended), request())
    assert (answer.text, answer.finish_reason) == ("Nine.", "stop")
    assert answer.token_ids == ended[:-1]
    assert answer.tokens_out == len(ended)


def test_the_models_own_end_of_text_ends_an_answer_as_well(load):
    model = load()
    assert model.stop_ids == {model.chat.terminator_id, model.tokenizer.eos_token_id}
    assert model.chat.terminator_id != model.tokenizer.eos_token_id
    ended = (*model.chat.response_ids("Nine."), model.tokenizer.eos_token_id)
    (answer,) = answers(scripted(model, ended), request())
    assert (answer.text, answer.finish_reason) == ("Nine.", "stop")


def test_spaces_before_punctuation_stay_as_they_were_generated(load):
    model = load()
    text = "It 's 9 , I do n't doubt it ."
    ids = model.chat.response_ids(text)
    assert answers(scripted(model, ids), request())[0].text == text


@pytest.mark.parametrize("options", [{}, {"style": "mistral", "sentencepiece": True}])
def test_an_answer_continues_its_prefix_and_holds_what_follows(load, options):
    model = load(**options)
    follows = model.chat.response_ids("The answer is nine")[
        len(model.chat.response_ids("The answer")) :
    ]
    copy = scripted(model, follows)
    wanted = dataclasses.replace(request(), prefix="The answer")
    (answer,) = answers(copy, wanted)
    assert answer.text == " is nine"
    assert answer.token_ids == follows
    (task,) = copy.engine_choice.engine.tasks
    prompt = model.chat.prompt_ids(wanted.messages)
    assert task.prompt_ids == prompt + model.chat.response_ids("The answer")
    assert answer.tokens_in == len(task.prompt_ids)


def test_no_more_is_generated_than_the_context_holds(load):
    model = load()
    long = request("a" * 225, sampling=Sampling(temperature=0, top_p=1, max_new_tokens=999))
    (answer,) = answers(model, long)
    assert answer.tokens_in + answer.tokens_out <= model.max_length


def test_a_prompt_over_the_context_is_a_failure_in_its_slot(load):
    failed, fine = answers(load(), request("é" * 300), request())
    assert isinstance(failed, GenerationFailure)
    assert "tokens, the context of" in failed.reason
    assert not failed.retryable
    assert isinstance(fine, Generation)


def test_a_prompt_that_the_template_refuses_is_a_failure_in_its_slot(load):
    refused = GenerationRequest(
        messages=(Message(role="system", content="S"), Message(role="user", content="P")),
        sampling=GREEDY,
        seed=0,
    )
    failed, fine = answers(load("gemma"), refused, request())
    assert isinstance(failed, GenerationFailure)
    assert "System role not supported" in failed.reason
    assert isinstance(fine, Generation)


def test_sampling_defaults_that_ship_with_a_model_are_not_used(tmp_path):
    folder = tiny.save_model(tmp_path, tiny.byte_level_tokenizer(tiny.CHATML))
    (folder / "generation_config.json").write_text(
        '{"do_sample": true, "temperature": 5.0, "top_k": 2, "repetition_penalty": 9.0}'
    )
    model = load_local_model(TargetConfig(str(folder)))
    plain = load_local_model(TargetConfig(str(tiny.save_model(tmp_path / "b", model.tokenizer))))
    assert answers(model, request())[0].token_ids == answers(plain, request())[0].token_ids


@pytest.mark.parametrize("name", ["nobody/nothing", "no-such-folder"])
def test_a_model_that_does_not_exist_is_an_error_that_says_what_to_check(name):
    with pytest.raises(ConfigError) as caught:
        load_local_model(TargetConfig(name))
    message = str(caught.value)
    assert message.startswith(f"target '{name}': cannot be loaded (")
    assert "check the folder or hub id" in message
    assert "\n" not in message


def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_local_model(TargetConfig(str(tmp_path)))


def test_a_folder_with_broken_weights_is_an_error(tmp_path):
    folder = tiny.save_model(tmp_path, tiny.byte_level_tokenizer(tiny.CHATML))
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_local_model(TargetConfig(str(folder)))


def test_no_target_at_all_is_an_error():
    with pytest.raises(ConfigError, match="no target was given; name a model folder or hub id"):
        load_local_model(TargetConfig())


def test_a_base_model_needs_a_format_by_name(make_model):
    with pytest.raises(TemplateError, match="has no chat template; for a base model choose"):
        load_local_model(TargetConfig(str(make_model(None))))
    model = load_local_model(TargetConfig(str(make_model(None)), format="bare"))
    assert model.chat.label == "plain format 'bare'"


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_an_error():
    with pytest.raises(ConfigError, match="found 'cuda', but torch sees no GPU"):
        load_local_model(TargetConfig("x", device="cuda"))
