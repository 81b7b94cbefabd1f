"""Models behind OpenAI-compatible servers, over real sockets."""

import os
import signal
import threading
import time

import pytest
from endpoints import ask, chat, open_model, questions

from idiolect.errors import BackendError, ConfigError
from idiolect.lab.idiolects import render
from idiolect.lab.serving import FAULTS, Faults, LabServer, Teacher, running
from idiolect.lab.tasks import take
from idiolect.lab.teacher import Knobs
from idiolect.models.base import Generation, GenerationFailure
from idiolect.models.endpoint import EndpointModel
from idiolect.models.money import Money

OK = (200, {}, chat())


def only(model, request):
    (result,) = model.generate([request])
    return result


@pytest.fixture
def lab():
    with running(LabServer({"lab:teacher": Teacher()})) as server:
        yield server


def test_a_fifth_of_all_requests_go_wrong_in_every_way_and_each_ends_well(opened):
    shares = dict.fromkeys(FAULTS, 0.2 / len(FAULTS))
    faults = Faults(shares=shares, seed=4, slow_s=0.1, retry_after_s=0)
    money = Money(cap_usd=10.0)
    with running(LabServer({"lab:teacher": Teacher()}, faults=faults)) as server:
        results = list(opened(server, money=money).generate(questions(150)))
        counts = server.counts
    assert len(results) == 150
    assert all(isinstance(r, Generation) or r.reason for r in results)
    assert sum(isinstance(r, Generation) for r in results) == 150
    assert all(counts.faults.values())
    assert counts.repeated_after_answer == 0
    assert money.billed == counts.billed
    # A dropped connection is the one fault of which nobody here can know whether it was billed.
    assert money.lost == counts.faults["drop"]
    # What came truncated has no usage: it is known to be paid, not how much.
    assert money.unknown == counts.faults["truncated"]
    answers = [r for r in results if isinstance(r, Generation)]
    assert money.spent_usd == pytest.approx(sum(r.cost_usd or 0 for r in answers))


def test_answers_are_the_servers_in_the_order_of_the_requests(lab, opened):
    problems = take(20, "shop", seed=1, split="test")
    results = list(opened(lab).generate(questions(20)))
    assert [r.text for r in results] == [render(p, "tutor") for p in problems]
    assert [r.finish_reason for r in results] == ["stop"] * 20
    assert all(r.token_ids is None and not r.cached for r in results)
    first = results[0]
    assert first.cost_usd == pytest.approx((first.tokens_in + 2 * first.tokens_out) / 1e6)


def test_an_answer_is_yielded_while_later_ones_are_still_written(opened, scripted):
    gate = threading.Event()

    def answer(body):
        if body["seed"] == 1:
            gate.wait(10)
        return OK

    results = opened(scripted(answer)).generate([ask(seed=0), ask(seed=1)])
    assert next(results).text == "four"
    gate.set()
    assert next(results).text == "four"


def test_what_was_answered_is_never_asked_again_by_any_model_on_this_machine(lab, opened):
    requests = questions(10)
    first = list(opened(lab).generate(requests))
    money = Money(cap_usd=0.0)
    again = list(opened(lab, money=money).generate(requests))
    assert [r.text for r in again] == [r.text for r in first]
    assert all(r.cached and r.cost_usd == 0.0 for r in again)
    assert lab.counts.requests == 10
    assert not money.reached


def test_samples_of_one_prompt_are_requests_of_their_own(opened, scripted):
    server = scripted(lambda body: (200, {}, chat(f"sample {body['seed']}")))
    results = list(opened(server).generate([ask(seed=n) for n in (1, 2, 1)]))
    assert [r.text for r in results] == ["sample 1", "sample 2", "sample 1"]
    assert len(server.seen) == 2
    assert [r.cached for r in results] == [False, False, True]


def test_a_seed_of_any_size_is_sent_in_31_bits_always_the_same(opened, scripted):
    server = scripted(lambda body: OK)
    seeds = [7, 2**31 - 1, 2**31 + 7, 2**62 + 5]
    model = opened(server, cache=False, max_concurrency=1)
    list(model.generate([ask(seed=seed) for seed in seeds]))
    assert [body["seed"] for body in server.seen] == [7, 2**31 - 1, 7, 5]


