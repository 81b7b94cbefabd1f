"""Drift: hand-computed divergences, and a model against itself."""

import math

import pytest
import torch

from idiolect.errors import BackendError
from idiolect.evaluation.change import require_change
from idiolect.evaluation.drift import DriftBase, drift, kl_divergences, means, references
from idiolect.records import Example, Message
from idiolect.scoring.base import ScoreRequest
from idiolect.scoring.plain import PlainScorer

EXAMPLES = [
    Example(
        id=str(n),
        messages=(Message(role="user", content=f"What is {n}?"),),
        reference=f"It is {n} and no more." * n,
    )
    for n in (1, 2, 3)
]


def test_the_divergence_of_two_coins_is_what_the_hand_computes():
    p, q = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()
    forward = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    backward = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert kl_divergences(p, q).item() == pytest.approx(forward, abs=1e-7)
    assert kl_divergences(q, p).item() == pytest.approx(backward, abs=1e-7)
    # Logits need no normalisation.
    assert kl_divergences(p + 3, q - 5).item() == pytest.approx(forward, abs=1e-6)


def test_what_is_impossible_for_p_adds_nothing_and_for_q_alone_is_infinite():
    p, q = torch.tensor([[0.0, -torch.inf]]), torch.tensor([[0.0, 0.0]])
    assert kl_divergences(p, q).item() == pytest.approx(math.log(2), abs=1e-7)
    assert kl_divergences(q, p).item() == math.inf


def test_a_model_has_no_drift_from_itself_and_the_scorers_nll(load):
    model = load()
    items = references(model, EXAMPLES)
    rows = drift(model, model, items, subject="v1", split="sums")
    assert {(row.subject_id, row.split) for row in rows} == {("v1", "sums")}
    requests = [
        ScoreRequest(
            prompt_ids=i.rendered.prompt_ids,
            response_ids=i.rendered.response_ids,
            terminator_id=i.rendered.terminator_id,
        )
        for i in items
    ]
    scores = PlainScorer(model.module, model.max_length).score(requests)
    for row, score in zip(rows, scores, strict=True):
        assert row.kl_base_tuned == row.kl_tuned_base == 0
        assert row.tokens == score.tokens + 1
        assert row.base_nll == pytest.approx(score.nll + score.terminator_nll, abs=1e-3)
        assert row.tuned_nll == row.base_nll


def test_the_drift_between_two_models_is_that_of_their_full_logits(load):
    base, tuned = load(), load("chatml", seed=1)
    items = references(base, EXAMPLES)
    for item, row in zip(items, drift(base, tuned, items), strict=True):
        ids = [*item.rendered.prompt_ids, *item.rendered.response_ids, base.chat.terminator_id]
        with torch.inference_mode():
            b, t = (m.module(torch.tensor([ids[:-1]])).logits[0] for m in (base, tuned))
        b, t = b[-row.tokens :].double().log_softmax(-1), t[-row.tokens :].double().log_softmax(-1)
        assert row.kl_base_tuned == pytest.approx((b.exp() * (b - t)).sum().item(), rel=1e-4)
        assert row.kl_tuned_base == pytest.approx((t.exp() * (t - b)).sum().item(), rel=1e-4)
        assert row.kl_base_tuned != pytest.approx(row.kl_tuned_base, rel=1e-2)


def test_a_base_that_is_kept_compares_each_model_as_a_fresh_one_does(load):
    base, items = load(), references(load(), EXAMPLES)
    kept = DriftBase(base, items)
    for seed in (1, 2, 1):
        tuned = load("chatml", seed=seed)
        assert kept.drift(tuned, subject="v") == drift(base, tuned, items, subject="v")


def test_means_are_per_token_and_not_per_response(load):
    rows = drift(load(), load("chatml", seed=1), references(load(), EXAMPLES))
    found = means(rows)
    assert found.tokens == sum(row.tokens for row in rows)
    assert found.kl_base_tuned == pytest.approx(
        sum(row.kl_base_tuned for row in rows) / found.tokens
    )
    with pytest.raises(ValueError, match="no tokens"):
        means([])


def test_an_adapter_that_changes_nothing_is_an_error():
    before = torch.randn(2, 5)
    require_change(before, before + 1e-6, adapter="a")
    with pytest.raises(BackendError, match="adapter 'a': changes none of 10 log-probabilities"):
        require_change(before, before.clone(), adapter="a")
