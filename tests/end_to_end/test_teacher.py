"""`build` and `plan` with a teacher: lab:amber is the target, lab:teacher helps."""

import json

import pytest

from idiolect.familiarity import edit_distance
from idiolect.lab.teacher.model import ScriptedTeacher
from idiolect.models.base import GenerationFailure
from idiolect.records import Candidate, Example, Failure, Spend, Verdict
from idiolect.runs import Run, RunReader

STRATEGIES = "reference,minimal-change,teacher,ladder"
USUAL = ("--target", "lab:amber", "--quiet", "--set", "own.max_new_tokens=80")


@pytest.fixture
def data(idiolect, tmp_path):
    path = tmp_path / "shop.jsonl"
    words = ("--skill", "shop", "--steps", "3,4", "--idiolect", "textbook", "-n", 6, "-o", path)
    assert idiolect("lab", "data", *words).code == 0
    return path


def rows(path, kind):
    with RunReader(path) as run:
        return run.all(kind)


def test_own_answers_are_made_and_checked_before_the_teacher_corrects_them(
    idiolect, data, tmp_path
):
    run = tmp_path / "run"
    words = ("build", data, *USUAL, "--teacher", "lab:teacher", "--strategies", STRATEGIES)
    printed = idiolect(*words, "-o", run, "--json")
    assert printed.code == 0
    candidates = {c.id: c for c in rows(run, Candidate)}
    status = {v.candidate_id: v.status for v in rows(run, Verdict)}
    corrected = [c for c in candidates.values() if c.strategy == "minimal-change"]
    assert len(corrected) == 6
    wrong = 0
    for candidate in corrected:
        own = candidates[candidate.parent_id]
        assert own.strategy == "own"
        assert status[candidate.id] == "correct"
        if status[own.id] == "correct":
            assert (candidate.text, candidate.token_ids) == (own.text, own.token_ids)
        else:
            wrong += 1
            assert candidate.model == "lab:teacher"
            assert edit_distance(own.text, candidate.text) <= 0.5
    table = [row["strategy"] for row in printed.data["table"]]
    assert set(table) == {"own", "reference", "minimal-change", "teacher", "ladder"}
    spend = printed.data["spend"]
    assert (spend["teacher"]["requests"], spend["teacher"]["usd"]) == (6, 0.0)
    asked = ("--target", "lab:amber", "--teacher", "lab:teacher", "--strategies", "teacher")
    (planned,) = idiolect("plan", data, *asked, "--json").data["requests"]
    expected, written = planned["tokens_out"]["expected"], spend["teacher"]["tokens_out"]
    assert written / 2 < expected < 2 * written
    assert spend.get("minimal-change", {"requests": 0})["requests"] == wrong
    ladder = printed.data["ladders"]["ladder"]
    assert sum(ladder["settled"].values()) + ladder["unsettled"] == 6
    assert ladder["settled"]["own"] == 6 - wrong
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["teacher"] == {"model": "lab:teacher", "revision": ScriptedTeacher().revision}
    assert manifest["strategies"]["minimal-change"]["sees"] == [
        "answer",
        "own",
        "prompt",
        "reference",
    ]
    assert manifest["spend"] == spend
    (path,) = manifest["generation"]["paths"]
    assert path["path"].startswith("cohorts (cpu, float32")
    assert "agrees with the plain model" in path["why"]
    again = idiolect(*words, "-o", run, "--json")
    assert again.data["table"] == printed.data["table"]
    assert again.data["spend"] == spend  # nothing was asked again
    kept = json.loads((run / "manifest.json").read_text())["generation"]
    assert kept == manifest["generation"]  # and what made the answers is still known


class Priced(ScriptedTeacher):
    """The scripted teacher at one cent an answer, out of a purse."""

    name = "lab:teacher"
    asked = 0

    def __init__(self, money):
        super().__init__()
        self.money = money

    def generate(self, requests):
        for request in requests:
            reservation = self.money.reserve(0.01)
            if reservation == "no":
                yield GenerationFailure(reason="no money", retryable=True, skipped=True)
                continue
            Priced.asked += 1
            (answer,) = super().generate([request])
            self.money.settle(reservation, 0.01)
            yield type(answer)(
                **{f: getattr(answer, f) for f in answer.__slots__} | {"cost_usd": 0.01}
            )


