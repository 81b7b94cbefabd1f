"""`export` as a person calls it; the config for TRL is run."""

import json
import subprocess
import sys

import pytest
import tiny
import yaml

from idiolect.records import Message


@pytest.fixture
def build(idiolect, tmp_path, tiny_model):
    """Return a function that builds a run from four sums."""
    data = tiny.write_jsonl(tmp_path / "sums.jsonl", tiny.arithmetic_rows(4))

    def make(target=tiny_model, *flags):
        words = ("--target", target, "--strategies", "reference,column:right", "-o", "run")
        assert idiolect("build", data, *words, *flags).code == 0
        return tmp_path / "run"

    return make


@pytest.mark.parametrize(
    ("to", "file"),
    [
        ("trl", "trl.yaml"),
        ("axolotl", "axolotl.yaml"),
        ("llama-factory", "llama-factory.yaml"),
        ("llama-factory", "dataset_info.json"),
        ("ms-swift", "ms-swift.sh"),
    ],
)
def test_every_form_says_where_data_and_config_are_and_how_to_train(idiolect, build, to, file):
    run = build()
    printed = idiolect("export", run, "--to", to)
    assert printed.code == 0
    first, *_, last = printed.out.splitlines()
    assert first == f"4 rows written to {run / to}.jsonl"
    assert f"written: {run / file}" in printed.out
    assert last.startswith(f"train, in {run}: ")
    assert (run / file).is_file()


def test_a_config_names_the_model_by_its_full_path_and_its_context(idiolect, build, tiny_model):
    run = build()
    assert idiolect("export", run, "--to", "axolotl").code == 0
    config = yaml.safe_load((run / "axolotl.yaml").read_text())
    assert config["base_model"] == str(tiny_model)
    assert config["sequence_len"] == 256  # the context; the bound by bytes is 512


def test_parquet_holds_the_same_rows(idiolect, build, tmp_path):
    datasets = pytest.importorskip("datasets")
    run = build()
    assert idiolect("export", run, "-o", tmp_path / "out" / "rows.parquet").code == 0
    rows = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "out" / "rows.parquet"), split="train"
    ).to_list()
    lines = (run / "train.jsonl").read_text().splitlines()
    assert rows == [json.loads(line) for line in lines]
    config = yaml.safe_load((tmp_path / "out" / "rows.yaml").read_text())
    assert config["datasets"][0]["data_files"] == "rows.parquet"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--to", "lama-factory"), "unknown form 'lama-factory'; did you mean 'llama-factory'?"),
        (("-o", "x.csv"), "--output x.csv: found the suffix '.csv', trl takes .jsonl or .parquet"),
        (("--to", "openai", "-o", "x.parquet"), "openai takes .jsonl; choose another name"),
    ],
)
def test_a_wrong_form_or_name_is_refused(idiolect, build, flags, message):
    printed = idiolect("export", build(), *flags)
    assert printed.code == 3
    assert message in printed.messages[0]


def test_a_plain_format_is_refused_where_the_config_cannot_hold_it(idiolect, build, make_model):
    run = build(make_model(None), "--format", "question-answer")
    printed = idiolect("export", run, "--to", "ms-swift")
    assert printed.code == 3
    assert "plain format 'question-answer'" in printed.messages[0]
    assert "export to trl or openai or axolotl" in printed.messages[0]
    assert idiolect("export", run, "--to", "trl").code == 0
    assert (run / "trl.jinja").read_text().startswith("{% for m in messages %}")


def test_template_arguments_are_not_lost_where_a_config_cannot_hold_them(
    idiolect, build, make_model
):
    kwargs = ("--set", "target.template_kwargs.enable_thinking=false")
    run = build(make_model("qwen3"), *kwargs)
    printed = idiolect("export", run, "--to", "ms-swift")
    assert printed.code == 3
    assert "target.template_kwargs enable_thinking" in printed.messages[0]
    assert "export to trl or openai or axolotl" in printed.messages[0]
    assert idiolect("export", run, "--to", "llama-factory").code == 0
    config = yaml.safe_load((run / "llama-factory.yaml").read_text())
    assert config["enable_thinking"] is False


def test_a_dataset_info_that_is_no_object_is_named_and_left_alone(idiolect, build):
    run = build()
    (run / "dataset_info.json").write_text("[]")
    printed = idiolect("export", run, "--to", "llama-factory")
    assert printed.code == 3
    assert "found no JSON object to add an entry to" in printed.messages[0]
    assert (run / "dataset_info.json").read_text() == "[]"


CPU = ["--use_cpu", "true", "--bf16", "false"]
TEMPLATES = {
    "chatml": (),
    "qwen3": ("--set", "target.template_kwargs.enable_thinking=false"),
    None: ("--format", "question-answer"),
}


@pytest.mark.slow
def test_trl_trains_with_the_config_that_stands_beside_the_data(build):
    """The command of the config's comment, on a CPU and for two steps."""
    pytest.importorskip("trl")
    run = build()
    code = "import sys; from trl.cli import main; sys.exit(main())"
    words = ["sft", "--config", "train.yaml", "--max_steps", "2", *CPU]
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *words],
        cwd=run,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    adapter = run / "train-adapter"
    assert (adapter / "adapter_model.safetensors").is_file()
    state = json.loads((adapter / "checkpoint-2" / "trainer_state.json").read_text())
    assert state["global_step"] == 2


# PEFT and TRL read names that transformers has renamed.
@pytest.mark.filterwarnings("ignore:.*is deprecated and will be removed:FutureWarning")
@pytest.mark.parametrize("style", TEMPLATES)
def test_trl_reads_every_key_of_the_config_and_trains_on_the_ids_that_were_scored(
    build, make_model, load, style, monkeypatch
):
    trl = pytest.importorskip("trl")
    from trl.scripts.sft import main, make_parser

    run = build(make_model(style), *TEMPLATES[style])
    monkeypatch.chdir(run)
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    seen = {}

    def look(trainer, **options):
        seen["rows"] = trainer.train_dataset.to_list()

    monkeypatch.setattr(trl.SFTTrainer, "train", look)
    monkeypatch.setattr(trl.SFTTrainer, "save_model", lambda *arguments, **options: None)
    words = ["--config", "train.yaml", "--output_dir", "trained", *CPU]
    main(*make_parser().parse_args_and_config(words, fail_with_unknown_args=True))
    chat = load(style, format=None if style else "question-answer").chat
    rows = [json.loads(line) for line in (run / "train.jsonl").read_text().splitlines()]
    for row, trained in zip(rows, seen["rows"], strict=True):
        messages = [Message(**turn) for turn in row["prompt"]]
        rendered = chat.render(messages, row["completion"][0]["content"])
        response = [*rendered.response_ids, *chat.suffix_ids]
        assert trained["input_ids"] == [*rendered.prompt_ids, *response]
        assert [token for token in trained["labels"] if token != -100] == response
