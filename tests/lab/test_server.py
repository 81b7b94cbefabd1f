import json
import math
import time
import urllib.error
import urllib.request

import httpx2
import openai
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from idiolect.errors import BackendError, ConfigError
from idiolect.lab import tokens
from idiolect.lab.idiolects import render
from idiolect.lab.pretraining import network
from idiolect.lab.pretraining.export import export
from idiolect.lab.pretraining.network import Shape
from idiolect.lab.serving import (
    Faults,
    LabServer,
    Teacher,
    backend,
    folder_backend,
    parse_faults,
    running,
)
from idiolect.lab.serving.faults import HEADER
from idiolect.lab.tasks import take

PROBLEM = take(1, "shop", seed=1, split="test", steps=(3,))[0]
TURNS = [{"role": "user", "content": PROBLEM.question}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small random model: the server does not care how good it is."""
    place = tmp_path_factory.mktemp("model")
    tokenizer = tokens.build()
    shape = Shape(vocabulary=len(tokenizer), width=32, layers=2, heads=2, inner=64)
    source = torch.Generator().manual_seed(3)
    start = network.from_scratch(shape, 0)
    weights = {n: w + 0.2 * torch.randn(w.shape, generator=source) for n, w in start.items()}
    export(weights, shape, tokenizer, place)
    return place


@pytest.fixture(scope="module")
def server(folder):
    backends = {"lab:teacher": Teacher(), "small": folder_backend(folder)}
    with running(LabServer(backends, faults=Faults(slow_s=0.3))) as started:
        yield started


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=20) as made:
        yield made


def counts(server) -> dict:
    with urllib.request.urlopen(server.url.replace("/v1", "/lab/counts"), timeout=10) as answer:
        return json.load(answer)


def test_the_teacher_answers_a_chat_with_usage_and_finish_reason(client):
    answer = client.chat.completions.create(model="lab:teacher", messages=TURNS)
    assert answer.choices[0].message.content == render(PROBLEM, "tutor")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == len(tokens_of(render(PROBLEM, "tutor")))
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def tokens_of(text: str) -> list[int]:
    return tokens.build()(text, add_special_tokens=False)["input_ids"]


def test_a_token_limit_cuts_the_answer_and_says_length(client):
    answer = client.chat.completions.create(model="lab:teacher", messages=TURNS, max_tokens=4)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 4
    assert render(PROBLEM, "tutor").startswith(answer.choices[0].message.content)


@pytest.mark.parametrize("model", ["lab:teacher", "small"])
def test_a_stream_adds_up_to_the_plain_answer(client, model):
    asked = {"model": model, "messages": TURNS, "temperature": 0, "max_tokens": 20}
    plain = client.chat.completions.create(**asked)
    stream = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    text = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    assert text == plain.choices[0].message.content
    assert [c.choices[0].finish_reason for c in stream if c.choices][-1] == (
        plain.choices[0].finish_reason
    )
    assert stream[-1].usage == plain.usage


def test_greedy_chat_is_what_transformers_generates(client, folder):
    model, tokenizer = (
        kind.from_pretrained(folder) for kind in (AutoModelForCausalLM, AutoTokenizer)
    )
    model = model.float()
    ids = tokenizer.apply_chat_template(
        TURNS, add_generation_prompt=True, return_dict=False, return_tensors="pt"
    )
    wanted = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False
    )
    answer = client.chat.completions.create(
        model="small", messages=TURNS, temperature=0, max_tokens=12, logprobs=True, top_logprobs=3
    )
    new = wanted[0, ids.shape[1] :].tolist()
    kept = [i for i in new if i != tokenizer.eos_token_id]
    assert answer.choices[0].message.content == tokenizer.decode(kept, skip_special_tokens=True)
    scored = answer.choices[0].logprobs.content
    with torch.no_grad():
        logprobs = model(wanted).logits[0].log_softmax(-1)
    for place, (token, entry) in enumerate(zip(kept, scored, strict=True)):
        value = float(logprobs[ids.shape[1] - 1 + place, token])
        assert entry.logprob == pytest.approx(value, abs=1e-4)
        assert entry.top_logprobs[0].logprob == pytest.approx(value, abs=1e-4)
        assert len(entry.top_logprobs) == 3


def test_echo_scores_the_prompt_itself(client, folder):
    text = "<|bos|><|user|>Sort the list 3, 1.<|end|><|assistant|>Then 1 < 3."
    answer = client.completions.create(
        model="small", prompt=text, max_tokens=0, echo=True, logprobs=2
    )
    model, tokenizer = (
        kind.from_pretrained(folder) for kind in (AutoModelForCausalLM, AutoTokenizer)
    )
    ids = tokenizer(text)["input_ids"]
    with torch.no_grad():
        logprobs = model.float()(torch.tensor([ids])).logits[0].log_softmax(-1)
    choice = answer.choices[0]
    assert choice.text == text
    assert answer.usage.prompt_tokens == len(ids)
    assert answer.usage.completion_tokens == 0
    first, *rest = choice.logprobs.token_logprobs
    assert first is None
    expected = [float(logprobs[place, token]) for place, token in enumerate(ids[1:])]
    assert rest == pytest.approx(expected, abs=1e-4)
    found = choice.logprobs
    assert "".join(found.tokens) == text
    for token, offset in zip(found.tokens, found.text_offset, strict=True):
        assert text[offset : offset + len(token)] == token
    # Bytes that are no text of their own share one name, so a pair may be a single entry.
    assert all(1 <= len(top) <= 2 for top in found.top_logprobs[1:])


def test_prompt_logprobs_by_token_id_as_vllm_gives_them(client, folder):
    ids = [1, 4, 40, 41, 42, 2, 5, 43, 44]
    answer = client.completions.create(
        model="small",
        prompt=ids,
        max_tokens=3,
        temperature=0,
        extra_body={"prompt_logprobs": 1, "return_token_ids": True},
    )
    choice = answer.choices[0].model_dump()
    assert choice["prompt_token_ids"] == ids
    assert len(choice["token_ids"]) == answer.usage.completion_tokens
    assert choice["prompt_logprobs"][0] is None
    for token, entry in zip(ids[1:], choice["prompt_logprobs"][1:], strict=True):
        own = entry[str(token)]
        assert own["logprob"] <= max(other["logprob"] for other in entry.values())
        assert (own["rank"] == 1) == (len(entry) == 1)


@pytest.mark.parametrize("sampling", [{"seed": 2**63 - 1}, {"seed": -(2**63)}, {"top_p": 0.0}])
def test_the_ends_of_what_is_allowed_are_answered(client, sampling):
    ask = {"model": "small", "messages": TURNS, "max_tokens": 3, "temperature": 2.0} | sampling
    answer = client.chat.completions.create(**ask)
    assert answer.usage.completion_tokens in (1, 2, 3)
    if "top_p" in sampling:
        likeliest = client.chat.completions.create(**ask | {"temperature": 0.0})
        assert answer.choices[0].message.content == likeliest.choices[0].message.content


def test_samples_follow_their_seed_and_place(client):
    def texts(seed: int, n: int) -> list[str]:
        answer = client.chat.completions.create(
            model="small", messages=TURNS, seed=seed, n=n, max_tokens=8
        )
        return [choice.message.content for choice in answer.choices]

    assert texts(1, 3) == texts(1, 3)
    assert texts(1, 3)[:2] == texts(1, 2)
    assert len(set(texts(1, 3) + texts(2, 3))) > 3


def test_sampling_follows_the_distribution(client, folder):
    model = AutoModelForCausalLM.from_pretrained(folder).float()
    with torch.no_grad():
        chances = model(torch.tensor([[1, 4]])).logits[0, -1].softmax(-1)
    answer = client.completions.create(
        model="small", prompt=[1, 4], max_tokens=1, n=128, seed=5, logprobs=0, temperature=1.0
    )
    drawn = [c.logprobs.token_logprobs[0] for c in answer.choices if c.logprobs.tokens]
    mean = sum(map(math.exp, drawn)) / len(drawn)
    # Of a draw from p the mean chance is the sum of p squared; of a uniform one it is 1 / size.
    assert mean == pytest.approx(float((chances**2).sum()), rel=0.3)
    assert mean > 1.5 / len(chances)


def test_a_stop_text_ends_the_answer_and_is_left_out(client):
    answer = client.chat.completions.create(
        model="lab:teacher", messages=TURNS, stop=["Final Answer"]
    )
    assert "Final Answer" not in answer.choices[0].message.content


def test_several_prompts_in_one_request_keep_their_order(client):
    answer = client.completions.create(
        model="small", prompt=["Then", "Sort"], max_tokens=2, echo=True
    )
    assert [c.text[:4] for c in answer.choices] == ["Then", "Sort"]
    assert [c.index for c in answer.choices] == [0, 1]


def test_the_list_of_models_names_what_is_served(client):
    assert [model.id for model in client.models.list()] == ["lab:teacher", "small"]


def test_wrong_requests_get_the_clients_own_errors(client):
    chat = client.chat.completions.create
    with pytest.raises(openai.NotFoundError, match="allowed: lab:teacher, small"):
        chat(model="nobody", messages=TURNS)
    with pytest.raises(openai.BadRequestError, match="expected a list of turns"):
        chat(model="lab:teacher", messages=[])
    with pytest.raises(openai.BadRequestError, match="temperature: found 9"):
        chat(model="lab:teacher", messages=TURNS, temperature=9)
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        chat(model="small", messages=TURNS, max_tokens=5000)
    with pytest.raises(openai.BadRequestError, match="chat requests only"):
        client.completions.create(model="lab:teacher", prompt="Hi")


def test_a_body_that_is_no_json_is_refused(server):
    request = urllib.request.Request(f"{server.url}/chat/completions", data=b"{nope")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    refused.value.close()
    assert refused.value.code == 400


def with_fault(client, name: str, **more):
    return client.chat.completions.create(
        model="lab:teacher", messages=TURNS, extra_headers={HEADER: name}, **more
    )


def test_429_comes_without_and_with_retry_after(client):
    with pytest.raises(openai.RateLimitError) as without:
        with_fault(client, "429")
    assert "retry-after" not in without.value.response.headers
    with pytest.raises(openai.RateLimitError) as with_header:
        with_fault(client, "429-retry-after")
    assert with_header.value.response.headers["retry-after"] == "1"


def test_500_is_an_internal_error(client):
    with pytest.raises(openai.InternalServerError):
        with_fault(client, "500")


@pytest.mark.parametrize("stream", [False, True])
def test_a_dropped_connection_is_a_connection_error(client, stream):
    # The client wraps what happens before the headers only.
    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        list(with_fault(client, "drop", stream=stream))


@pytest.mark.parametrize("stream", [False, True])
def test_truncated_json_is_no_answer(client, stream):
    with pytest.raises((openai.APIError, ValueError)):
        list(with_fault(client, "truncated", stream=stream))


def test_empty_choices_and_a_silent_cut_look_like_success(client):
    assert with_fault(client, "empty").choices == []
    cut = with_fault(client, "cut").choices[0]
    whole = render(PROBLEM, "tutor")
    assert cut.finish_reason == "stop"
    assert cut.message.content == whole[: len(whole) // 2]


def test_a_slow_answer_is_a_right_one(client):
    began = time.monotonic()
    answer = with_fault(client, "slow")
    assert time.monotonic() - began >= 0.3
    assert answer.choices[0].message.content == render(PROBLEM, "tutor")


def test_the_server_counts_what_it_billed_and_what_was_asked_again(folder):
    order = (None, "429", "500", "truncated", None)
    with running(LabServer({"lab:teacher": Teacher()}, faults=Faults(order=order))) as server:
        client = openai.OpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=10)
        failures = 0
        for _ in range(6):
            try:
                client.chat.completions.create(model="lab:teacher", messages=TURNS)
            except (openai.APIError, ValueError):
                failures += 1
        client.close()
        seen = counts(server)
    assert failures == 3
    assert seen["requests"] == 6
    assert seen["billed"] == 4
    assert seen["answered"] == 3
    assert seen["repeated_after_answer"] == 5
    assert {name: n for name, n in seen["faults"].items() if n} == {
        "429": 1, "500": 1, "truncated": 1
    }  # fmt: skip
    assert seen["completion_tokens"] == 4 * len(tokens_of(render(PROBLEM, "tutor")))


def test_the_same_seed_gives_the_same_faults_at_about_their_shares():
    faults = Faults(shares={"429": 0.1, "drop": 0.1}, seed=3)
    drawn = [faults.of(number) for number in range(1000)]
    assert drawn == [faults.of(number) for number in range(1000)]
    assert 60 <= drawn.count("429") <= 140
    assert 760 <= drawn.count(None) <= 840


def test_faults_by_request_depend_on_no_order_and_a_cut_answer_stays_cut():
    shares = {"cut": 0.2, "500": 0.3}
    faults = Faults(shares=shares, seed=3, by_request=True)
    names = [f"request {n}" for n in range(300)]
    first = [faults.of(n, name) for n, name in enumerate(names)]
    assert first == [faults.of(0, name) for name in names]
    assert 35 <= first.count("cut") <= 85
    assert 60 <= first.count("500") <= 120
    again = [faults.of(0, name, 1) for name in names]
    assert [f == "cut" for f in again] == [f == "cut" for f in first]
    assert again != first


def test_a_wrong_key_is_refused_where_one_is_wanted():
    with running(LabServer({"lab:teacher": Teacher()}, api_key="right")) as server:
        client = openai.OpenAI(base_url=server.url, api_key="wrong", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="lab:teacher", messages=TURNS)
        client.close()


def test_a_port_in_use_is_one_clear_error(server):
    port = server.server_address[1]
    with pytest.raises(BackendError, match="choose another --port"):
        LabServer({}, port=port)


@pytest.mark.parametrize(
    ("text", "message"),
    [("429", "write a share behind"), ("drip=0.1", "did you mean 'drop'"), ("500=2", "up to 1")],
)
def test_wrong_faults_are_named(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_faults(text)


def test_an_unknown_model_to_serve_is_an_error():
    with pytest.raises(ConfigError, match="did you mean 'lab:teacher'"):
        backend("lab:teecher")