@pytest.mark.parametrize(
    "other",
    [
        ask("What is 3 + 3?"),
        ask(limit=301),
        ask(sampling={"temperature": 0.5}),
        ask(sampling={"top_p": 0.5}),
        ask(seed=5),
    ],
)
def test_everything_that_decides_an_answer_is_in_its_key(other, opened, scripted):
    server = scripted(lambda body: OK)
    list(opened(server).generate([ask(), other]))
    list(opened(server, model="other").generate([ask()]))
    assert len(server.seen) == 3


def test_without_the_cache_the_same_request_is_sent_again(lab, opened, cache_folder):
    model = opened(lab, cache=False)
    assert [r.cached for r in model.generate([ask(), ask()])] == [False, False]
    assert lab.counts.requests == 2
    assert not cache_folder.exists()


def test_the_cap_stops_before_the_request_that_would_pass_it(lab, opened):
    money = Money(cap_usd=0.003)
    results = list(opened(lab, money=money).generate(questions(40)))
    kinds = ["made" if isinstance(r, Generation) else "skipped" for r in results]
    made = kinds.count("made")
    assert 0 < made < 40
    assert all(isinstance(r, Generation) or r.skipped for r in results)
    assert money.reached
    assert 0 < money.spent_usd <= 0.003
    assert lab.counts.billed == made == money.billed
    # With more money the same requests are made, and those that are there cost nothing.
    rest = list(opened(lab, money=Money(cap_usd=1.0)).generate(questions(40)))
    assert sum(r.cached for r in rest) == made
    assert lab.counts.repeated_after_answer == 0


def test_a_cap_without_a_price_is_refused_before_anything_is_sent(lab):
    with pytest.raises(ConfigError, match=r"price of 'openai:lab:teacher@.* is not known") as found:
        open_model(lab, money=Money(cap_usd=1.0), prices={})
    assert "prices: {'lab:teacher': {input_usd_per_million:" in str(found.value)
    assert lab.counts.requests == 0


def test_an_unknown_price_without_a_cap_gives_an_unknown_cost(lab, opened):
    money = Money()
    result = only(opened(lab, money=money, prices={}), ask())
    assert result.cost_usd is None
    assert (money.unknown, money.spent_usd) == (1, 0.0)


def test_an_answer_as_long_as_the_limit_was_cut_whatever_the_server_says(opened, scripted):
    server = scripted(lambda body: (200, {}, chat("and so", out=body["seed"], finish="stop")))
    at, below = opened(server).generate([ask(limit=7, seed=7), ask(limit=7, seed=6)])
    assert (at.finish_reason, below.finish_reason) == ("length", "stop")


@pytest.mark.parametrize(
    ("body", "reason", "retryable"),
    [
        (chat("four", finish="content_filter"), "content filter", False),
        (chat(None, refusal="I won't."), "the model refused: I won't.", False),
        (chat(" \n"), "the answer is empty", True),
        (chat(None, out=300, finish="length"), "all of the 300 tokens were used", False),
        (chat(None, finish="tool_calls"), "called a tool", False),
    ],
)
def test_what_is_no_answer_is_a_failure_and_is_not_paid_for_again(
    body, reason, retryable, opened, scripted
):
    server = scripted([(200, {}, body), OK])
    money = Money()
    results = [only(opened(server, money=money), ask()) for _ in range(2)]
    assert isinstance(results[0], GenerationFailure)
    assert reason in results[0].reason
    assert results[0].retryable is retryable
    assert results[0] == results[1]
    assert (len(server.seen), money.billed) == (1, 1)
    # Whoever asks for another try gets one, where it may help.
    again = only(opened(server, ask_again=True), ask())
    assert again == results[0] if not retryable else again.text == "four"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_can_not_succeed_is_not_asked_again(status, opened, scripted):
    said = {"error": {"message": "maximum context length is 10 tokens", "param": "messages"}}
    server = scripted(lambda body: (status, {}, said))
    result = only(opened(server), ask())
    assert result == GenerationFailure(
        reason=f"HTTP {status}: maximum context length is 10 tokens", retryable=False
    )
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "reply",
    [
        (500, {}, {}),
        (503, {}, "busy"),
        (408, {}, {}),
        (429, {"Retry-After": "0"}, {"error": {"message": "slow down"}}),
        (200, {}, '{"choices": [{"mess'),
        (200, {}, {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 0}}),
        (200, {}, {"error": {"message": "upstream went away"}}),
    ],
)
def test_what_may_succeed_later_is_asked_again(reply, opened, scripted):
    server = scripted([reply, OK])
    assert only(opened(server), ask()).text == "four"
    assert len(server.seen) == 2


