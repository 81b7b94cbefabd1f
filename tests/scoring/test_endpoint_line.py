"""What happens on the line between us and a server: refusals, pauses, lost connections."""

import pytest

from idiolect.errors import BackendError
from idiolect.records import Message
from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest


def requests_of(model, count: int = 2) -> list[ScoreRequest]:
    messages = (Message(role="user", content="Why?"),)
    return [
        ScoreRequest(
            prompt_ids=model.chat.prompt_ids(messages),
            response_ids=model.chat.response_ids(f"The answer is {n}."),
            terminator_id=model.chat.terminator_id,
        )
        for n in range(count)
    ]


def posts(server) -> int:
    return sum(body is not None for _, body in server.seen)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(serve, connect, status):
    server = serve()
    scorer = connect(server, retries=2)
    server.first_answers = [(status, {"retry-after-ms": "1"})] * 2
    assert all(isinstance(result, Score) for result in scorer.score(requests_of(server.model)))


def test_the_pause_that_a_server_asks_for_is_kept(serve, connect):
    server = serve()
    scorer = connect(server, retries=1)
    server.first_answers = [(429, {"retry-after": "1"})]
    server.moments.clear()
    assert all(isinstance(result, Score) for result in scorer.score(requests_of(server.model, 1)))
    first, second = server.moments
    assert second - first >= 1.0


def test_a_lost_connection_is_made_again(serve, connect):
    server = serve()
    scorer = connect(server, retries=1)
    server.first_answers = ["drop"]
    assert all(isinstance(result, Score) for result in scorer.score(requests_of(server.model)))


def test_errors_of_the_server_for_ever_are_failures_that_may_be_tried_again(serve, connect):
    server = serve()
    scorer = connect(server, retries=2)
    server.every_answer = 500
    for result in scorer.score(requests_of(server.model)):
        assert isinstance(result, ScoreFailure)
        assert result.reason == "the server: HTTP 500: no"
        assert result.retryable


def test_connections_lost_for_ever_are_failures_while_the_server_lives(serve, connect):
    server = serve()
    scorer = connect(server)
    server.every_answer = "drop"
    for result in scorer.score(requests_of(server.model)):
        assert isinstance(result, ScoreFailure)
        assert "no connection" in result.reason
        assert result.retryable


def test_a_server_that_is_gone_stops_the_run(serve, connect):
    server = serve()
    scorer = connect(server)
    server.stop()
    with pytest.raises(BackendError, match="cannot be reached any more"):
        scorer.score(requests_of(server.model))


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_row_is_a_failure_at_once(serve, connect, status):
    server = serve()
    scorer = connect(server, retries=3)
    server.moments.clear()
    server.every_answer = status
    for result in scorer.score(requests_of(server.model)):
        assert isinstance(result, ScoreFailure)
        assert not result.retryable
    assert len(server.moments) == 2


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_a_missing_model_stops_the_run(serve, connect, status):
    server = serve()
    scorer = connect(server)
    server.every_answer = status
    with pytest.raises(BackendError, match="refuses requests"):
        scorer.score(requests_of(server.model))


def test_a_refused_key_is_told_before_anything_is_scored(serve, connect):
    server = serve()
    server.every_answer = 401
    with pytest.raises(BackendError, match="OPENAI_API_KEY"):
        connect(server)


def test_what_is_not_json_is_a_failure(serve, connect):
    server = serve()
    scorer = connect(server)
    server.wrong_text = "<html>Bad gateway</html>"
    (result,) = scorer.score(requests_of(server.model, 1))
    assert isinstance(result, ScoreFailure)
    assert result.reason == "the server: not JSON: <html>Bad gateway</html>"


def test_a_server_that_nobody_started_is_told_at_once(serve, connect):
    server = serve()
    server.stop()
    with pytest.raises(BackendError, match=r"start the server, check target\.server"):
        connect(server)


def test_the_key_is_sent_and_never_repeated(serve, connect):
    server = serve()
    server.repeats_key = True
    server.every_answer = 401
    with pytest.raises(BackendError) as caught:
        connect(server)
    assert server.keys == {"Bearer sk-secret-of-the-tests"}
    assert "sk-secret" not in str(caught.value)
