"""What is trained on, and what is refused, before anything heavy is loaded."""

import dataclasses

import pytest

from idiolect.config import TrainingConfig
from idiolect.errors import ConfigError, DataError
from idiolect.training import PRESETS, resolve
from idiolect.training.rows import IGNORED, all_ids, encode_rows, labels


@pytest.fixture
def chat(load):
    return load().chat


def test_the_loss_falls_on_the_response_and_the_end_of_turn_alone(chat, rows):
    (item, *_) = encode_rows(chat, rows, max_length=256)
    prompt, answer = len(item.prompt_ids), len(item.response_ids)
    assert all_ids(item) == [*item.prompt_ids, *item.response_ids, chat.terminator_id]
    assert labels(item) == [IGNORED] * prompt + all_ids(item)[prompt:]
    assert len([label for label in labels(item) if label != IGNORED]) == answer + 1


def test_generated_ids_are_trained_on_as_they_are(chat, rows):
    characters = tuple(i for c in rows[0].response for i in chat.response_ids(c))
    row = dataclasses.replace(rows[0], token_ids=characters)
    (item,) = encode_rows(chat, [row], max_length=256)
    assert item.response_ids == characters != chat.response_ids(row.response)


def test_a_cut_off_response_does_not_teach_to_stop(chat, rows):
    cut = dataclasses.replace(rows[0], complete=False)
    item, _ = encode_rows(chat, [cut, rows[1]], max_length=256)
    assert item.terminator_id is None
    assert labels(item)[-1] == item.response_ids[-1]


def test_rows_that_do_not_fit_are_counted_and_refused(chat, rows):
    long = [dataclasses.replace(row, response="hm " * 300) for row in rows[:2]]
    with pytest.raises(DataError, match=r"found 2 of 8 rows with more than 256 .* \(rows 1, 2;"):
        encode_rows(chat, [rows[0], *long, *rows[3:]], max_length=256)


def test_rows_without_anything_to_train_on_are_refused(chat, rows):
    empty = dataclasses.replace(rows[0], response="  ")
    with pytest.raises(DataError, match=r"found 1 of 2 rows without any token .*\(rows 1\)"):
        encode_rows(chat, [rows[0], empty], max_length=256)
    with pytest.raises(DataError, match="found no rows"):
        encode_rows(chat, [], max_length=256)


def test_responses_that_were_all_cut_off_are_refused_because_the_model_would_not_stop(chat, rows):
    cut = [dataclasses.replace(row, complete=False) for row in rows]
    with pytest.raises(DataError, match="none of the 8 responses ends its turn"):
        encode_rows(chat, cut, max_length=256)


def test_the_paper_preset_is_what_the_authors_ran_without_a_warm_up():
    paper = resolve(TrainingConfig(preset="paper"))
    assert (paper.rank, paper.alpha, paper.modules) == (8, 16, ("q_proj", "v_proj"))
    assert (paper.learning_rate, paper.schedule, paper.epochs) == (2e-5, "cosine", 20)
    assert (paper.batch_size, paper.warmup_share) == (30, 0.0)
    assert resolve(TrainingConfig(preset="paper", warmup_share=0.1)).warmup_share == 0.1


def test_what_a_configuration_sets_goes_before_its_preset():
    recipe = resolve(TrainingConfig(rank=2, epochs=1, weight_decay=0.0))
    assert recipe == dataclasses.replace(PRESETS["default"], rank=2, epochs=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [("rank", 0), ("learning_rate", 0.0), ("dropout", 1.0), ("max_steps", 0), ("modules", ())],
)
def test_a_setting_out_of_its_range_is_named(field, value):
    with pytest.raises(ConfigError, match=rf"training\.{field}: found"):
        resolve(TrainingConfig(**{field: value}))
