import dataclasses
import re
from pathlib import Path
from typing import get_type_hints

import pytest
import yaml

from idiolect.config import Config, load_config, parse_override, to_dict
from idiolect.errors import ConfigError

SRC = Path(__file__).parents[1] / "src" / "idiolect"


def config_file(folder: Path, text: str) -> Path:
    path = folder / "idiolect.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def leaves(kind: type = Config, prefix: str = "") -> list[str]:
    """Return all dotted keys that hold a value."""
    found: list[str] = []
    for field in dataclasses.fields(kind):
        hint = get_type_hints(kind)[field.name]
        is_section = dataclasses.is_dataclass(hint)
        found += leaves(hint, f"{prefix}{field.name}.") if is_section else [prefix + field.name]
    return found


@pytest.mark.parametrize(
    ("text", "found", "suggestion"),
    [
        ("verifer: numeric", "'verifer'", "'verifier'"),
        ("data: {paht: x}", "'data.paht'", "'path'"),
        ("target: {modle: x}", "'target.modle'", "'model'"),
        ("own: {sample: 2}", "'own.sample'", "'samples'"),
        ("selection: {allow_uncheckd: true}", "'selection.allow_uncheckd'", "'allow_unchecked'"),
    ],
)
def test_an_unknown_key_at_any_level_names_the_file_and_the_nearest_key(
    tmp_path, text, found, suggestion
):
    path = config_file(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: unknown key {found}; did you mean {suggestion}?")
    assert "allowed here: " in message


def test_an_unknown_key_in_an_override_is_an_error_too():
    with pytest.raises(ConfigError, match=r"unknown key 'own\.sampels'; did you mean 'samples'"):
        load_config(overrides=["own.sampels=2"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("own.samples=many", "key 'own.samples': found 'many', expected integer"),
        ("own.temperature=hot", "key 'own.temperature': found 'hot', expected number"),
        ("target.device=gpu", "key 'target.device': found 'gpu', expected 'auto', 'cpu' or 'cuda'"),
        ("target.thinking=drop", "key 'target.thinking': found 'drop', expected 'keep' or 'strip'"),
        ("target=5", "key 'target': found 5, expected"),
        ("strategies=own", "key 'strategies': found 'own', expected"),
        ("data.columns=[a]", "key 'data.columns': found ['a'], expected"),
    ],
)
def test_a_value_of_the_wrong_type_says_what_was_found_and_expected(override, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_config(overrides=[override])


def test_an_override_without_an_equals_sign_is_an_error():
    with pytest.raises(ConfigError, match="found no '=', expected KEY=VALUE"):
        parse_override("own.samples")


def test_an_override_that_is_not_yaml_is_an_error_and_no_crash():
    with pytest.raises(ConfigError, match=re.escape("--set strategies=[own: the value is not")):
        parse_override("strategies=[own")


def test_an_override_below_a_plain_value_is_an_error():
    with pytest.raises(ConfigError, match=r"key 'seed\.x': 'seed' holds 1, not further keys"):
        load_config(overrides=["seed=1", "seed.x=2"])


def test_values_of_overrides_are_read_as_yaml():
    config = load_config(
        overrides=[
            "strategies=[reference, own]",
            "own.temperature=0.7",
            "target.template_kwargs.enable_thinking=false",
            "data.columns={prompt: question}",
        ]
    )
    assert config.strategies == ("reference", "own")
    assert config.own.temperature == 0.7
    assert config.target.template_kwargs == {"enable_thinking": False}
    assert config.data.columns == {"prompt": "question"}


def test_hyphens_in_override_keys_are_accepted():
    assert load_config(overrides=["own.max-new-tokens=7"]).own.max_new_tokens == 7


def test_flags_win_over_overrides_which_win_over_the_file_which_wins_over_defaults(tmp_path):
    path = config_file(tmp_path, "seed: 1\nown: {samples: 2, temperature: 0.5}\n")
    config = load_config(
        path, overrides=["seed=3", "own.samples=4"], flags={"seed": 5, "verifier": None}
    )
    assert config.seed == 5
    assert config.own.samples == 4
    assert config.own.temperature == 0.5
    assert config.own.top_p == 1.0
    assert config.verifier is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "not valid YAML in line 1"),
        ("a:\n b: - x\n", "not valid YAML in line 2, column 5 (sequence entries are not"),
        ("- a\n- b\n", "found list, expected keys and values"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path, text, message):
    path = config_file(tmp_path, text)
    with pytest.raises(ConfigError, match=re.escape(f"{path}: {message}")):
        load_config(path)


def test_a_configuration_file_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "idiolect.yaml"
    path.write_bytes(b"verifier: caf\xe9\n")
    with pytest.raises(ConfigError, match=re.escape(f"{path}: not UTF-8")):
        load_config(path)


def test_a_missing_configuration_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=re.escape("no such configuration file")):
        load_config(tmp_path / "none.yaml")


