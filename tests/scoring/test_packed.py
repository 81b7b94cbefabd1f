"""The packed scorer against the plain one: exact, whatever is computed beside what."""

import copy
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scored import largest_difference, make_alike, make_requests, plain_scores

from idiolect.scoring import attention, planner
from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest
from idiolect.scoring.head import Head
from idiolect.scoring.local import choose_scorer
from idiolect.scoring.packed import PackedScorer
from idiolect.scoring.plain import PlainScorer, target_statistics

GROUPS = [(37, (11, 1, 24, 23)), (5, (33, 2)), (1, (3, 7)), (61, (1,)), (90, (40, 40, 40))]
LONGEST = 256


@pytest.fixture(scope="session")
def module(load):
    return load("chatml").module


@pytest.fixture(scope="session")
def requests(module):
    alike = make_alike(module.config.vocab_size, 30, [(0, 40), (25, 12), (30, 3)], seed=5)
    return [*make_requests(module.config.vocab_size, GROUPS), *alike]


@pytest.fixture(scope="session")
def wanted(module, requests):
    return plain_scores(module, requests)


def packed(module, requests, budget: int | None = None) -> list[Score]:
    scores = PackedScorer(module, LONGEST, budget).score(requests)
    assert all(isinstance(score, Score) for score in scores)
    return scores


@pytest.mark.parametrize("budget", [1, 16, 64, 100, 4096])
def test_any_token_budget_gives_the_scores_of_the_plain_path(module, requests, wanted, budget):
    found = packed(module, requests, budget)
    assert largest_difference(wanted, found) < 1e-4
    for a, b in zip(wanted, found, strict=True):
        assert abs(a.nll - b.nll) <= 2e-6 * a.nll + 1e-5
        assert (a.token_ranks == b.token_ranks).mean() > 0.95


@given(
    groups=st.lists(
        st.tuples(st.integers(1, 80), st.lists(st.integers(1, 40), min_size=1, max_size=8)),
        min_size=1,
        max_size=4,
    ),
    budget=st.integers(1, 300),
)
def test_random_groups_are_scored_as_one_by_one(load, groups, budget):
    module = load("chatml").module
    requests = make_requests(module.config.vocab_size, groups, seed=budget)
    one_by_one = PlainScorer(module, LONGEST).score(requests)
    assert largest_difference(one_by_one, packed(module, requests, budget)) < 1e-4


@given(
    lengths=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=7),
    prompt=st.integers(1, 40),
    budget=st.integers(1, 300),
)
def test_responses_that_begin_alike_are_scored_as_one_by_one(load, lengths, prompt, budget):
    module = load("chatml").module
    requests = make_alike(module.config.vocab_size, prompt, lengths, seed=budget)
    one_by_one = PlainScorer(module, LONGEST).score(requests)
    found = packed(module, requests, budget)
    assert largest_difference(one_by_one, found) < 1e-4
    for a, b in zip(one_by_one, found, strict=True):
        assert (a.token_ranks != b.token_ranks).mean() < 0.2


def test_a_shared_beginning_goes_through_the_model_once(module, monkeypatch):
    requests = make_alike(module.config.vocab_size, 20, [(0, 40), (30, 10), (35, 5)])
    scorer = PackedScorer(module, LONGEST)
    real, rows = scorer._base, []

    def counting(ids, **options):
        rows.append(ids.shape[1])
        return real(ids, **options)

    monkeypatch.setattr(scorer, "_base", counting)
    scorer.score(requests)
    fed = {r.target_ids[:stop] for r in requests for stop in range(1, len(r.target_ids))}
    assert rows == [20 + len(fed)]


def test_order_does_not_matter(module, requests):
    order = list(range(len(requests)))
    random.Random(1).shuffle(order)
    straight = packed(module, requests)
    shuffled = packed(module, [requests[i] for i in order])
    for place, index in enumerate(order):
        difference = np.abs(straight[index].token_nlls - shuffled[place].token_nlls).max()
        assert difference < 1e-5


def test_other_groups_of_a_pack_change_nothing(module, requests):
    kept = [r for r in requests if len(r.prompt_ids) == 37]
    others = make_requests(module.config.vocab_size, [(50, (20, 20)), (9, (5, 30))], seed=99)
    alone = packed(module, kept)
    beside = packed(module, [*others[:2], *kept, *others[2:]])[2:-2]
    assert largest_difference(alone, beside) < 1e-5


def test_a_response_does_not_see_its_siblings(module):
    requests = make_requests(module.config.vocab_size, [(20, (15, 15, 15))])
    changed = [requests[0], *make_requests(module.config.vocab_size, [(20, (8, 31))], seed=7)]
    changed = [
        changed[0],
        *(
            ScoreRequest(
                prompt_ids=requests[0].prompt_ids, response_ids=r.response_ids, terminator_id=None
            )
            for r in changed[1:]
        ),
    ]
    first, second = packed(module, requests)[0], packed(module, changed)[0]
    assert np.abs(first.token_nlls - second.token_nlls).max() < 1e-5


