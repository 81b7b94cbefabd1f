"""`doctor`: each line says what was found, and each bad one what to do."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import tiny

from idiolect.config import Config, DataConfig, TargetConfig
from idiolect.pipeline.doctor import doctor
from idiolect.pipeline.doctor.asked import check_asked
from idiolect.pipeline.doctor.template import check_template
from idiolect.pipeline.doctor.weights import check_weights, count_parameters
from idiolect.records import Example, Message


def by_name(checks):
    return {check.name: check for check in checks}


@pytest.fixture
def copy(tmp_path, tiny_model):
    """Return a copy of the tiny model that a test may break."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    return folder


def test_a_healthy_target_has_no_problem_and_shows_one_row(idiolect, tmp_path, tiny_model):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", tiny.arithmetic_rows(3))
    printed = idiolect("doctor", data, "--target", tiny_model)
    assert printed.code == 0
    assert "0 problems" in printed.out
    assert "masked (" in printed.out
    lines = {line.split("  ")[0].split(" ", 1)[0] for line in printed.out.splitlines()}
    assert "ok" in lines
    found = idiolect("doctor", data, "--target", tiny_model, "--json").data
    assert found["healthy"] is True
    trained = "".join(token["text"] for token in found["row"] if token["trained"])
    masked = "".join(token["text"] for token in found["row"] if not token["trained"])
    assert trained == "1 + 3 = 4.\nFinal Answer: 4<|im_end|>\n"
    assert masked.endswith("<|im_start|>assistant\n")


@pytest.mark.parametrize("style", ["chatml", "llama3", "gemma", "mistral"])
def test_the_ids_of_scoring_are_those_of_the_whole_conversation(make_model, style):
    checks, row = check_template(TargetConfig(str(make_model(style))), ())
    found = by_name(checks)
    assert found["scoring = training"].status == "ok"
    assert found["stop token"].status == "ok"
    assert tiny.TERMINATORS[style] in [token.text for token in row if token.trained]


def test_white_space_at_the_seam_is_a_warning_that_shows_the_tokens(make_model):
    checks, _ = check_template(TargetConfig(str(make_model("llama2"))), ())
    seam = by_name(checks)["scoring = training"]
    assert seam.status == "warning"
    assert "in 1 of 1 rows the whole conversation has other ids" in seam.found
    assert "white space at the seam" in (seam.fix or "")


def test_a_template_that_drops_a_word_of_the_response_is_a_problem(copy):
    (copy / "chat_template.jinja").write_text(tiny.CHATML.replace("m.content", "m.content[:20]"))
    checks, row = check_template(TargetConfig(str(copy)), ())
    (check,) = checks
    assert (check.name, check.status) == ("template", "problem")
    assert "breaks the prefix property" in check.found
    assert row == ()


def test_no_template_names_the_plain_formats(make_model):
    (check,), _ = check_template(TargetConfig(str(make_model(None))), ())
    assert check.status == "problem"
    assert "--format question-answer" in (check.fix or "")


def test_padding_with_the_stop_token_is_a_warning(make_model):
    checks, _ = check_template(TargetConfig(str(make_model("chatml", pad="<|im_end|>"))), ())
    assert by_name(checks)["padding"].status == "warning"


def test_a_model_that_stops_elsewhere_on_servers_is_a_warning_with_the_id(copy):
    checks, _ = check_template(TargetConfig(str(copy)), ())
    stops = by_name(checks)["stopping elsewhere"]
    assert stops.status == "warning"
    chosen = next(word for word in (stops.fix or "").split() if word.isdigit())
    config = json.loads((copy / "generation_config.json").read_text())
    config["eos_token_id"] = [config["eos_token_id"], int(chosen)]
    (copy / "generation_config.json").write_text(json.dumps(config))
    checks, _ = check_template(TargetConfig(str(copy)), ())
    assert "stopping elsewhere" not in by_name(checks)


def test_a_response_that_the_template_renders_otherwise_is_a_problem(make_model):
    config = TargetConfig(
        str(make_model("qwen3")), template_kwargs={"enable_thinking": False}, thinking="keep"
    )
    question = (Message(role="user", content="How many?"),)
    thought = Example(id="x", messages=question, reference="<think>\nhm\n</think>\n\nFive.")
    checks, _ = check_template(config, [thought])
    assert checks[-1].status == "problem"


def test_the_parameters_of_a_file_are_counted_from_its_header(tiny_model):
    from safetensors import safe_open

    file = tiny_model / "model.safetensors"
    with safe_open(file, "pt") as tensors:
        expected = sum(tensors.get_tensor(name).numel() for name in tensors.keys())  # noqa: SIM118
    assert count_parameters(file) == expected


def test_weights_that_are_missing_or_cut_off_are_a_problem(copy):
    assert [c.status for c in check_weights(TargetConfig(str(copy)))] == ["ok", "ok"]
    file = copy / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:100])
    (check,) = check_weights(TargetConfig(str(copy)))
    assert check.status == "problem"
    assert "cut off" in check.found
    file.unlink()
    (check,) = check_weights(TargetConfig(str(copy)))
    assert "found no model.safetensors" in check.found


