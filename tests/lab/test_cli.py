import json

import pytest
from typer.testing import CliRunner

from idiolect.cli.lab import app
from idiolect.errors import ConfigError


def call(*words: str):
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_data_on_demand_is_written_as_asked(tmp_path):
    path = tmp_path / "d.jsonl"
    told = call(
        "data",
        "--skill",
        "shop",
        "--idiolect",
        "tutor",
        "-n",
        "7",
        "--steps",
        "3,4",
        "-o",
        str(path),
    )
    assert told.exit_code == 0
    assert told.output == f"7 problems in {path}\n"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 7
    for row in rows:
        assert row["reference"] == row["responses"]["tutor"]
        assert row["question"].count(",") in (3, 4)


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        call("data", "--skill", "choice", "-n", "20", "--seed", "5", "-o", str(tmp_path / name))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--skill", "shopping"], "did you mean 'shop'"),
        (["--idiolect", "ambre"], "did you mean 'amber'"),
        (["--steps", "two"], "write for example --steps 3,4"),
        (["--split", "dev"], "allowed: pretrain, train, test"),
    ],
)
def test_a_wrong_request_is_named_and_writes_nothing(words, message, tmp_path):
    path = tmp_path / "d.jsonl"
    with pytest.raises(ConfigError, match=message):
        call("data", *words, "-o", str(path))
    assert not path.exists()


def test_pretraining_refuses_an_unknown_mother_tongue(tmp_path):
    with pytest.raises(ConfigError, match="allowed: amber, birch"):
        call("pretrain", "oak", "-o", str(tmp_path / "x"), "--device", "cpu")


def test_serving_refuses_an_unknown_model_fault_or_knob():
    with pytest.raises(ConfigError, match="'lab:oak' does not exist"):
        call("serve", "--models", "lab:oak")
    with pytest.raises(ConfigError, match="did you mean 'drop'"):
        call("serve", "--models", "lab:teacher", "--faults", "dropp=0.1")
    with pytest.raises(ConfigError, match="'accent_rate'"):
        call("serve", "--models", "lab:teacher", "--accent-rate", "-1")
    with pytest.raises(ConfigError, match="'error_rate'"):
        call("serve", "--models", "lab:teacher", "--error-rate", "2")
