"""Prompts can be worded otherwise, and can't be made to show more."""

import pytest

from idiolect.errors import ConfigError
from idiolect.strategies.wording import VARIABLES, Wording

EVIL = "{{ 7 * 7 }}{% for x in ().__class__.__mro__ %}{{ x }}{% endfor %}"


def values(name: str) -> dict:
    special = {"others": [{"question": EVIL, "answer": EVIL}]}
    return {v: special.get(v, EVIL) for v in VARIABLES[name]}


@pytest.mark.parametrize("name", VARIABLES)
def test_texts_are_put_in_as_they_are_and_never_read_as_templates(name):
    text = Wording().render(name, **values(name))
    assert EVIL in text
    assert "49" not in text


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_of_a_shipped_prompt_reaches_it(name):
    filled = {v: f"VALUE-{v}" for v in VARIABLES[name]}
    filled |= (
        {"others": [{"question": "VALUE-others", "answer": "x"}]} if "others" in filled else {}
    )
    both = Wording().render(name, **filled)
    if "reference" in filled and "answer" in filled:
        both += Wording().render(name, **filled | {"reference": None})
    assert all(f"VALUE-{v}" in both for v in VARIABLES[name])


def test_an_override_is_a_text_or_a_file(tmp_path):
    (tmp_path / "mine.jinja").write_text("File: {{ question }}")
    render = {"question": "Q", "reference": "R"}
    assert Wording({"rewrite": "Text: {{ question }}"}).render("rewrite", **render) == "Text: Q"
    filed = Wording({"rewrite": str(tmp_path / "mine.jinja")})
    assert filed.render("rewrite", **render) == "File: Q"
    assert filed.hash_of("rewrite") != Wording().hash_of("rewrite")
    assert filed.hash_of("hinted") == Wording().hash_of("hinted")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"rewrit": "x"}, "unknown prompt 'rewrit'; did you mean 'rewrite'"),
        ({"rewrite": "nowhere.jinja"}, "prompts.rewrite: nowhere.jinja: cannot be read"),
        ({"rewrite": "{{ question"}, "prompts.rewrite: not a valid template"),
        ({"rewrite": "{{ answer }}"}, "found the variable 'answer', which is not shown"),
        ({"styled": "{{ reference }}"}, "found the variable 'reference', which is not shown"),
    ],
)
def test_a_wrong_override_is_refused_before_anything_is_asked(overrides, message):
    with pytest.raises(ConfigError, match=message):
        Wording(overrides)


@pytest.mark.parametrize(
    "template",
    ["{{ question.__class__.__mro__ }}", "{{ question.nothing.at_all }}", "{{ 1 // 0 }}"],
)
def test_a_template_that_reaches_out_or_fails_is_an_error(template):
    with pytest.raises(ConfigError, match=r"prompts.rewrite: cannot be filled in"):
        Wording({"rewrite": template}).render("rewrite", question="Q", reference="R")
