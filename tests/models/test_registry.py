import sys

import pytest
from endpoints import ask

from idiolect.config import TeacherConfig
from idiolect.errors import ConfigError, MissingExtra
from idiolect.lab.teacher.model import ScriptedTeacher
from idiolect.models.base import Generation
from idiolect.models.money import Money
from idiolect.models.registry import open_teacher


def test_the_scripted_teacher_runs_in_this_process_and_is_free():
    model = open_teacher(TeacherConfig("lab:teacher"), money=Money(cap_usd=0.0))
    assert isinstance(model, ScriptedTeacher)
    (result,) = model.generate([ask("Hello")])
    assert isinstance(result, Generation)
    assert result.cost_usd == 0.0


def test_a_folder_is_a_model_with_its_weights_here(tiny_model):
    model = open_teacher(TeacherConfig(str(tiny_model)))
    (result,) = model.generate([ask("Hello", limit=4)])
    assert isinstance(result, Generation)
    assert result.tokens_out <= 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, "teacher: no model was given; name one with teacher.model"),
        ("", "no model was given"),
        ("opnai:gpt-4.1", "did you mean 'openai'"),
        ("lab:teachr", "did you mean 'lab:teacher'"),
        ("openai:", "expected a name behind the colon"),
        ("openai:m@http://user:pw@h/v1", "put the key into OPENAI_API_KEY"),
        ("openai:m@http://", "expected a base URL, e.g. http://localhost:8000/v1"),
        ("openai:gpt-4.1", "needs an API key; set OPENAI_API_KEY"),
    ],
)
def test_a_name_that_is_none_says_what_to_do(name, message):
    with pytest.raises(ConfigError, match=message):
        open_teacher(TeacherConfig(name))


def test_the_section_that_names_it_is_in_the_message():
    with pytest.raises(ConfigError, match=r"^judge\.model: found 'opnai:x'"):
        open_teacher(TeacherConfig("opnai:x"), section="judge")


@pytest.mark.parametrize("wrong", [{"max_concurrency": 0}, {"timeout_s": 0.0}, {"retries": -1}])
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected >= 1, > 0 and >= 0"):
        open_teacher(TeacherConfig("openai:m@http://h/v1", **wrong))


def test_the_official_address_can_be_changed_by_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1/")
    model = open_teacher(TeacherConfig("openai:gpt-4.1"))
    assert model._service.wire.url == "http://localhost:1/v1"
    # That server is not the provider, whose price this would be.
    assert model._service.price is None
    model.close()


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setitem(sys.modules, "anthropic", None)
    with pytest.raises(MissingExtra, match=r'pip install "idiolect\[anthropic\]"'):
        open_teacher(TeacherConfig("anthropic:claude-haiku-4-5"))
