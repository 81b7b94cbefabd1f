import asyncio
import math

import pytest

from idiolect.models.pace import Gate, Pace, backoff_s


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_limit_grows_by_one_a_round_trip_up_to_the_most():
    pace = Pace(10)
    assert pace.limit == 8
    for _ in range(9):
        pace.answered()
    assert 9.0 <= pace.limit < 9.2
    for _ in range(100):
        pace.answered()
    assert pace.limit == 10


def test_a_429_halves_the_limit_once_for_all_that_were_under_way():
    clock = Clock()
    pace = Pace(64, clock)
    started = pace.now()
    clock.now += 1
    for _ in range(5):
        pace.pushed_back(started, None)
    assert pace.limit == 4
    clock.now += 1
    pace.pushed_back(pace.now(), None)
    assert pace.limit == 2


def test_the_limit_never_falls_below_one():
    clock = Clock()
    pace = Pace(4, clock)
    for _ in range(10):
        clock.now += 1
        pace.pushed_back(pace.now(), None)
    assert pace.limit == 1
    assert pace.wait_s() == 0


def test_retry_after_pauses_everybody_for_as_long():
    clock = Clock()
    pace = Pace(4, clock)
    pace.pushed_back(pace.now(), 7.0)
    pace.pushed_back(pace.now(), 2.0)
    assert pace.wait_s() == 7.0
    clock.now += 7.0
    assert pace.wait_s() == 0


def test_a_full_endpoint_waits_for_one_to_end():
    pace = Pace(1)
    pace.start()
    assert math.isinf(pace.wait_s())
    pace.end()
    assert pace.wait_s() == 0


def test_waits_grow_and_are_jittered_and_bounded():
    def longest(low: float, high: float) -> float:
        return high

    assert [backoff_s(n, longest) for n in (0, 1, 2, 20)] == [0.5, 1.0, 2.0, 60.0]
    assert backoff_s(3, lambda low, high: low) == 0.0
    assert all(0 <= backoff_s(1) <= 1.0 for _ in range(50))


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_than_the_limit_pass_the_gate_at_once(most):
    async def run() -> int:
        gate, busiest = Gate(Pace(most)), 0

        async def work() -> None:
            nonlocal busiest
            await gate.enter()
            busiest = max(busiest, gate.pace.running)
            await asyncio.sleep(0)
            gate.leave()

        await asyncio.gather(*(work() for _ in range(20)))
        assert gate.pace.running == 0
        return busiest

    assert asyncio.run(run()) == most
