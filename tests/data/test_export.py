import pytest

from idiolect.data.export import EXPORTS, export_rows
from idiolect.records import Candidate, Example, Message

EXAMPLE = Example(
    id="x",
    messages=(Message(role="system", content="S"), Message(role="user", content="P")),
    reference="R",
    answer="secret",
)
CANDIDATE = Candidate(id="c", example_id="x", strategy="own", text="T\n", finish_reason="stop")


def test_trl_rows_are_conversational_prompt_completion_with_one_metadata_struct():
    rows = export_rows([(EXAMPLE, CANDIDATE, {"strategy": "own"})], to="trl")
    assert rows == [
        {
            "prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "P"}],
            "completion": [{"role": "assistant", "content": "T\n"}],
            "metadata": {"strategy": "own"},
        }
    ]


def test_openai_rows_hold_messages_and_nothing_else():
    rows = export_rows([(EXAMPLE, CANDIDATE, {"strategy": "own"})], to="openai")
    assert rows == [
        {
            "messages": [
                {"role": "system", "content": "S"},
                {"role": "user", "content": "P"},
                {"role": "assistant", "content": "T\n"},
            ]
        }
    ]


@pytest.mark.parametrize("to", EXPORTS)
def test_no_form_shows_the_trainer_the_answer_or_the_reference(to):
    text = str(export_rows([(EXAMPLE, CANDIDATE, {})], to=to))
    assert "secret" not in text
    assert "'R'" not in text