def test_positions_continue_the_prompt_as_a_cache_would(module):
    (request,) = make_requests(module.config.vocab_size, [(30, (12,))])
    with torch.inference_mode():
        cache = module(torch.tensor([request.prompt_ids]), use_cache=True)
        rest = module(
            torch.tensor([request.response_ids[:-1]]), past_key_values=cache.past_key_values
        )
    logits = torch.cat([cache.logits[0, -1:], rest.logits[0]])
    nlls, _ = target_statistics(logits, torch.tensor(request.response_ids))
    (score,) = packed(module, [request])
    assert np.abs(nlls.numpy() - score.token_nlls).max() < 1e-4


def test_equal_and_nested_responses_get_equal_scores(module):
    prompt, response = (5, 6, 7, 8), (9, 10, 11, 12, 13)
    requests = [
        ScoreRequest(prompt_ids=prompt, response_ids=response, terminator_id=None),
        ScoreRequest(prompt_ids=prompt, response_ids=response, terminator_id=None),
        ScoreRequest(prompt_ids=prompt, response_ids=response[:3], terminator_id=None),
        ScoreRequest(prompt_ids=prompt, response_ids=prompt, terminator_id=None),
    ]
    first, twin, beginning, _ = packed(module, requests)
    assert first.nll == twin.nll
    assert np.allclose(first.token_nlls[:3], beginning.token_nlls, atol=1e-5)


def test_invalid_requests_fail_in_their_slots_and_the_others_are_scored(module, requests):
    empty = ScoreRequest(prompt_ids=(1, 2), response_ids=(), terminator_id=None)
    without_prompt = ScoreRequest(prompt_ids=(), response_ids=(1,), terminator_id=None)
    too_long = ScoreRequest(prompt_ids=(1,) * 250, response_ids=(2,) * 7, terminator_id=None)
    results = PackedScorer(module, LONGEST).score([empty, requests[0], without_prompt, too_long])
    assert [type(result) for result in results] == [ScoreFailure, Score, ScoreFailure, ScoreFailure]
    assert "257 tokens, the context holds 256" in results[3].reason


def test_when_memory_runs_out_the_batch_is_divided_and_no_score_is_lost(
    module, requests, wanted, monkeypatch
):
    scorer = PackedScorer(module, LONGEST)
    real = scorer._base
    largest = []

    def small_memory(ids, **options):
        if ids.shape[1] > 135:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        largest.append(ids.shape[1])
        return real(ids, **options)

    monkeypatch.setattr(scorer, "_base", small_memory)
    found = scorer.score(requests)
    assert largest_difference(wanted, found) < 1e-4
    assert max(largest) <= 135


def test_a_sequence_too_large_for_the_memory_is_a_failure_and_never_a_score(module, monkeypatch):
    scorer = PackedScorer(module, LONGEST)

    def no_memory(ids, **options):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(scorer, "_base", no_memory)
    (result,) = scorer.score(make_requests(module.config.vocab_size, [(5, (5,))]))
    assert isinstance(result, ScoreFailure)
    assert result.retryable
    assert "memory ran out" in result.reason