def test_a_cap_leaves_a_usable_result_and_more_money_goes_on_from_there(
    idiolect, data, tmp_path, monkeypatch
):
    from idiolect.models import registry

    monkeypatch.setattr(registry, "open_teacher", lambda config, *, money, **_: Priced(money))
    Priced.asked = 0
    run = tmp_path / "run"
    words = ("build", data, *USUAL, "--teacher", "lab:teacher", "-o", run, "--json")
    words = (*words, "--strategies", "reference,teacher")
    capped = idiolect(*words, "--max-cost", 0.04)
    assert capped.code == 2
    assert Priced.asked == 4
    assert any("the money is used up" in w for w in capped.data["warnings"])
    assert capped.data["chosen"] == 6
    assert capped.data["spend"]["teacher"]["usd"] == pytest.approx(0.04)
    assert rows(run, Failure) == []
    same = idiolect(*words, "--max-cost", 0.04)
    assert (same.code, Priced.asked) == (2, 4)  # the cap is for the run, not for the process
    more = idiolect(*words, "--max-cost", 1)
    assert (more.code, Priced.asked) == (0, 6)
    assert sum(c.strategy == "teacher" for c in rows(run, Candidate)) == 6


def test_another_sampler_makes_other_ids_and_is_not_mixed_into_a_run(
    idiolect, data, tmp_path, monkeypatch
):
    from idiolect.models import local
    from idiolect.pipeline import teaching

    words = ("build", data, *USUAL, "--strategies", "own", "-n", 2, "-o")
    assert idiolect(*words, tmp_path / "old").code == 0
    for module in (local, teaching):
        monkeypatch.setattr(module, "SAMPLER_VERSION", 2)
    printed = idiolect(*words, tmp_path / "old")
    assert printed.code == 3
    assert "resumed run differs in `own.sampler` (1 -> 2)" in printed.err
    assert idiolect(*words, tmp_path / "new").code == 0
    old, new = ({c.id for c in rows(tmp_path / name, Candidate)} for name in ("old", "new"))
    assert len(old) == len(new) == 2
    assert not old & new


def test_a_resumed_run_refuses_another_teacher_or_prompt(idiolect, data, tmp_path):
    words = ("build", data, *USUAL, "--strategies", "reference,teacher", "-o", tmp_path / "run")
    assert idiolect(*words, "--teacher", "lab:teacher").code == 0
    changes = {
        "teacher.temperature": ("--set", "teacher.temperature=0.5"),
        "prompts.teacher": ("--set", "prompts={teacher: 'Please: {{ question }}'}"),
    }
    for key, flags in changes.items():
        printed = idiolect(*words, "--teacher", "lab:teacher", *flags)
        assert printed.code == 3
        assert f"resumed run differs in `{key}`" in printed.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--strategies", "minimal-change"), "minimal-change asks a teacher, and none is named"),
        (
            ("--strategies", "continue", "--teacher", "lab:teacher", "--verifier", "none"),
            "continue build upon answers that were checked",
        ),
        (
            ("--strategies", "teacher", "--teacher", "lab:techer"),
            "expected one of lab:teacher",
        ),
        (
            ("--strategies", "own", "--set", "minimal_change.budget=2"),
            "minimal_change.budget: found 2",
        ),
        (("--strategies", "own", "--set", "prompts={hintd: x}"), "did you mean 'hinted'"),
    ],
)
def test_wrong_requests_are_refused_before_anything_is_loaded(idiolect, data, flags, message):
    printed = idiolect("build", data, *USUAL, *flags)
    assert printed.code == 3
    assert message in printed.err


def test_a_check_that_failed_itself_is_made_again_with_retry_failed(idiolect, data, tmp_path):
    run = tmp_path / "run"
    words = ("build", data, *USUAL, "--strategies", "reference", "-o", run)
    assert idiolect(*words).code == 0
    with RunReader(run) as reader:
        identity = json.loads(
            reader._db.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()[0]
        )
    (first, *_) = rows(run, Verdict)
    with Run(run, identity) as opened:
        opened.add(Verdict(candidate_id=first.candidate_id, verifier="numeric", status="error"))
    idiolect(*words)
    assert {v.status for v in rows(run, Verdict)} == {"correct", "error"}
    idiolect(*words, "--retry-failed")
    assert {v.status for v in rows(run, Verdict)} == {"correct"}


def test_rows_that_may_succeed_on_another_try_make_the_command_exit_with_1(
    idiolect, data, tmp_path, monkeypatch
):
    from idiolect.models import registry

    class Down(ScriptedTeacher):
        def generate(self, requests):
            for _ in requests:
                yield GenerationFailure(reason="the server is down", retryable=True)

    run = tmp_path / "run"
    words = ("build", data, *USUAL, "--strategies", "reference,teacher", "-o", run)
    words = (*words, "--teacher", "lab:teacher")
    with monkeypatch.context() as patch:
        patch.setattr(registry, "open_teacher", lambda config, **_: Down())
        printed = idiolect(*words)
    assert printed.code == 1
    assert "6 failed rows may succeed on another try: --retry-failed" in printed.out
    assert (run / "train.jsonl").is_file()
    assert idiolect(*words, "--retry-failed").code == 0
    assert rows(run, Failure) == []


