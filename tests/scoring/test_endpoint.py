"""Scores over a server equal those of the weights; a damaged answer is never a number."""

import numpy as np
import pytest
from scoring_server import FAULTS

from idiolect.errors import BackendError, ConfigError
from idiolect.records import Message
from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest
from idiolect.scoring.dialects.base import WrongAnswer, checked_logprobs
from idiolect.scoring.plain import PlainScorer
from idiolect.scoring.server import Server

PAIRS = [
    ("How many apples are left?", "12 - 3 = 9. The answer is 9."),
    ("How many apples are left?", "The answer is 9, I think."),
    ("Hi", "Let us think step by step.\n\n" * 3),
    ("Why?", "Because each step follows from the last."),
]
# Dialect of the server, template of the model, what the path says.
SPOKEN = [
    ("vllm", "chatml", "vllm"),
    ("sglang", "chatml", "sglang"),
    ("echo", "chatml", "echo"),
    ("echo", "llama3", "echo"),
    ("echo-text", "chatml", "echo"),
    ("echo-text", "llama3", "echo"),
    ("echo-shifted", "llama3", "echo"),
]


def requests_of(model, pairs=PAIRS) -> list[ScoreRequest]:
    rendered = [model.chat.render((Message(role="user", content=p),), r) for p, r in pairs]
    return [
        ScoreRequest(
            prompt_ids=r.prompt_ids, response_ids=r.response_ids, terminator_id=r.terminator_id
        )
        for r in rendered
    ]


def plain_scores(model, requests) -> list[Score]:
    scores = PlainScorer(model.module, model.max_length).score(requests)
    assert all(isinstance(score, Score) for score in scores)
    return scores


@pytest.mark.parametrize(("dialect", "style", "name"), SPOKEN)
def test_scores_over_a_server_are_those_of_the_weights(serve, connect, dialect, style, name):
    server = serve(dialect, style)
    requests = requests_of(server.model)
    scorer = connect(server)
    assert scorer.path == f"server ({name}, {server.url})"
    found = scorer.score(requests)
    for wanted, score in zip(plain_scores(server.model, requests), found, strict=True):
        assert isinstance(score, Score), score
        np.testing.assert_allclose(score.token_nlls, wanted.token_nlls, atol=1e-5)
        assert score.terminator_nll == pytest.approx(wanted.terminator_nll, abs=1e-5)


def test_sentencepiece_tokens_are_recognised_by_their_texts(serve, connect):
    server = serve("echo", "mistral", sentencepiece=True)
    requests = requests_of(server.model, [*PAIRS, ("Hi", "Grüße 🙂 an alle")])
    found = connect(server).score(requests)
    for wanted, score in zip(plain_scores(server.model, requests), found, strict=True):
        assert isinstance(score, Score), score
        np.testing.assert_allclose(score.token_nlls, wanted.token_nlls, atol=1e-5)


def test_ranks_are_those_of_vllm_and_unknown_elsewhere(serve, connect):
    server = serve("vllm")
    requests = requests_of(server.model)
    wanted = plain_scores(server.model, requests)
    for score, plain in zip(connect(server).score(requests), wanted, strict=True):
        assert isinstance(score, Score)
        assert score.rank_sum == plain.rank_sum
    server.dialect = "sglang"
    for score in connect(server).score(requests):
        assert isinstance(score, Score)
        assert score.token_ranks is None
        assert score.rank_sum is None


def test_noise_has_the_floor_of_bf16(serve, connect):
    assert connect(serve("sglang")).noise == 0.02


