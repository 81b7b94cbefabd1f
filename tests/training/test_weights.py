"""Surprising tokens leave the loss, or count less."""

import dataclasses

import numpy as np
import pytest

from idiolect.config import TargetConfig, TrainingConfig
from idiolect.errors import DataError
from idiolect.models.local import load_local_model
from idiolect.training.rows import IGNORED, encode_rows
from idiolect.training.weights import response_surprisals, token_weights, weighted_rows


def test_tokens_above_the_limit_get_the_weight():
    found = token_weights([[0.1, 0.9, 2.0], [3.0]], limit=0.9, weight=0.25)
    assert found == [[1.0, 1.0, 0.25], [0.25]]


@pytest.fixture
def session(tiny_model, rows, tmp_path):
    """Return a function that makes a session which weights surprising tokens."""
    pytest.importorskip("trl")
    from idiolect.runs.progress import ignore_progress
    from idiolect.training import resolve
    from idiolect.training.session import Session, load

    model = load(TargetConfig(str(tiny_model), dtype="float32", device="cpu"))
    rendered = encode_rows(model.chat, rows, max_length=256)

    def make(**settings):
        recipe = resolve(TrainingConfig(surprisal_limit=5.0, batch_size=8, **settings))
        return Session(
            model=model,
            rendered=rendered,
            recipe=recipe,
            folder=tmp_path,
            seed=0,
            merge=False,
            report=ignore_progress,
        )

    return make


def test_a_weight_of_zero_takes_exactly_the_surprising_tokens_out_of_the_labels(session):
    made = session(surprisal_weight=0.0)
    surprisals = response_surprisals(made.model, made.rendered)
    for item, row, nlls in zip(made.rendered, made._rows(), surprisals, strict=True):
        kept = row["labels"][len(item.prompt_ids) :]
        wanted = [i if s <= 5 else IGNORED for i, s in zip(item.response_ids, nlls, strict=True)]
        assert kept == [*wanted, item.terminator_id]
    assert any(s > 5 for row in surprisals for s in row)


def test_the_loss_of_a_weighted_batch_is_the_weighted_mean_of_the_scores(session):
    import torch

    from idiolect.scoring.base import ScoreRequest
    from idiolect.scoring.plain import PlainScorer
    from idiolect.training.trainer import quiet_libraries

    made = session(surprisal_weight=0.5)
    rows = made._rows()
    requests = [
        ScoreRequest(
            prompt_ids=r.prompt_ids, response_ids=r.response_ids, terminator_id=r.terminator_id
        )
        for r in made.rendered
    ]
    scores = PlainScorer(made.model.module, 256).score(requests)
    nlls = np.concatenate([[*s.token_nlls, s.terminator_nll] for s in scores])
    weights = np.concatenate(
        [np.append(np.where(s.token_nlls <= 5, 1.0, 0.5), 1.0) for s in scores]
    )
    with quiet_libraries():
        trainer = made._trainer(rows)
        batch = trainer.data_collator(rows)
        with torch.no_grad():
            loss = trainer.compute_loss(trainer.model, batch)
    assert loss.item() == pytest.approx((weights * nlls).sum() / weights.sum(), abs=1e-5)


def test_a_row_that_has_nothing_left_to_train_on_is_refused_and_its_loss_is_no_nan(
    tiny_model, rows
):
    chat = load_local_model(TargetConfig(str(tiny_model))).chat
    rows[1] = dataclasses.replace(rows[1], complete=False)
    rendered = encode_rows(chat, rows[:2], max_length=256)
    first, second = ([0.0] * len(item.response_ids) for item in rendered)
    with pytest.raises(DataError, match=r"found 1 of 2 rows without a token below .* \(rows 1\)"):
        weighted_rows(rendered, [first, second])
    second[0] = 1.0
    found = weighted_rows(rendered, [first, second])
    counted = [sum(label != IGNORED for label in row["labels"]) for row in found]
    assert counted == [1, 1]  # the end of turn, and one token
