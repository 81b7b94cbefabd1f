import threading

import pytest

from idiolect.config import PriceConfig
from idiolect.models.money import Money, Reservation
from idiolect.models.prices import PRICES, Price, price_of
from idiolect.records import Payment, Spend
from idiolect.runs import Run, RunReader
from idiolect.runs.payments import PaymentBook


def test_a_price_is_per_million_tokens_of_each_kind():
    price = Price(input_usd_per_million=2.0, output_usd_per_million=8.0)
    assert price.cost_usd(1000, 500) == pytest.approx(0.002 + 0.004)


def test_a_prompt_beyond_the_tier_of_a_price_has_no_known_cost():
    price = price_of("openai:gpt-5.4")
    assert price is not None
    assert price.cost_usd(272_000, 0) == pytest.approx(0.68)
    assert price.cost_usd(272_001, 0) is None


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("openai:gpt-4.1", "gpt-4.1"),
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("anthropic:claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("openai:gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
    ],
)
def test_a_snapshot_has_the_price_of_its_model_unless_it_has_its_own(name, same_as):
    assert price_of(name) == PRICES[same_as]


@pytest.mark.parametrize(
    "name", ["openai:gpt-9", "openai:gpt-4.1@http://localhost:8000/v1", "folder", "lab:teacher"]
)
def test_an_unknown_price_is_none_and_not_zero(name):
    assert price_of(name) is None


@pytest.mark.parametrize("key", ["mine", "openai:mine", "openai:mine@http://h/v1"])
def test_a_price_of_the_configuration_comes_first(key):
    given = {key: PriceConfig(input_usd_per_million=0.0, output_usd_per_million=3.0)}
    price = price_of("openai:mine@http://h/v1", given)
    assert price is not None
    assert price.cost_usd(10**6, 10**6) == 3.0


def test_every_listed_price_has_a_date_and_a_source():
    assert all(p.as_of and p.source.startswith("https://") for p in PRICES.values())
    assert all(0 < p.input_usd_per_million < p.output_usd_per_million for p in PRICES.values())


def test_the_worst_case_is_set_aside_and_replaced_by_what_was_paid():
    money = Money(cap_usd=1.0)
    first = money.reserve(0.6)
    assert isinstance(first, Reservation)
    assert money.reserve(0.6) == "wait"
    assert not money.reached
    money.settle(first, 0.1)
    assert isinstance(money.reserve(0.6), Reservation)
    assert money.spent_usd == pytest.approx(0.1)
    assert money.billed == 1


def test_what_can_never_fit_is_refused_at_once_and_the_cap_is_reached():
    money = Money(cap_usd=1.0)
    held = money.reserve(0.5)
    assert isinstance(held, Reservation)
    assert money.reserve(1.1) == "no"
    assert money.reached
    assert isinstance(money.reserve(0.5), Reservation)


def test_a_lost_request_stays_set_aside_and_a_refused_one_does_not():
    money = Money(cap_usd=1.0)
    lost, refused = money.reserve(0.4), money.reserve(0.4)
    assert isinstance(lost, Reservation)
    assert isinstance(refused, Reservation)
    money.lose(lost)
    money.release(refused)
    assert (money.spent_usd, money.unsure_usd, money.lost, money.billed) == (0.0, 0.4, 1, 0)
    assert money.reserve(0.7) == "no"


def test_an_answer_of_unknown_cost_is_counted_and_not_added():
    money = Money()
    held = money.reserve(None)
    assert isinstance(held, Reservation)
    money.settle(held, None)
    assert (money.spent_usd, money.unknown, money.billed, money.reached) == (0.0, 1, 1, False)


def test_many_threads_never_pass_the_cap():
    money = Money(cap_usd=1.0)

    def work() -> None:
        while (held := money.reserve(0.1)) != "no":
            if isinstance(held, Reservation):
                money.settle(held, 0.01)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert money.reached
    # What is left after the last that fitted is less than the worst case of one more.
    assert money.spent_usd == pytest.approx(0.01 * money.billed)
    assert 0.9 < money.spent_usd <= 1.0


@pytest.fixture
def purse(tmp_path):
    """Return a function that opens a purse on one run, as each of its processes does."""
    with Run(tmp_path / "run", {}) as run:

        def open_purse(cap_usd=None, booked=()) -> Money:
            money = Money(cap_usd)
            money.keep_in(PaymentBook(run.path), booked)
            opened.append(money)
            return money

        opened: list[Money] = []
        yield open_purse
        for money in opened:
            money.close()


def states(purse) -> list[tuple[str, str, float | None]]:
    with RunReader(purse) as reader:
        return [(p.request_key, p.state, p.paid_usd) for p in reader.all(Payment)]


def test_what_a_killed_process_sent_counts_as_spent_in_the_next(purse, tmp_path):
    first = purse(1.0)
    paid, lost, refused, _sent = (first.reserve(0.2, request_key=key) for key in "abcd")
    first.settle(paid, 0.1)
    first.lose(lost)
    first.release(refused)

    second = purse(1.0)
    assert (second.spent_usd, second.billed, second.lost) == (0.1, 1, 2)
    assert second.unsure_usd == pytest.approx(0.4)
    assert second.reserve(0.51) == "no"
    assert isinstance(second.reserve(0.49, request_key="e"), Reservation)
    assert states(tmp_path / "run") == [
        ("a", "paid", 0.1),
        ("b", "lost", None),
        ("d", "killed", None),
        ("e", "sent", None),
    ]


def test_an_answer_that_was_kept_before_the_kill_settles_what_was_sent(purse):
    purse(1.0).reserve(0.2, request_key="a")
    second = purse(1.0)
    second.found("b", 0.1)  # somebody else's answer
    assert (second.spent_usd, second.unsure_usd) == (0.0, 0.2)
    second.found("a", 0.05)
    second.found("a", 0.05)
    assert (second.spent_usd, second.unsure_usd, second.lost) == (0.05, 0.0, 0)
    assert second.take("a") == 0.05
    assert purse(1.0).spent_usd == 0.05


def test_a_request_that_was_sent_again_does_not_settle_the_one_that_was_killed(purse):
    purse(1.0).reserve(0.2, request_key="a")
    second = purse(1.0)
    again = second.reserve(0.2, request_key="a")
    assert isinstance(again, Reservation)
    second.settle(again, 0.05)
    third = purse(1.0)
    third.found("a", 0.05)
    assert (third.spent_usd, third.unsure_usd) == (0.05, 0.2)


def test_what_was_paid_is_in_the_costs_of_one_candidate_once_over_all_processes(purse):
    first = purse()
    for key, usd in (("a", 0.1), ("a", 0.2), ("b", 0.4)):
        held = first.reserve(None, request_key=key)
        assert isinstance(held, Reservation)
        first.settle(held, usd)
    booked = Spend(
        subject_id="c",
        attempt=1,
        request=0,
        example_id="e",
        strategy="teacher",
        model="m",
        tokens_in=1,
        tokens_out=1,
        cost_usd=first.take("a"),
        cached=False,
        request_key="a",
    )
    assert booked.cost_usd == pytest.approx(0.3)
    assert first.take("a") is None
    # Killed before the costs of b were booked.
    second = purse(booked=[booked])
    assert second.take("a") is None
    assert second.take("b") == 0.4


def test_a_purse_that_was_closed_counts_on_and_leaves_its_book_as_it_is(purse, tmp_path):
    money = purse(1.0)
    held = money.reserve(0.2, request_key="a")
    money.close()
    money.settle(held, 0.1)
    assert money.spent_usd == 0.1
    assert states(tmp_path / "run") == [("a", "sent", None)]
