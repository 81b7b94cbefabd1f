"""`init`: the file says what the code does, and a person can use it at once."""

import dataclasses
import re

import pytest

from idiolect.config import Config, load_config
from idiolect.config.describe import describe
from idiolect.pipeline.init import config_text

SETTING = re.compile(r"^( *)#(\w+:)", re.MULTILINE)


def test_the_file_as_it_is_written_changes_nothing(tmp_path):
    path = tmp_path / "idiolect.yaml"
    path.write_text(config_text())
    assert load_config(path) == Config()


def test_with_every_key_uncommented_it_is_the_default_configuration(tmp_path):
    path = tmp_path / "idiolect.yaml"
    text, count = SETTING.subn(r"\1\2", config_text())
    path.write_text(text)
    assert load_config(path) == Config()
    sections = describe()
    assert count == sum(len(section.keys) for section in sections) + len(sections) - 1


def test_one_key_is_changed_as_the_head_of_the_file_says(tmp_path):
    path = tmp_path / "idiolect.yaml"
    text = config_text()
    assert "take away its `#` and that of its section's name above it" in text
    text = text.replace("\n#target:", "\ntarget:").replace(
        "  #model: null", "  model: lab:amber", 1
    )
    path.write_text(text)
    assert load_config(path).target.model == "lab:amber"


def test_every_key_of_the_configuration_is_described():
    def keys(kind, prefix=""):
        for field in dataclasses.fields(kind):
            yield prefix + field.name
            if dataclasses.is_dataclass(value := getattr(kind(), field.name)):
                yield from keys(type(value), f"{prefix}{field.name}.")

    told = {
        ".".join(part for part in (section.name, key.name) if part)
        for section in describe()
        for key in section.keys
    }
    sections = {section.name for section in describe()} - {""}
    assert told | sections == set(keys(Config))


def test_types_are_in_words_and_docstrings_on_one_line():
    target = next(section for section in describe() if section.name == "target")
    device = next(key for key in target.keys if key.name == "device")
    assert (device.type, device.default) == ("auto, cpu or cuda", "auto")
    dtype = next(key for key in target.keys if key.name == "dtype")
    assert dtype.text == "auto: float32 on a CPU, bfloat16 on a GPU."


def test_init_writes_what_was_named_and_never_over_a_file(idiolect, tmp_path):
    printed = idiolect("init", "my data.jsonl", "--target", "lab:amber")
    assert printed.code == 0
    path = tmp_path / "idiolect.yaml"
    config = load_config(path)
    assert (config.data.path, config.target.model) == ("my data.jsonl", "lab:amber")
    path.write_text("mine")
    again = idiolect("init")
    assert again.code == 3
    assert "idiolect.yaml: is there already and is left as it is" in again.messages[0]
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["folder/deep/my.yaml", "x.yaml"])
def test_init_makes_the_folders_of_another_name(idiolect, tmp_path, name):
    assert idiolect("init", "-o", name).code == 0
    assert (tmp_path / name).is_file()