@pytest.mark.parametrize("dialect", ["vllm", "sglang", "echo", "echo-text"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_answer_is_a_failure_with_a_reason(serve, connect, dialect, fault):
    server = serve(dialect)
    scorer = connect(server)
    server.fault = FAULTS[fault]
    for result in scorer.score(requests_of(server.model)):
        assert isinstance(result, ScoreFailure)
        assert result.reason.startswith("the server's answer: ")
        assert result.retryable


@pytest.mark.parametrize("dialect", ["vllm", "echo"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_with_damaged_answers_is_not_used(serve, connect, dialect, fault):
    server = serve(dialect)
    server.fault = FAULTS[fault]
    with pytest.raises(BackendError, match="that can be used"):
        connect(server)


def test_one_damaged_row_does_not_touch_the_others(serve, connect):
    server = serve("vllm")
    scorer = connect(server)
    requests = requests_of(server.model)
    length = len(requests[2].prompt_ids) + len(requests[2].target_ids)
    server.fault = lambda rows: FAULTS["positive"](rows) if len(rows) == length else rows
    found = scorer.score(requests)
    assert [isinstance(result, Score) for result in found] == [True, True, False, True]
    assert "above 0" in found[2].reason


def test_right_tokens_with_rows_shifted_by_one_are_noticed(serve, connect):
    with pytest.raises(BackendError, match=r"echo of ids: the rows are shifted by one"):
        connect(serve("echo-shifted", "chatml"))


def test_a_server_that_is_right_behind_a_begin_of_sequence_gets_no_other_prompts(serve, connect):
    server = serve("echo-shifted", "llama3")
    scorer = connect(server)
    (request,) = requests_of(server.model, PAIRS[:1])
    without = ScoreRequest(
        prompt_ids=request.prompt_ids[1:],
        response_ids=request.response_ids,
        terminator_id=request.terminator_id,
    )
    (result,) = scorer.score([without])
    assert isinstance(result, ScoreFailure)
    assert "no begin-of-sequence" in result.reason


def test_a_constant_in_place_of_log_probabilities_is_noticed(serve, connect):
    server = serve("vllm")
    server.fault = lambda rows: [rows[0], *((token, 0.0, 1) for token, _, _ in rows[1:])]
    with pytest.raises(BackendError, match=r"every log-probability is 0.0: a stand-in"):
        connect(server)


def test_a_server_without_prompt_log_probabilities_is_named_with_those_that_have_them(
    serve, connect
):
    server = serve("none")
    with pytest.raises(BackendError) as caught:
        connect(server)
    message = str(caught.value)
    assert message.startswith(f"{server.url}: model 'tiny' gives no log-probabilities")
    assert "vLLM prompt_logprobs: the answer holds no prompt_logprobs" in message
    assert "SGLang /generate: HTTP 404: there is no /generate" in message
    for word in ("vLLM, SGLang", "llama.cpp", "A closed API cannot score"):
        assert word in message


def test_ids_whose_text_is_another_are_not_sent_as_text(serve, connect):
    server = serve("echo-text")
    scorer = connect(server)
    ids = tuple(server.model.tokenizer.convert_tokens_to_ids(list("Answer")))
    (request,) = requests_of(server.model, PAIRS[:1])
    odd = ScoreRequest(prompt_ids=request.prompt_ids, response_ids=ids, terminator_id=None)
    (result,) = scorer.score([odd])
    assert isinstance(result, ScoreFailure)
    assert "does not tokenise back" in result.reason
    assert not result.retryable


def test_rows_that_cannot_be_scored_are_not_sent(serve, connect):
    server = serve("vllm")
    scorer = connect(server)
    asked = len(server.seen)
    empty = ScoreRequest(prompt_ids=(3, 4), response_ids=(), terminator_id=5)
    long = ScoreRequest(prompt_ids=(3,) * 250, response_ids=(4,) * 10, terminator_id=None)
    for result in scorer.score([empty, long]):
        assert isinstance(result, ScoreFailure)
    assert len(server.seen) == asked


def test_each_prompt_is_seen_once_before_its_other_responses_where_the_cache_is_shared(
    serve, connect
):
    server = serve("sglang")
    scorer = connect(server)
    server.seen.clear()
    pairs = [(prompt, f"The answer is {n}.") for prompt in ("Why?", "Hi") for n in range(4)]
    requests = requests_of(server.model, pairs)
    assert all(isinstance(result, Score) for result in scorer.score(requests))
    starts = [tuple(body["input_ids"][: body["logprob_start_len"] + 1]) for _, body in server.seen]
    assert set(starts[:2]) == {request.prompt_ids for request in requests}


def test_batches_hold_every_request_once(serve, connect):
    server = serve("vllm")
    requests = requests_of(server.model) * 3
    batches = connect(server).batches(requests)
    assert sorted(i for batch in batches for i in batch) == list(range(len(requests)))


def test_a_model_that_the_server_does_not_have_is_named_with_those_it_has(serve):
    client = Server(serve("vllm").url)
    with pytest.raises(BackendError, match=r"has no model 'huge' \(offers: tiny\)"):
        client.model("huge")
    client.close()


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://host/v1", "http://", "http://me:word@host/v1", "http://h/v1?k=v"],
)
def test_a_url_that_is_none_or_holds_a_secret_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigError, match=r"target\.server") as caught:
        Server(url)
    assert "word" not in str(caught.value).replace("password", "")


def test_the_usual_path_is_added_to_a_url_without_one():
    client = Server("http://127.0.0.1:8000/")
    assert client.url == "http://127.0.0.1:8000/v1"
    client.close()


@pytest.mark.parametrize("value", [None, "-1", True, float("nan"), float("-inf"), -9999.0, 0.5])
def test_what_is_no_log_probability_is_no_number(value):
    with pytest.raises(WrongAnswer, match="position 4"):
        checked_logprobs([-0.5, value], 3)


def test_rounding_above_zero_is_zero():
    assert checked_logprobs([-0.5, 1e-6], 0) == (-0.5, 0.0)
