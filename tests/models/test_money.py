import threading

import pytest

from idiolect.config import PriceConfig
from idiolect.models.money import Money, Reservation
from idiolect.models.prices import PRICES, Price, price_of


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