def test_weights_that_must_be_fetched_are_a_problem_offline_only(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (check,) = check_weights(TargetConfig("nobody/nothing"))
    # The variable would stop the download, too.
    fix = "env -u HF_HUB_OFFLINE hf download nobody/nothing"
    assert (check.status, check.fix) == ("problem", fix)
    (check,) = check_weights(TargetConfig("nobody/nothing", revision="v2"))
    assert check.fix == f"{fix} --revision v2"
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    (check,) = check_weights(TargetConfig("nobody/nothing"))
    assert check.status == "warning"


def test_a_server_that_does_not_answer_is_a_problem(tiny_model):
    config = TargetConfig(str(tiny_model), server="http://127.0.0.1:9")
    (check,) = check_weights(config)
    assert check.status == "problem"
    assert "http://127.0.0.1:9/v1" in check.found


def test_a_server_is_asked_which_model_it_has(tiny_model):
    from idiolect.lab import serving

    server = serving.LabServer({"lab:teacher": serving.backend("lab:teacher")}, port=0)
    with serving.running(server):
        config = TargetConfig(str(tiny_model), server=server.url)
        (check,) = check_weights(config)
    assert check.status == "ok"
    assert "offers lab:teacher" in check.found


def test_data_that_cannot_be_read_are_a_problem_and_the_rest_is_looked_at(tiny_model):
    config = Config(data=DataConfig(path="none.jsonl"), target=TargetConfig(str(tiny_model)))
    found = by_name(doctor(config).checks)
    assert found["data"].status == "problem"
    assert found["template"].status == "ok"


def test_a_mistyped_lab_target_is_a_problem_and_the_rest_is_looked_at(idiolect):
    printed = idiolect("doctor", "--target", "lab:ambr")
    assert printed.code == 1
    assert "did you mean 'lab:amber'?" in printed.out
    assert "sandbox" in printed.out
    assert "2 problems" in printed.out
    assert printed.err == ""


@pytest.fixture
def requirements(monkeypatch):
    """Give the requirements of `pyproject.toml`, whatever is installed."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    lines = [f"{each}; extra == '{extra}'" for extra, all_ in extras.items() for each in all_]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: lines)


def test_every_package_that_an_extra_installs_is_looked_at(requirements):
    found = by_name(doctor(Config()).checks)
    assert {"torch", "matplotlib", "lm-eval", "anthropic", "math-verify", "trl"} <= set(found)
    assert not {"idiolect", "pytest", "minicons"} & set(found)


def test_an_old_package_is_named_itself_for_the_upgrade(monkeypatch, requirements):
    from idiolect.pipeline.doctor import machine

    monkeypatch.setattr(machine, "_version", lambda name: "0.1")
    found = by_name(doctor(Config()).checks)
    assert found["peft"].found.startswith("0.1, idiolect wants >=")
    assert (found["peft"].fix or "").startswith('pip install "peft>=')


def test_a_run_directory_that_cannot_be_written_is_a_problem(idiolect, tmp_path):
    (tmp_path / "file").write_text("")
    printed = idiolect("doctor", "--set", "output_dir=file/run", "--json")
    assert printed.code == 1
    found = {check["name"]: check for check in printed.data["checks"]}
    assert found["run directory"]["status"] == "problem"
    assert found["target"]["status"] == "warning"


def test_without_torch_and_transformers_each_missing_package_is_named():
    code = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "safetensors", "jaxtyping"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from importlib import metadata, util
find, version = util.find_spec, metadata.version
util.find_spec = lambda name: None if name in ("torch", "transformers") else find(name)
def absent(name):
    if name in ("torch", "transformers"):
        raise metadata.PackageNotFoundError(name)
    return version(name)
metadata.version = absent
from idiolect.cli import main
sys.exit(main(["doctor", "--target", "lab:amber"]))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1, result.stderr
    assert result.stderr == ""
    for name in ("torch", "transformers"):
        assert any(line.split()[:2] == ["problem", name] for line in result.stdout.splitlines())
    assert 'fix: pip install "idiolect[local]"' in result.stdout


def teacher(name, **options):
    from idiolect.config import TeacherConfig

    return Config(teacher=TeacherConfig(name, **options))


def test_a_teacher_is_asked_for_its_models_and_for_nothing_else(monkeypatch, tmp_path):
    from idiolect.lab import serving

    monkeypatch.setenv("IDIOLECT_CACHE_DIR", str(tmp_path))
    server = serving.LabServer({"lab:teacher": serving.backend("lab:teacher")}, port=0)
    with serving.running(server):
        (good,) = check_asked(teacher(f"openai:lab:teacher@{server.url}"))
        (bad,) = check_asked(teacher(f"openai:gpt@{server.url}"))
    assert (good.status, bad.status) == ("ok", "problem")
    assert "has no model 'gpt' (offers: lab:teacher)" in bad.found
    assert server.counts.billed == 0


def test_a_teacher_without_its_key_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setenv("IDIOLECT_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    (check,) = check_asked(teacher("openai:gpt-4.1"))
    assert (check.name, check.status) == ("teacher", "problem")
    assert check.fix == "set OPENAI_API_KEY"


@pytest.mark.parametrize(
    ("name", "found"),
    [("opena:gpt-4.1", "did you mean 'openai'?"), ("lab:techer", "did you mean 'lab:teacher'?")],
)
def test_a_mistyped_teacher_names_the_nearest(name, found):
    (check,) = check_asked(teacher(name))
    assert check.status == "problem"
    assert found in f"{check.found} {check.fix}"


def test_a_teacher_of_this_machine_is_looked_for_like_a_target(tiny_model):
    checks = check_asked(teacher(str(tiny_model)))
    assert [(c.name, c.status) for c in checks] == [
        ("teacher weights", "ok"),
        ("teacher memory", "ok"),
    ]