def test_a_folder_as_configuration_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path}: ")):
        load_config(tmp_path)


def test_an_empty_file_gives_the_defaults(tmp_path):
    assert load_config(config_file(tmp_path, "")) == Config()


def test_a_resolved_configuration_reads_back_as_itself(tmp_path):
    config = load_config(overrides=["strategies=[own]", "own.samples=3", "data.path=x.jsonl"])
    path = config_file(tmp_path, yaml.safe_dump(to_dict(config)))
    assert load_config(path) == config


def test_every_key_is_read_somewhere():
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for path in SRC.rglob("*.py")
        if not path.is_relative_to(SRC / "config")
    )
    unread = [
        key for key in leaves() if not re.search(rf"\.{key.rpartition('.')[2]}\b(?!\s*:)", source)
    ]
    assert not unread, f"settings that nothing reads: {unread}"


def test_yaml_can_not_make_python_objects(tmp_path):
    path = config_file(tmp_path, "seed: !!python/object/apply:os.getpid []\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(path)


def test_a_models_name_alone_stands_for_its_section(tmp_path: Path):
    file = tmp_path / "idiolect.yaml"
    file.write_text("target: lab:amber\nteacher: {model: a, max_new_tokens: 7}\n")
    config = load_config(file, overrides=["teacher=lab:teacher", "target.device=cpu"])
    assert (config.target.model, config.target.device) == ("lab:amber", "cpu")
    assert (config.teacher.model, config.teacher.max_new_tokens) == ("lab:teacher", 7)


def test_hyphens_stay_in_names_that_the_user_chose():
    test = "{data: {path: t.jsonl}}"
    config = load_config(
        overrides=[
            f"study.others.math-algebra={test}",
            "study.others.math-algebra.data.path=m.jsonl",
            "study.test={data: {path: x}}",
            "prompts.teacher-rewrite=Say it.",
        ]
    )
    assert config.study.others["math-algebra"].data.path == "m.jsonl"
    assert config.prompts == {"teacher-rewrite": "Say it."}


def test_a_file_is_merged_over_those_that_it_extends(tmp_path):
    (tmp_path / "base").mkdir()
    one = "target: a\nstrategies: [own]\nown: {samples: 2, top_p: 0.5}\n"
    (tmp_path / "base" / "one.yaml").write_text(one + "teachers: {mini: x, claude: y}\n")
    (tmp_path / "base" / "two.yaml").write_text("extends: one.yaml\nown: {samples: 3}\n")
    text = "extends: [base/two.yaml]\nstrategies: [label]\nown: {top_p: null}\n"
    path = config_file(tmp_path, text + "teachers: {mini: {temperature: 0.5}, claude: null}\n")
    config = load_config(path)
    assert config.target.model == "a"
    assert config.strategies == ("label",)
    assert (config.own.samples, config.own.top_p) == (3, 1.0)
    assert config.teachers.keys() == {"mini"}
    assert (config.teachers["mini"].model, config.teachers["mini"].temperature) == ("x", 0.5)
    assert load_config(path, overrides=["teachers.mini=z"]).teachers["mini"].model == "z"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: idiolect.yaml\n", "the file extends itself"),
        ("extends: nowhere.yaml\n", "no such configuration file"),
        ("extends: {a: b}\n", "expected names of files"),
    ],
)
def test_what_can_not_be_extended_is_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_config(config_file(tmp_path, text))
