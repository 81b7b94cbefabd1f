"""The reference pages say what the code says."""

import pytest

from idiolect.cli import COMMANDS
from idiolect.config.describe import describe_whole
from tools.reference import FOLDER, pages


@pytest.mark.parametrize("name", ["cli.md", "config.md"])
def test_the_reference_page_is_what_the_code_says_now(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == pages()[name], "run `make docs`"


def test_every_flag_of_every_command_says_what_it_does():
    page = pages()["cli.md"]
    assert all(f"\n## idiolect {name}\n" in page for name in COMMANDS)
    assert "\n### idiolect lab serve\n" in page
    assert "\n| `-n, --limit <int>` | `data.limit` | First n rows. [x>=1] |\n" in page
    assert "|  |\n" not in page


def test_every_key_of_the_configuration_says_what_it_does():
    sections = describe_whole()
    assert [f"{s.name}.{key.name}" for s in sections for key in s.keys if not key.text] == []
    assert [s.name for s in sections if s.name and not s.text] == []


def test_sections_that_keys_hold_are_described_and_none_twice():
    sections = {section.name: section for section in describe_whole()}
    assert [key.name for key in sections["prices.NAME"].keys if key.is_required] == [
        "input_usd_per_million",
        "output_usd_per_million",
    ]
    assert "show_answer" not in [key.name for key in sections["judge"].keys]
    assert sections["judge"].text == "The model that the verifier `judge` asks."
    assert sections["study.others.NAME"].same_as == "study.validation"
    assert sections["study.validation.data"].same_as == "data"
