"""The Python interface: what a script gets that the command line has."""

import json

import pytest
import tiny

import idiolect as idi
from idiolect.errors import ConfigError, DataError


@pytest.fixture
def examples(tmp_path):
    return idi.read(tiny.write_jsonl(tmp_path / "data.jsonl", tiny.arithmetic_rows(3)))


@pytest.mark.parametrize("command", [idi.audit, idi.build])
def test_examples_made_by_hand_with_equal_ids_are_refused(tmp_path, tiny_model, examples, command):
    with pytest.raises(DataError, match=r"examples\[3\]: field 'id': found 'sum-1'"):
        command(
            [*examples, examples[0]],
            target=idi.Target(str(tiny_model)),
            output_dir=tmp_path / "run",
        )
    assert not (tmp_path / "run").exists()


def test_measures_by_name_are_in_the_table(tmp_path, tiny_model, examples):
    run = idi.audit(
        examples,
        target=idi.Target(str(tiny_model)),
        strategies=["reference"],
        measures=["perplexity", "mean-rank"],
        output_dir=tmp_path / "run",
    )
    (row,) = run.table()
    assert row["measures"]["mean-rank"] >= 1


def test_programs_run_only_where_that_is_confirmed(tmp_path, tiny_model, examples):
    def audit(**flags):
        return idi.audit(
            examples,
            target=idi.Target(str(tiny_model)),
            strategies=["reference"],
            verifier="code",
            output_dir=tmp_path / "run",
            retry_failed=True,
            **flags,
        )

    with pytest.raises(ConfigError, match="confirm-run-unsafe-code"):
        audit()
    from idiolect.verification.sandbox import find_sandbox

    try:
        find_sandbox()
    except ConfigError:
        pytest.skip("no sandbox here")
    assert audit(confirm_run_unsafe_code=True).table()[0]["verdicts"] == {"unchecked": 3}


def test_score_and_verify_name_a_response_alike(idiolect, tmp_path, tiny_model):
    data = tiny.write_jsonl(tmp_path / "data.jsonl", tiny.arithmetic_rows(2))
    words = ("--responses", "reference,label,right", "-o", "out.jsonl")
    names = []
    for command in (("score", data, "--target", tiny_model), ("verify", data)):
        assert idiolect(*command, *words).code == 0
        rows = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
        names.append({row["strategy"] for row in rows})
    assert names[0] == names[1] == {"reference", "label", "column:right"}


@pytest.mark.parametrize(
    "name", ["merges.txt", "tokenizer.model", "modeling_mine.py", "vocab.tiktoken"]
)
def test_a_changed_vocabulary_or_code_file_is_another_revision(tmp_path, name):
    from idiolect.models.tokenizer import folder_revision

    (tmp_path / "config.json").write_text("{}")
    (tmp_path / name).write_text("a b")
    before = folder_revision(str(tmp_path))
    (tmp_path / name).write_text("b a")
    assert folder_revision(str(tmp_path)) != before
