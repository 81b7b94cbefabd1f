"""Answers are checked one by one; failures of ours are no failures of the model."""

import pytest

from idiolect.errors import ConfigError
from idiolect.evaluation.accuracy import accuracy, evaluate
from idiolect.models.base import Generation, GenerationFailure, Sampling
from idiolect.records import Example, Message
from idiolect.verification import get_verifier

EXAMPLES = [
    Example(id=str(n), messages=(Message(role="user", content=str(n)),), answer=str(n))
    for n in range(40)
]
WARM = Sampling(temperature=0.7, top_p=1.0, max_new_tokens=8)


class Parrot:
    """Repeats the question; says nothing readable to 1, fails at 2 and is wrong about 3."""

    name, revision = "parrot", "v1"

    def __init__(self):
        self.seeds = []

    def generate(self, requests):
        for request in requests:
            self.seeds.append(request.seed)
            text = {"1": "dunno", "3": "4"}.get(request.messages[0].content)
            if request.messages[0].content == "2":
                yield GenerationFailure(reason="out of seeds", retryable=True)
            else:
                text = text or request.messages[0].content
                yield Generation(
                    text=text, finish_reason="stop", token_ids=None, tokens_in=1, tokens_out=2
                )


@pytest.fixture
def chat(load):
    return load().chat


def test_each_status_is_counted_apart_and_an_error_is_in_no_rate(chat):
    rows = evaluate(
        Parrot(), chat, EXAMPLES, get_verifier("numeric"), subject="v1", split="parroting"
    )
    assert [row.example_id for row in rows] == [example.id for example in EXAMPLES]
    assert [row.status for row in rows[:4]] == ["correct", "unparsable", "error", "incorrect"]
    assert (rows[2].detail, rows[3].extracted) == ("out of seeds", "4")
    assert {(row.split, row.subject_id) for row in rows} == {("parroting", "v1")}
    counts = accuracy(rows)
    assert (counts.correct, counts.judged, counts.error) == (37, 39, 1)
    assert counts.rate == 37 / 39
    assert accuracy([]).rate is None


def test_rows_that_landed_are_not_made_again_and_the_seeds_of_others_stay(chat):
    whole, landed, again = Parrot(), [], Parrot()
    verifier = get_verifier("numeric")
    options = {"sampling": WARM, "samples": 2, "seed": 3}
    rows = evaluate(whole, chat, EXAMPLES, verifier, land=landed.extend, **options)
    assert landed == rows
    assert len(set(whole.seeds)) == 80
    done = {(row.example_id, row.sample_index): row for row in rows[:33]}
    assert evaluate(again, chat, EXAMPLES, verifier, done=done, **options) == rows
    assert again.seeds == whole.seeds[33:]


def test_several_greedy_samples_are_refused(chat):
    with pytest.raises(ConfigError, match="found 2 at temperature"):
        evaluate(Parrot(), chat, EXAMPLES, get_verifier("numeric"), samples=2)
