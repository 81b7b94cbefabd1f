"""What `build` writes is what TRL trains on: the same ids, and so the same loss."""

import json

import pytest
import tiny
import torch

from idiolect.config import TargetConfig
from idiolect.models.local import load_local_model
from idiolect.records import Measurement, Message
from idiolect.runs import RunReader
from idiolect.scoring.base import Score, ScoreRequest
from idiolect.scoring.plain import PlainScorer

ROWS = 4


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Return a function that trains one step with TRL and gives the first batch and its loss.

    With `step=False` it stops at the loss: the way back takes most of the time.
    """
    datasets = pytest.importorskip("datasets")
    trl = pytest.importorskip("trl")
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")

    def first_step(model, file, *, step=True):
        rows = datasets.load_dataset("json", data_files=str(file), split="train")
        trainer = trl.SFTTrainer(
            model=str(model),
            args=trl.SFTConfig(
                output_dir=str(tmp_path / "trained"),
                max_length=None,
                per_device_train_batch_size=ROWS,
                max_steps=1,
                learning_rate=0.0,
                use_cpu=True,
                bf16=False,
                model_init_kwargs={"dtype": "float32"},
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=rows,
        )
        seen = []
        compute_loss = trainer.compute_loss

        def spy(model, inputs, *rest, **options):
            result = compute_loss(model, inputs, *rest, **options)
            loss = result[0] if isinstance(result, tuple) else result
            seen.append((inputs["input_ids"].tolist(), inputs["labels"].tolist(), loss.item()))
            return result

        trainer.compute_loss = spy
        if step:
            trainer.train()
        else:
            batch = next(iter(trainer.get_train_dataloader()))
            with torch.no_grad():
                trainer.compute_loss(trainer.model, batch)
        return trainer.train_dataset, seen[0]

    return first_step


def trained_requests(model, file) -> list[ScoreRequest]:
    """Return what TRL trains on: the response and all that the template writes after it."""
    requests = []
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        messages = tuple(Message(**turn) for turn in row["prompt"])
        rendered = model.chat.render(messages, row["completion"][0]["content"])
        *others, last = (*rendered.response_ids, *model.chat.suffix_ids)
        requests.append(
            ScoreRequest(
                prompt_ids=rendered.prompt_ids, response_ids=tuple(others), terminator_id=last
            )
        )
    return requests


def check(folder, file, train, **options) -> None:
    model = load_local_model(TargetConfig(str(folder), dtype="float32"))
    requests = trained_requests(model, file)
    assert len(requests) == ROWS
    dataset, (batch, labels, loss) = train(folder, file, **options)
    ours = [[*request.prompt_ids, *request.target_ids] for request in requests]
    assert [list(ids) for ids in dataset["input_ids"]] == ours
    # The rows of the batch, without padding, and which of their tokens count.
    counted = [[token for token in row if token != -100] for row in labels]
    assert sorted(counted) == sorted(list(request.target_ids) for request in requests)
    assert sorted(row[: len(ids)] for row in batch for ids in ours if row[: len(ids)] == ids) == (
        sorted(ours)
    )
    scores = PlainScorer(model.module, model.max_length).score(requests)
    nll = tokens = 0
    for request, score in zip(requests, scores, strict=True):
        assert isinstance(score, Score)
        assert score.terminator_nll is not None
        nll += score.nll + score.terminator_nll
        tokens += len(request.target_ids)
    assert loss == pytest.approx(nll / tokens, abs=1e-4)


@pytest.mark.parametrize("style", ["chatml", "llama3"])
def test_the_loss_of_trl_on_the_first_batch_is_our_mean_nll(
    idiolect, tmp_path, make_model, train, style
):
    model = make_model(style, pad="<pad>")
    data = tiny.write_jsonl(tmp_path / "data.jsonl", tiny.arithmetic_rows(ROWS))
    assert (
        idiolect(
            "build", data, "--target", model, "--strategies", "reference,column:right", "-o", "run"
        ).code
        == 0
    )
    check(model, tmp_path / "run" / "train.jsonl", train)


def test_padding_with_the_end_of_turn_hides_no_end_of_turn_from_the_loss(
    idiolect, tmp_path, make_model, train
):
    model = make_model("chatml", pad="<|im_end|>")
    data = tiny.write_jsonl(tmp_path / "data.jsonl", tiny.arithmetic_rows(ROWS))
    assert (
        idiolect("build", data, "--target", model, "--strategies", "reference", "-o", "run").code
        == 0
    )
    check(model, tmp_path / "run" / "train.jsonl", train)


def test_thoughts_that_were_stripped_for_scoring_are_not_trained_on(
    idiolect, tmp_path, make_model, train
):
    rows = tiny.arithmetic_rows(ROWS)
    for row in rows:
        row["reference"] = "<think>\nhm, hm\n</think>\n\n" + row["reference"]
    data = tiny.write_jsonl(tmp_path / "data.jsonl", rows)
    printed = idiolect(
        *("build", data, "--target", make_model(), "--strategies", "reference", "-o", "run"),
        *("--set", "target.thinking=strip"),
    )
    assert printed.code == 0
    file = tmp_path / "run" / "train.jsonl"
    check(make_model(), file, train)
    assert "<think>" not in file.read_text()
    with RunReader(tmp_path / "run") as run:
        scored = {m.candidate_id: m.bytes for m in run.all(Measurement)}
    for row in map(json.loads, file.read_text().splitlines()):
        text = row["completion"][0]["content"]
        assert len(text.encode()) == scored[row["metadata"]["candidate_id"]]


@pytest.mark.real
@pytest.mark.slow
def test_the_loss_of_trl_on_real_data_is_our_mean_nll_under_the_real_model(
    idiolect, tmp_path, real_model, real_data, train
):
    printed = idiolect(
        *("build", real_data / "gsm8k.jsonl", "--target", real_model, "-n", ROWS, "-o", "run"),
        *("--strategies", "reference,column:gpt4,own", "--set", "own.max_new_tokens=16"),
    )
    assert printed.code == 0
    check(real_model, tmp_path / "run" / "train.jsonl", train, step=False)
