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
    (pack,) = packs(group_requests(requests), budget=100, branching=True)
    assert pack.ids == (1, 2, 3, 7, 8)
    assert pack.positions == (0, 1, 2, 3, 4)
    # Sorted: the response of one token, which has no row of its own, comes first.
    assert [branch.own for branch in pack.pieces[0].branches] == [(3, 3), (3, 5)]


def alike(*responses: tuple[int, ...]) -> list[ScoreRequest]:
    return [ScoreRequest(prompt_ids=(1, 2), response_ids=r, terminator_id=None) for r in responses]


def test_an_answer_and_its_correction_share_their_first_rows():
    first = tuple(range(10, 20))
    answer, correction = (*first, 30, 31, 32), (*first, 40, 41)
    (pack,) = packs(group_requests(alike(answer, correction)), budget=100, branching=True)
    assert pack.ids == (1, 2, *first, 30, 31, 40)
    assert pack.positions == (*range(14), 12)
    one, other = pack.pieces[0].branches
    assert (one.trail, one.own) == ((), (2, 14))
    assert (other.trail, other.own, other.shared) == (((2, 12),), (14, 15), 10)


def test_a_branch_of_a_branch_has_a_trail_of_two_parts():
    first, second = tuple(range(10, 20)), tuple(range(20, 30))
    requests = alike((*first, 5, 5), (*first, 6, *second, 7, 7), (*first, 6, *second, 8, 8))
    (pack,) = packs(group_requests(requests), budget=100, branching=True)
    _, middle, last = pack.pieces[0].branches
    assert middle.trail == ((2, 12),)
    assert last.trail == ((2, 12), (13, 24))
    assert [pack.ids[row] for rows in last.trail for row in range(*rows)] == [*first, 6, *second]
    assert pack.ids[slice(*last.own)] == (8,)


def test_a_beginning_of_a_few_tokens_is_not_worth_a_branch():
    requests = alike((10, 11, 12, 13), (10, 11, 12, 14))
    (pack,) = packs(group_requests(requests), budget=100, branching=True)
    assert all(not branch.trail for branch in pack.pieces[0].branches)
    assert pack.ids == (1, 2, 10, 11, 12, 10, 11, 12)


def test_without_branching_nothing_but_the_prompt_is_shared():
    first = tuple(range(10, 20))
    requests = alike((*first, 1, 2), (*first, 3, 4))
    (pack,) = packs(group_requests(requests), budget=100, branching=False)
    assert len(pack.ids) == 2 + 11 + 11


ALIKE = st.lists(st.lists(st.integers(1, 2), min_size=1, max_size=24), min_size=1, max_size=12)


@given(responses=ALIKE, budget=st.integers(1, 120))
def test_trail_and_own_rows_spell_each_response_at_its_positions(responses, budget):
    for pack in packs(group_requests(alike(*map(tuple, responses))), budget, branching=True):
        for piece in pack.pieces:
            for branch in piece.branches:
                rows = [row for part in (*branch.trail, branch.own) for row in range(*part)]
                assert tuple(pack.ids[row] for row in rows) == branch.member.targets[:-1]
                assert [pack.positions[row] for row in rows] == [*range(2, 2 + len(rows))]


def test_every_response_starts_right_behind_the_prompt():
    requests = make_requests(50, [(4, (3, 3))])
    (pack,) = packs(group_requests(requests), budget=100, branching=True)
    assert pack.positions == (0, 1, 2, 3, 4, 5, 4, 5, 6)


def test_equal_requests_are_computed_once():
    request = ScoreRequest(prompt_ids=(1,), response_ids=(2, 3), terminator_id=None)
    (group,) = group_requests([request, request])
    assert [member.requests for member in group.members] == [(0, 1)]


def test_a_large_group_is_divided_and_its_prompt_computed_once():
    requests = make_requests(50, [(20, (10, 10, 10, 10))])
    plan = list(packs(group_requests(requests), budget=30, branching=True))
    assert [piece.has_prompt for pack in plan for piece in pack.pieces] == [True, False]
    assert [piece.is_last for pack in plan for piece in pack.pieces] == [False, True]


@given(groups=GROUPS, budget=st.integers(1, 120))
def test_every_distinct_response_is_in_exactly_one_pack(groups, budget):
    requests = make_requests(1000, groups)
    plan = list(packs(group_requests(requests), budget, branching=True))
    served = sorted(
        index
        for pack in plan
        for piece in pack.pieces
        for branch in piece.branches
        for index in branch.member.requests
    )
    assert served == list(range(len(requests)))
    prompts = [piece.group for pack in plan for piece in pack.pieces if piece.has_prompt]
    assert len(prompts) == len(set(prompts)) == len({r.prompt_ids for r in requests})


@given(groups=GROUPS, budget=st.integers(1, 120))
def test_batches_hold_every_request_once_and_divide_no_group_with_a_long_prompt(groups, budget):
    requests = make_requests(1000, groups)
    result = batches(requests, budget, branching=True)
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
    result = batches(requests, budget=100, branching=True)
    assert max(len(batch) for batch in result) <= 3