def test_a_plan_shows_the_first_requests_and_a_price_and_loads_no_weights(
    idiolect, data, monkeypatch
):
    from idiolect.models import local, registry

    def refuse(*_args, **_kwargs):
        raise AssertionError("a plan loads nothing")

    monkeypatch.setattr(local, "load_local_model", refuse)
    monkeypatch.setattr(registry, "open_teacher", refuse)
    words = (data, "--target", "lab:amber", "--strategies", "own,minimal-change,styled,ladder")
    printed = idiolect("plan", *words, "--teacher", "openai:gpt-4.1", "--json")
    assert printed.code == 0
    plan = printed.data
    by_role = {(r["strategy"], r["role"]): r for r in plan["requests"]}
    assert by_role["own", "target"]["requests"] == {"low": 6, "expected": 6, "high": 6}
    assert by_role["own", "target"]["usd"]["high"] == 0
    minimal = by_role["minimal-change", "teacher"]
    assert minimal["requests"] == {"low": 0, "expected": 3, "high": 18}
    usd = minimal["usd"]
    assert usd["low"] == 0 < usd["expected"] < usd["high"]
    expected = minimal["tokens_in"]["expected"] * 2e-6 + minimal["tokens_out"]["expected"] * 8e-6
    assert usd["expected"] == pytest.approx(expected)
    first = {name: messages for name, _, messages in plan["first"]}
    question = json.loads(data.read_text().splitlines()[0])["question"]
    assert first["own"] == [{"role": "user", "content": question}]
    assert question in first["minimal-change"][-1]["content"]
    unknown = idiolect("plan", *words, "--teacher", "openai:who-knows", "--json").data
    assert unknown["usd"] is None
    shown = idiolect("build", *words, "--teacher", "openai:who-knows", "--dry-run")
    assert shown.code == 0
    assert "price of all: unknown" in shown.out


def test_a_plan_takes_a_configuration_file(idiolect, data, tmp_path):
    config = tmp_path / "idiolect.yaml"
    config.write_text(
        f"data: {{path: {data}}}\ntarget: lab:amber\n"
        "strategies: [teacher]\nteacher: {model: openai:gpt-4.1-mini, show_answer: true}\n"
    )
    plan = idiolect("plan", "-c", config, "--json").data
    assert plan["strategies"] == ["teacher"]
    assert "the right final answer is" in plan["first"][0][2][-1]["content"]


def test_from_python_a_teacher_is_a_name_or_anything_that_answers(data, tmp_path):
    import idiolect as idi

    examples = idi.read(data)
    options = {"target": idi.Target("lab:amber"), "strategies": ["teacher"]}
    named = idi.build(examples, teacher="lab:teacher", output_dir=tmp_path / "a", **options)
    given = idi.build(examples, teacher=ScriptedTeacher(), output_dir=tmp_path / "b", **options)
    assert named.table()[0]["verdicts"] == given.table()[0]["verdicts"] == {"correct": 6}
    assert rows(given.path, Example) == list(examples)
    assert len(rows(given.path, Spend)) == 6


def test_several_teachers_answer_in_one_run_and_are_told_apart(idiolect, data, tmp_path):
    run = tmp_path / "run"
    words = (*USUAL, "--teacher", "lab:teacher", "--strategies", "teacher,teacher@other")
    more = ("--set", "teachers.other=lab:birch", "--set", "teachers.other.max_new_tokens=60")
    printed = idiolect("build", data, *words, *more, "-o", run, "--json")
    assert printed.code == 0, printed.err
    models = {(c.strategy, c.model) for c in rows(run, Candidate)}
    assert models == {("teacher", "lab:teacher"), ("teacher@other", "lab:birch")}
    assert {s.model for s in rows(run, Spend)} == {"lab:teacher", "lab:birch"}
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["teacher"]["model"] == "lab:teacher"
    assert manifest["teachers"]["other"]["model"] == "lab:birch"
    again = idiolect("build", data, *words, "--set", "teachers.other=lab:amber", "-o", run)
    assert again.code == 3
    assert "teachers.other.model" in again.err


def test_the_rungs_of_a_ladder_that_asks_another_teacher_are_no_strategies_of_their_own(
    idiolect, data, tmp_path
):
    run = tmp_path / "run"
    words = ("build", data, *USUAL, "--set", "teachers.other=lab:teacher", "-o", run, "--json")
    words = (*words, "--set", "own.max_new_tokens=10")  # no own answer is complete
    printed = idiolect(*words, "--strategies", "reference,ladder@other")
    assert printed.code == 0, printed.err
    made = {c.strategy for c in rows(run, Candidate)}
    assert any(name.startswith("ladder@other/") for name in made)
    assert {row["strategy"] for row in printed.data["table"]} == {
        "own",
        "reference",
        "ladder@other",
    }
    report = printed.data["ladders"]["ladder@other"]
    assert sum(report["settled"].values()) + report["unsettled"] == 6
    assert "own" not in report["settled"]
    assert any(n.startswith("ladder@other settled 6 of 6 examples") for n in printed.data["notes"])
