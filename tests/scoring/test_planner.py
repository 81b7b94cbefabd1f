"""Plans: everything once, nothing beside what it must not see, the same every time."""

from hypothesis import given
from hypothesis import strategies as st
from scored import make_requests

from idiolect.scoring.base import ScoreRequest
from idiolect.scoring.planner import batches, group_requests, packs

GROUPS = st.lists(
    st.tuples(st.integers(1, 30), st.lists(st.integers(1, 20), min_size=1, max_size=6)),
    min_size=1,
    max_size=6,
)


def test_a_pack_is_the_prompt_followed_by_each_response_without_its_last_token():
    requests = [
        ScoreRequest(prompt_ids=(1, 2, 3), response_ids=(7, 8), terminator_id=9),
        ScoreRequest(prompt_ids=(1, 2, 3), response_ids=(5,), terminator_id=None),
    ]
    (pack,) = packs(group_requests(requests), budget=100)
    assert pack.ids == (1, 2, 3, 7, 8)
    assert pack.positions == (0, 1, 2, 3, 4)
    assert pack.pieces[0].spans == ((3, 5), (5, 5))


def test_every_response_starts_right_behind_the_prompt():
    requests = make_requests(50, [(4, (3, 3))])
    (pack,) = packs(group_requests(requests), budget=100)
    assert pack.positions == (0, 1, 2, 3, 4, 5, 4, 5, 6)


def test_equal_requests_are_computed_once():
    request = ScoreRequest(prompt_ids=(1,), response_ids=(2, 3), terminator_id=None)
    (group,) = group_requests([request, request])
    assert [member.requests for member in group.members] == [(0, 1)]


def test_a_large_group_is_divided_and_its_prompt_computed_once():
    requests = make_requests(50, [(20, (10, 10, 10, 10))])
    plan = list(packs(group_requests(requests), budget=30))
    assert [piece.has_prompt for pack in plan for piece in pack.pieces] == [True, False]
    assert [piece.is_last for pack in plan for piece in pack.pieces] == [False, True]


@given(groups=GROUPS, budget=st.integers(1, 120))
def test_every_distinct_response_is_in_exactly_one_pack(groups, budget):
    requests = make_requests(1000, groups)
    plan = list(packs(group_requests(requests), budget))
    served = sorted(
        index
        for pack in plan
        for piece in pack.pieces
        for member in piece.members
        for index in member.requests
    )
    assert served == list(range(len(requests)))
    prompts = [piece.group for pack in plan for piece in pack.pieces if piece.has_prompt]
    assert len(prompts) == len(set(prompts)) == len({r.prompt_ids for r in requests})


@given(groups=GROUPS, budget=st.integers(1, 120))
def test_batches_hold_every_request_once_and_divide_no_group_with_a_long_prompt(groups, budget):
    requests = make_requests(1000, groups)
    result = batches(requests, budget)
    assert sorted(index for batch in result for index in batch) == list(range(len(requests)))
    home = {}
    for number, batch in enumerate(result):
        for index in batch:
            if len(requests[index].prompt_ids) * 32 <= budget:
                continue
            assert home.setdefault(requests[index].prompt_ids, number) == number


def test_responses_behind_a_prompt_of_one_token_are_not_all_one_batch():
    # Without this, scoring without prompts would be one transaction, lost as a whole when killed.
    requests = make_requests(1000, [(1, [40] * 30)])
    result = batches(requests, budget=100)
    assert max(len(batch) for batch in result) <= 3