def test_other_errors_of_a_model_are_not_taken_for_lack_of_memory(module, monkeypatch):
    scorer = PackedScorer(module, LONGEST)

    def broken(ids, **options):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(scorer, "_base", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        scorer.score(make_requests(module.config.vocab_size, [(5, (5,))]))


def test_the_models_own_attention_is_back_after_scoring(module, requests):
    before = module.config._attn_implementation
    packed(module, requests)
    assert module.config._attn_implementation == before
    with pytest.raises(ValueError, match="only inside the packed scorer"):
        attention.shared_prompt_attention(None, None, None, None, None)


# What the self-check must notice: each of these breaks one part of the engine.
def _sees_the_future(monkeypatch):
    real = attention.flash_cpu

    def open_mask(q, k, v, scale, *, is_causal, mask):
        return real(q, k, v, scale, is_causal=False, mask=mask)

    monkeypatch.setattr(attention, "flash_cpu", open_mask)


def _forgets_the_prompt(monkeypatch):
    monkeypatch.setattr(attention, "merge", lambda first, second: second)


def _ignores_the_own_part(monkeypatch):
    monkeypatch.setattr(attention, "merge", lambda first, second: first)


def _shifts_positions(monkeypatch):
    real = planner._Layout._put

    def shifted(self, ids, position):
        real(self, ids, position + 1 if position else 0)

    monkeypatch.setattr(planner._Layout, "_put", shifted)


def _shifts_targets(monkeypatch):
    real = Head.statistics
    monkeypatch.setattr(
        Head, "statistics", lambda self, rows, targets: real(self, rows, targets.roll(1))
    )


def _forgets_the_trail(monkeypatch):
    def own_only(rows, branch):
        part = rows[:, slice(*branch.own)]
        # As many rows as asked for, but the wrong ones.
        return torch.cat([part[:, :1].expand(-1, branch.shared, -1), part], dim=1)

    monkeypatch.setattr(attention, "_along", own_only)


def _branches_one_token_late(monkeypatch):
    real = planner._shared

    def one_more(before, member):
        count = real(before, member)
        return min(count + 1, before.fed, member.fed) if count else 0

    monkeypatch.setattr(planner, "_shared", one_more)


BREAKS = [
    _sees_the_future,
    _forgets_the_prompt,
    _ignores_the_own_part,
    _shifts_positions,
    _shifts_targets,
    _forgets_the_trail,
    _branches_one_token_late,
]


@pytest.mark.parametrize("break_it", BREAKS, ids=lambda f: f.__name__.strip("_"))
def test_a_broken_engine_is_noticed_at_load_time_and_not_used(module, monkeypatch, break_it):
    break_it(monkeypatch)
    choice = choose_scorer(module, name="tiny", max_length=LONGEST)
    assert choice.scorer.path.startswith("padded")
    assert "packed: differs from the plain path by" in choice.reason


@pytest.mark.parametrize("break_it", BREAKS, ids=lambda f: f.__name__.strip("_"))
def test_breaking_the_engine_changes_scores(module, requests, wanted, monkeypatch, break_it):
    break_it(monkeypatch)
    assert largest_difference(wanted, packed(module, requests)) > 1e-2


def test_an_intact_engine_is_used_and_says_how_well_it_agrees(module):
    choice = choose_scorer(module, name="tiny", max_length=LONGEST)
    assert choice.scorer.path == "packed (cpu, float32, direct head)"
    assert "agrees with the plain path to" in choice.reason


@pytest.mark.parametrize("factor", [1.0, 10.0, 100.0])
@pytest.mark.parametrize("vocabulary", [97, 2048, 2049, 5000])
def test_tiled_statistics_equal_those_of_whole_rows(factor, vocabulary):
    from idiolect.scoring.head import _tiled_statistics

    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(70, 16, generator=generator) * factor
    weight = torch.randn(vocabulary, 16, generator=generator)
    targets = torch.randint(vocabulary, (70,), generator=generator)
    nlls, ranks = _tiled_statistics(rows, targets, weight, None)
    wanted, wanted_ranks = target_statistics(rows.double() @ weight.double().t(), targets)
    assert torch.allclose(nlls, wanted, rtol=1e-5, atol=1e-4)
    assert (ranks == wanted_ranks).float().mean() > 0.97


def test_a_logit_of_minus_infinity_is_no_nan():
    from idiolect.scoring.head import _tiled_statistics

    rows, weight = torch.ones(3, 4), torch.randn(10, 4)
    bias = torch.zeros(10)
    bias[3:] = -torch.inf
    nlls, ranks = _tiled_statistics(rows, torch.tensor([0, 1, 2]), weight, bias)
    assert torch.isfinite(nlls).all()
    assert (ranks <= 3).all()


def test_the_most_likely_token_has_rank_one(module, requests):
    with torch.inference_mode():
        prompt = requests[0].prompt_ids
        best = int(module(torch.tensor([prompt])).logits[0, -1].argmax())
    request = ScoreRequest(prompt_ids=prompt, response_ids=(best,), terminator_id=None)
    assert packed(module, [request])[0].token_ranks.tolist() == [1]


def test_bfloat16_weights_are_scored_without_bias(module, requests):
    rounded = copy.deepcopy(module).to(torch.bfloat16)
    reference = plain_scores(rounded, requests)
    found = PackedScorer(rounded, LONGEST).score(requests)
    errors = np.concatenate(
        [b.token_nlls - a.token_nlls for a, b in zip(reference, found, strict=True)]
    )
    assert abs(errors.mean()) < 5e-3
    assert np.abs(errors).mean() < 0.05


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_gives_the_scores_of_the_plain_path(module, requests, wanted, dtype):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    on_gpu = copy.deepcopy(module).to("cuda", dtype)
    found = PackedScorer(on_gpu, LONGEST).score(requests)
    errors = np.concatenate(
        [b.token_nlls - a.token_nlls for a, b in zip(wanted, found, strict=True)]
    )
    assert np.abs(errors).mean() < (1e-4 if dtype == torch.float32 else 0.05)
