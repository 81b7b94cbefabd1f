import json
import shlex
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
import trainer_schemas as schemas

from idiolect.data.export import EXPORTS, Setting, export_rows
from idiolect.records import Candidate, Example, Message

EXAMPLE = Example(
    id="x",
    messages=(Message(role="system", content="S"), Message(role="user", content="P")),
    reference="R",
    answer="secret",
)
LONG = Example(
    id="y",
    messages=tuple(
        Message(role=role, content=text)
        for role, text in [("user", "P1"), ("assistant", "A1"), ("user", "P2")]
    ),
)
CANDIDATE = Candidate(id="c", example_id="x", strategy="own", text="T\n", finish_reason="stop")
SETTING = Setting(model="some/model", data="data.jsonl", longest=1024, seed=3)
THINKING = Setting(
    model="some/model",
    revision="abc",
    data="data.parquet",
    longest=1024,
    template_kwargs={"enable_thinking": False},
)


def row(to, example=EXAMPLE, setting=SETTING):
    (made,) = export_rows([(example, CANDIDATE, {"strategy": "own"})], to=to, setting=setting)
    return made


def config(to, setting=SETTING):
    return yaml.safe_load(EXPORTS[to].files(setting)[f"{setting.stem}.yaml"])


def test_trl_rows_are_conversational_prompt_completion_with_one_metadata_struct():
    assert row("trl") == {
        "prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "P"}],
        "completion": [{"role": "assistant", "content": "T\n"}],
        "metadata": {"strategy": "own"},
    }


def test_trl_is_told_in_every_row_what_the_template_was_given():
    assert row("trl", setting=THINKING)["chat_template_kwargs"] == {"enable_thinking": False}
    (dataset,) = config("trl", THINKING)["datasets"]
    assert dataset["columns"] == ["prompt", "completion", "chat_template_kwargs"]
    assert dataset["path"] == "parquet"


def test_openai_rows_hold_messages_and_nothing_else():
    assert row("openai") == {
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": "P"},
            {"role": "assistant", "content": "T\n"},
        ]
    }


@pytest.mark.parametrize("example", [EXAMPLE, LONG], ids=["one turn", "three turns"])
def test_rows_fit_the_documented_schema_of_each_trainer(example):
    schemas.OpenAIRow.model_validate(row("openai", example))
    schemas.AxolotlRow.model_validate(row("axolotl", example))
    schemas.MessagesRow.model_validate(row("llama-factory", example))
    schemas.MessagesRow.model_validate(row("ms-swift", example))


@pytest.mark.parametrize("setting", [SETTING, THINKING], ids=["plain", "thinking"])
def test_configs_fit_the_documented_schema_of_each_trainer(setting):
    schemas.AxolotlConfig.model_validate(config("axolotl", setting))
    schemas.LlamaFactoryConfig.model_validate(config("llama-factory", setting))
    info = json.loads(EXPORTS["llama-factory"].files(setting)["dataset_info.json"])
    schemas.LLAMA_FACTORY_INFO.validate_python(info)
    assert info["data"]["file_name"] == setting.data
    assert config("llama-factory", setting)["dataset"] in info


def test_the_flags_of_ms_swift_are_documented_ones_and_survive_the_shell():
    setting = Setting(model="a folder/of; mine", data="data.jsonl", longest=512, revision="abc")
    text = EXPORTS["ms-swift"].files(setting)["data.sh"]
    words = shlex.split(text.partition("swift sft")[2], comments=True)
    words = [word for word in words if word != "\n"]
    flags = dict(zip(words[::2], words[1::2], strict=True))
    assert flags.keys() == schemas.MS_SWIFT_FLAGS
    assert flags["--model"] == "a folder/of; mine"
    assert flags["--loss_scale"] == "last_round"


def test_the_loss_falls_on_the_response_only_where_earlier_turns_are_the_assistants_too():
    assert [t.get("weight") for t in row("openai", LONG)["messages"]] == [None, 0, None, None]
    assert [t["train"] for t in row("axolotl", LONG)["messages"]] == [False, False, False, True]
    (dataset,) = config("axolotl")["datasets"]
    assert dataset["roles_to_train"] == []
    assert dataset["message_field_training"] == "train"
    assert config("llama-factory")["mask_history"] is True
    assert config("trl")["completion_only_loss"] is True


def test_a_plain_format_travels_with_the_config():
    setting = Setting(model="m", data="data.jsonl", longest=512, template="{{ x }}")
    assert EXPORTS["trl"].files(setting)["data.jinja"] == "{{ x }}"
    assert config("trl", setting)["chat_template_path"] == "data.jinja"
    assert config("axolotl", setting)["chat_template_jinja"] == "{{ x }}"


def test_an_entry_is_added_to_the_dataset_info_that_is_there():
    there = json.dumps({"other": {"file_name": "other.json"}})
    setting = Setting(
        model="m", data="data.jsonl", longest=512, beside={"dataset_info.json": there}
    )
    info = json.loads(EXPORTS["llama-factory"].files(setting)["dataset_info.json"])
    assert list(info) == ["other", "data"]
    assert info["other"] == {"file_name": "other.json"}


@pytest.mark.parametrize(
    ("roles", "fits"),
    [
        (("user",), True),
        (("system", "user", "assistant", "user"), True),
        (("user", "user"), False),
        (("user", "assistant", "tool"), False),
        (("user", "system", "user"), False),
    ],
)
def test_turns_that_llama_factory_would_drop_are_found(roles, fits):
    messages = tuple(Message(role=role, content="x") for role in roles)
    why = EXPORTS["llama-factory"].check(Example(id="x", messages=messages))
    assert (why is None) == fits


@pytest.mark.parametrize("to", EXPORTS)
def test_no_form_shows_the_trainer_the_answer_or_the_reference(to):
    text = str(row(to))
    assert "secret" not in text
    assert "'R'" not in text
