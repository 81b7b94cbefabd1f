import dataclasses
import json

import pytest

from idiolect.data.read import read
from idiolect.errors import ConfigError
from idiolect.lab.datasets import example_of, row_of, write
from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.tasks import SKILLS, take


@pytest.mark.parametrize("skill", SKILLS)
def test_a_written_dataset_is_read_as_the_same_examples(skill, tmp_path):
    taken = take(5, skill, seed=1, split="train")
    write(taken, tmp_path / "d.jsonl", idiolect="tutor")
    examples = read(tmp_path / "d.jsonl")
    for example, problem in zip(examples, taken, strict=True):
        expected = example_of(problem, idiolect="tutor")
        assert example == dataclasses.replace(expected, metadata=example.metadata)
    rows = [json.loads(line) for line in (tmp_path / "d.jsonl").read_text().splitlines()]
    for row, problem in zip(rows, taken, strict=True):
        assert row["question"] == problem.question
        assert row["reference"] == render(problem, "tutor")
        assert row["responses"] == {name: render(problem, name) for name in IDIOLECTS}
        assert ("choices" in row) == (skill == "choice")
        assert ("tests" in row) == (skill == "code")


def test_example_and_row_say_the_same():
    for skill in SKILLS:
        problem = take(1, skill, seed=2, split="train")[0]
        example, row = example_of(problem), row_of(problem)
        assert example.id == row["id"]
        assert example.messages[0].content == row["question"]
        assert (example.reference, example.answer) == (row["reference"], row["answer"])
        assert dict(example.responses) == row["responses"]


def test_an_id_depends_on_the_question_alone():
    first, second = (take(1, "shop", seed=2, split="train")[0] for _ in range(2))
    assert row_of(first, idiolect="amber")["id"] == row_of(second, idiolect="tutor")["id"]


def test_a_file_that_cannot_be_written_is_an_error_with_its_path(tmp_path):
    with pytest.raises(ConfigError, match=r"missing.*can't be written"):
        write(take(1, "shop", seed=0, split="train"), tmp_path / "missing" / "d.jsonl")
