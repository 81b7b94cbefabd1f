"""Anthropic's Messages API, with the official client against a small server that speaks it."""

import dataclasses

import pytest
from endpoints import ask

from idiolect.config import TeacherConfig
from idiolect.errors import BackendError, ConfigError
from idiolect.models.base import Generation, GenerationFailure
from idiolect.models.money import Money
from idiolect.models.registry import open_teacher
from idiolect.records import Message

pytest.importorskip("anthropic")


def message(*texts: str, stop: str = "end_turn", out: int = 3):
    """Return the body of an answer."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [{"type": "text", "text": text} for text in texts],
        "stop_reason": stop,
        "usage": {"input_tokens": 5, "output_tokens": out, "cache_read_input_tokens": 2},
    }


OK = (200, {}, message("four"))


@pytest.fixture
def claude(scripted, opened):
    """Return a function that opens a model behind a scripted server."""

    def make(answer, **options):
        server = scripted(answer)
        server_root = type("Root", (), {"url": server.url.removesuffix("/v1")})
        return server, opened(server_root, kind="anthropic", model="claude-x", **options)

    return make


def only(model, request):
    (result,) = model.generate([request])
    return result


def test_an_answer_comes_with_usage_and_cost(claude, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-1")
    money = Money(cap_usd=1.0)
    server, model = claude([(200, {}, message("fo", "ur"))], money=money)
    conversation = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="2 + 2?"),
    )
    result = only(model, ask(messages=conversation, seed=4, limit=50))
    assert result.request_key
    assert dataclasses.replace(result, request_key=None) == Generation(
        text="four",
        finish_reason="stop",
        token_ids=None,
        tokens_in=7,
        tokens_out=3,
        cost_usd=pytest.approx(13e-6),
    )
    assert server.paths == ["/v1/messages"]
    assert server.headers[0]["authorization"] == "Bearer sk-ant-1"
    assert server.seen[0] == {
        "model": "claude-x",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "2 + 2?"}],
        "max_tokens": 50,
        "temperature": 0.0,
    }
    assert money.spent_usd == pytest.approx(13e-6)


def test_samples_differ_by_their_seed_though_none_is_sent(claude):
    server, model = claude(lambda body: OK)
    results = list(model.generate([ask(seed=1), ask(seed=2), ask(seed=1)]))
    assert [r.cached for r in results] == [False, False, True]
    assert len(server.seen) == 2
    assert "seed" not in server.seen[0]


@pytest.mark.parametrize(
    ("body", "finish"),
    [
        (message("a", stop="max_tokens"), "length"),
        (message("a", out=300), "length"),
        (message("a", stop="stop_sequence"), "stop"),
    ],
)
def test_a_cut_answer_is_called_one(body, finish, claude):
    _, model = claude([(200, {}, body)])
    assert only(model, ask()).finish_reason == finish


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (message("a", stop="refusal"), "the model refused"),
        (message(stop="end_turn"), "the answer is empty"),
        (message(stop="max_tokens"), "all of the 300 tokens"),
    ],
)
def test_what_is_no_answer_is_a_failure(body, reason, claude):
    server, model = claude([(200, {}, body)])
    result = only(model, ask())
    assert isinstance(result, GenerationFailure)
    assert reason in result.reason
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "reply",
    [
        (529, {}, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}),
        (429, {"retry-after": "0"}, {"error": {"message": "slow down"}}),
        (500, {}, {}),
        (200, {}, '{"content": [{"ty'),
    ],
)
def test_what_may_succeed_later_is_asked_again(reply, claude):
    server, model = claude([reply, OK])
    assert only(model, ask()).text == "four"
    assert len(server.seen) == 2


def test_parameters_that_a_model_no_longer_takes_are_left_out_and_remembered(claude):
    def answer(body):
        if "temperature" in body and "top_p" in body:
            said = "`temperature` and `top_p` cannot both be specified for this model."
        elif "temperature" in body:
            said = "`temperature` is deprecated for this model."
        else:
            return OK
        error = {"type": "invalid_request_error", "message": said}
        return 400, {}, {"type": "error", "error": error}

    server, model = claude(answer)
    sampling = {"temperature": 0.7, "top_p": 0.9}
    assert only(model, ask(sampling=sampling, seed=1)).text == "four"
    assert [sorted({"temperature", "top_p"} & set(body)) for body in server.seen] == [
        ["temperature", "top_p"],
        ["temperature"],
        [],
    ]
    assert only(model, ask(sampling=sampling, seed=2)).text == "four"
    assert len(server.seen) == 4
    assert len(model.notes) == 2


def test_a_temperature_out_of_range_is_the_users_to_correct(claude):
    error = {"type": "invalid_request_error", "message": "temperature: range: 0..1"}
    server, model = claude([(400, {}, {"type": "error", "error": error})])
    result = only(model, ask(sampling={"temperature": 1.5}))
    assert result == GenerationFailure(reason="HTTP 400: temperature: range: 0..1", retryable=False)
    assert len(server.seen) == 1


def test_a_wrong_key_stops_with_one_sentence_without_the_key(claude, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    error = {"type": "authentication_error", "message": "invalid x-api-key sk-ant-secret"}
    _, model = claude(lambda body: (401, {}, {"type": "error", "error": error}))
    with pytest.raises(BackendError, match="check ANTHROPIC_API_KEY") as found:
        only(model, ask())
    assert "sk-ant-secret" not in str(found.value)


def test_a_key_is_asked_for_before_anything_is_sent():
    with pytest.raises(ConfigError, match="set ANTHROPIC_API_KEY"):
        open_teacher(TeacherConfig("anthropic:claude-haiku-4-5"))
