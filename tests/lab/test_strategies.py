"""What the strategies must hold in the lab, on the frontier of lab:amber."""

import pytest

import idiolect as idi
from idiolect.familiarity import edit_distance
from idiolect.lab.datasets import example_of
from idiolect.lab.tasks import take
from idiolect.records import Candidate, Failure, Verdict
from idiolect.runs import RunReader

PROBLEMS = 100


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    from idiolect.config import OwnConfig

    problems = take(PROBLEMS, "shop", seed=77, split="train", steps=(3, 4))
    result = idi.build(
        [example_of(problem) for problem in problems],
        target=idi.Target("lab:amber"),
        teacher="lab:teacher",
        strategies=["minimal-change", "ladder"],
        own=OwnConfig(max_new_tokens=160),
        output_dir=tmp_path_factory.mktemp("lab") / "run",
    )
    with RunReader(result.path) as run:
        candidates = {c.id: c for c in run.all(Candidate)}
        status = {v.candidate_id: v.status for v in run.all(Verdict)}
        yield result.outcome, candidates, status, run.all(Failure)


@pytest.mark.slow
def test_minimal_change_fixes_wrong_answers_with_few_words_and_keeps_right_ones(built):
    _, candidates, status, failures = built
    corrected = [c for c in candidates.values() if c.strategy == "minimal-change"]
    failed = [f for f in failures if f.strategy == "minimal-change"]
    assert len(corrected) + len(failed) == PROBLEMS
    shares, fixed = [], 0
    for candidate in corrected:
        own = candidates[candidate.parent_id]
        if status[own.id] == "correct" and own.finish_reason == "stop":
            assert (candidate.text, candidate.token_ids) == (own.text, own.token_ids)
            assert candidate.model == own.model
        else:
            fixed += status[candidate.id] == "correct"
            shares.append(edit_distance(own.text, candidate.text))
    wrong = len(shares) + len(failed)
    assert wrong >= 10  # the frontier is where the target errs
    assert fixed >= 0.95 * wrong
    assert sum(shares) / len(shares) < 0.35


@pytest.mark.slow
def test_the_ladder_verifies_nearly_all_and_asks_the_teacher_about_few(built):
    outcome, candidates, status, _ = built
    last = [c for c in candidates.values() if c.strategy == "ladder"]
    assert sum(status[c.id] == "correct" for c in last) >= 0.99 * PROBLEMS
    report = outcome.ladders["ladder"]
    assert report.examples == PROBLEMS
    assert report.asked_teacher < 0.6 * PROBLEMS