def test_tries_come_to_an_end_with_their_number_and_the_last_reason(opened, scripted):
    server = scripted(lambda body: (500, {}, {"error": {"message": "no"}}))
    result = only(opened(server, retries=2), ask())
    assert result == GenerationFailure(reason="HTTP 500: no (3 tries)", retryable=True)
    assert len(server.seen) == 3


def test_retry_after_is_waited_for(opened, scripted):
    moments: list[float] = []
    replies = iter([(429, {"Retry-After": "1"}, {}), OK])

    def answer(body):
        moments.append(time.monotonic())
        return next(replies)

    only(opened(scripted(answer)), ask())
    assert moments[1] - moments[0] >= 1.0


def test_a_wait_of_hours_is_a_failure_and_not_waited_for(opened, scripted):
    server = scripted(lambda body: (429, {"Retry-After": "7200"}, {"error": {"message": "quota"}}))
    result = only(opened(server), ask())
    assert isinstance(result, GenerationFailure)
    assert result.retryable
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"error": {"message": "wrong API key sk-secret-123"}}),
        (404, {"error": {"message": "no such model"}}),
        (402, {}),
        (403, {}),
        (429, {"error": {"message": "You exceeded it", "code": "insufficient_quota"}}),
    ],
)
def test_where_no_request_can_succeed_it_stops_with_one_sentence(
    status, body, opened, scripted, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-123")
    server = scripted(lambda _: (status, {}, body))
    with pytest.raises(BackendError, match=f"refuses requests .HTTP {status}") as found:
        list(opened(server).generate(questions(200)))
    assert "check OPENAI_API_KEY, teacher.model" in str(found.value)
    assert "what is answered is kept" in str(found.value)
    assert "sk-secret-123" not in str(found.value)
    assert server.headers[0]["authorization"] == "Bearer sk-secret-123"
    assert len(server.seen) <= 64


def test_a_server_that_is_not_there_is_named_within_seconds(opened, scripted):
    server = scripted([])
    server.stop()
    server.stop = lambda: None
    began = time.monotonic()
    with pytest.raises(BackendError, match=r"does not answer .no connection"):
        only(opened(server), ask())
    assert time.monotonic() - began < 20


def test_no_answer_in_time_is_tried_again(opened, scripted):
    slow = iter([1.0, 0.0])

    def answer(body):
        time.sleep(next(slow))
        return OK

    money = Money()
    assert only(opened(scripted(answer), timeout_s=0.3, money=money), ask()).text == "four"
    assert (money.lost, money.billed) == (1, 1)


@pytest.mark.parametrize("code", ["unsupported_parameter", None])
def test_what_an_error_names_is_renamed_or_left_out_once_and_remembered(code, opened, scripted):
    def answer(body):
        for name in ("max_tokens", "temperature", "seed"):
            if name in body:
                said = f"Unsupported parameter: '{name}' is not supported with this model."
                error = {"message": said, "param": name if code else None, "code": code}
                return 400, {}, {"error": error}
        return OK

    server = scripted(answer)
    model = opened(server)
    assert only(model, ask(seed=1)).text == "four"
    assert len(server.seen) == 4
    assert server.seen[-1]["max_completion_tokens"] == 300
    assert only(model, ask(seed=2)).text == "four"
    assert len(server.seen) == 5
    left_out = {note.partition(";")[0] for note in model.notes if "takes no" in note}
    assert left_out == {"lab:teacher takes no temperature", "lab:teacher takes no seed"}


def test_a_limit_that_is_refused_by_both_names_is_a_failure(opened, scripted):
    def answer(body):
        name = next(n for n in body if n.startswith("max_"))
        error = {"message": f"{name} is not supported", "param": name}
        return 400, {}, {"error": error | {"code": "unsupported_parameter"}}

    server = scripted(answer)
    assert isinstance(only(opened(server), ask()), GenerationFailure)
    assert len(server.seen) == 2


def test_a_value_out_of_range_is_the_users_to_correct(lab, opened):
    result = only(opened(lab), ask(sampling={"temperature": 9.0}))
    assert isinstance(result, GenerationFailure)
    assert "temperature: found 9.0" in result.reason


def test_a_start_to_be_continued_is_refused_without_asking(lab, opened):
    result = only(opened(lab), ask(prefix="Well,"))
    assert isinstance(result, GenerationFailure)
    assert not result.retryable
    assert "cannot continue" in result.reason
    assert lab.counts.requests == 0


@pytest.mark.parametrize("text", ["", "\x00", "🙂" * 50, "\u202e", "{{ x }}"])
def test_odd_characters_reach_the_server_as_they_are(text, opened, scripted):
    server = scripted(lambda body: (200, {}, chat(f"You said {body['messages'][0]['content']}")))
    model = opened(server)
    assert only(model, ask(text)).text == f"You said {text}"
    assert only(model, ask(text)).cached


def test_a_prompt_that_is_not_valid_unicode_is_a_failure(lab, opened):
    result = only(opened(lab), ask("\ud800"))
    assert isinstance(result, GenerationFailure)
    assert "lone surrogate" in result.reason


def test_the_name_that_the_server_answers_with_is_told_and_changes_no_id(opened, scripted):
    server = scripted(lambda body: (200, {}, chat(model="m-2026-01-01")))
    model = opened(server, model="m")
    only(model, ask())
    assert model.name == f"openai:m@{server.url}"
    assert model.revision is None
    assert model.answered_by == ("m-2026-01-01",)
    assert model.notes == (f"openai:m@{server.url} answered as m-2026-01-01",)


def test_requests_run_at_once_and_never_more_than_allowed(opened, scripted):
    lock, running_now, busiest = threading.Lock(), 0, 0

    def answer(body):
        nonlocal running_now, busiest
        with lock:
            running_now += 1
            busiest = max(busiest, running_now)
        time.sleep(0.02)
        with lock:
            running_now -= 1
        return OK

    list(opened(scripted(answer), max_concurrency=3).generate([ask(seed=n) for n in range(30)]))
    assert busiest == 3


def test_no_more_is_sent_ahead_than_a_window(opened, scripted):
    server = scripted(lambda body: OK)
    results = opened(server, max_concurrency=4).generate([ask(seed=n) for n in range(300)])
    next(results)
    time.sleep(0.5)
    assert len(server.seen) <= 65
    results.close()
    sent = len(server.seen)
    time.sleep(0.1)
    assert len(server.seen) == sent


def test_an_interrupt_sends_nothing_more_and_keeps_what_is_under_way(opened, scripted, caplog):
    arrived = threading.Semaphore(0)

    def answer(body):
        arrived.release()
        time.sleep(0.4)
        return OK

    def interrupt() -> None:
        for _ in range(4):
            arrived.acquire()
        os.kill(os.getpid(), signal.SIGINT)

    server = scripted(answer)
    requests = [ask(seed=n) for n in range(40)]
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        list(opened(server, max_concurrency=4).generate(requests))
    sent = len(server.seen)
    assert 4 <= sent <= 8
    assert "waiting for" in caplog.text
    # All of them reached the cache: asking again pays for the others only.
    again = list(opened(server).generate(requests))
    assert sum(r.cached for r in again) == sent
    assert len(server.seen) == 40


def test_a_wait_after_an_interrupt_has_an_end(opened, scripted):
    stuck = threading.Event()
    server = scripted(lambda body: (stuck.wait(20), OK)[1])
    model = EndpointModel(opened(server)._service, drain_s=0.2)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        only(model, ask())
    assert time.monotonic() - began < 10
    stuck.set()
    model.close()


def test_two_threads_may_ask_one_model(lab, opened):
    model = opened(lab)
    found: list[list[str]] = []

    def work() -> None:
        found.append([r.text for r in model.generate(questions(20))])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert lab.counts.requests == 20


def test_nothing_is_sent_for_no_requests(lab, opened):
    assert list(opened(lab).generate([])) == []
    assert lab.counts.requests == 0


def test_no_key_and_no_prompt_is_written_to_the_cache(lab, opened, cache_folder, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-123")
    model = opened(lab)
    request = questions(1)[0]
    only(model, request)
    model.close()
    written = b"".join(path.read_bytes() for path in cache_folder.iterdir())
    assert b"sk-secret-123" not in written
    assert request.messages[0].content.encode() not in written


def test_the_teachers_delay_is_waited_for_once_and_not_once_a_request(opened):
    backend = Teacher(Knobs(latency_s=0.1))
    with running(LabServer({"lab:teacher": backend})) as server:
        began = time.monotonic()
        list(opened(server).generate(questions(32)))
    assert time.monotonic() - began < 32 * 0.1
