"""A `build` that pays, over a server with faults, killed again and again: nothing is paid twice."""

import json
import random
import signal
import sqlite3
import threading
import time

import pytest

from idiolect.lab.serving import FAULTS, Faults, LabServer, Teacher, running
from idiolect.lab.teacher import Knobs
from idiolect.records import Candidate, Failure, Payment, Spend
from idiolect.runs import RunReader

KILLS = 10
ITEMS = 48
IN, OUT = 1e-6, 2e-6
"""US dollars per token."""
PRICES = "prices={lab-teacher: {input_usd_per_million: 1.0, output_usd_per_million: 2.0}}"
# The diary of starts, and how often was asked and paid until there was an answer.
DIARIES = ("events", "spend", "payments", "sqlite_sequence")


@pytest.fixture
def data(idiolect, tmp_path):
    path = tmp_path / "shop.jsonl"
    words = ("--skill", "shop", "--steps", "3,4", "--idiolect", "textbook", "-n", ITEMS)
    assert idiolect("lab", "data", *words, "-o", path).code == 0
    return path


def serve(port=0):
    """Return a server where a fifth of all requests go wrong, in every way."""
    shares = dict.fromkeys(FAULTS, 0.2 / len(FAULTS))
    faults = Faults(shares=shares, seed=47, by_request=True, slow_s=0.1, retry_after_s=0)
    teacher = Teacher(Knobs(latency_s=0.02))
    return running(LabServer({"lab-teacher": teacher}, port=port, faults=faults))


def tables(run) -> dict[str, list[tuple]]:
    """Return all rows but the diaries', without what they cost and when they were written."""
    db = sqlite3.connect(f"{(run / 'run.sqlite').as_uri()}?mode=ro", uri=True)
    try:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        found = {}
        for name in set(names) - set(DIARIES):
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
            kept = ", ".join(f'"{c}"' for c in columns if c not in ("at", "cost_usd"))
            found[name] = db.execute(f"SELECT {kept} FROM {name} ORDER BY rowid").fetchall()
        return found
    finally:
        db.close()


def rows(run, kind):
    with RunReader(run) as reader:
        return reader.all(kind)


def sound(run, counts) -> list[Payment]:
    """Check a run's books against the server's, and return what a kill left unsettled."""
    payments = rows(run, Payment)
    paid = [p for p in payments if p.state == "paid"]
    killed = [p for p in payments if p.state == "killed"]
    known = sum(p.paid_usd or 0.0 for p in paid)
    unsure = sum(p.worst_usd for p in payments if p.paid_usd is None)
    bill = counts.prompt_tokens * IN + counts.completion_tokens * OUT
    # All that a client cannot know is what became of the requests that a kill cut off.
    assert len(paid) <= counts.billed <= len(paid) + len(killed)
    # What arrived is never asked again: each second answer is to a request that a kill cut off.
    assert counts.answered - len({p.request_key for p in paid}) <= len(killed)
    assert known - 1e-9 <= bill <= known + unsure
    # The candidates' own books: each answer that was paid for is somebody's, once.
    spends = rows(run, Spend)
    assert sum(s.cost_usd for s in spends) == pytest.approx(known)
    of_candidates = sum(
        c.cost_usd for c in rows(run, Candidate) if c.strategy in ("teacher", "minimal-change")
    )
    given_up = {f.subject_id for f in rows(run, Failure)}
    of_failures = sum(s.cost_usd for s in spends if s.subject_id in given_up)
    assert of_candidates + of_failures == pytest.approx(known)
    return killed


@pytest.mark.slow
def test_a_paid_build_that_is_killed_ten_times_gives_the_same_rows_and_pays_for_nothing_twice(
    start, data, tmp_path, log
):
    whole, broken = tmp_path / "whole", tmp_path / "broken"

    def build(run, port):
        return start(
            *("build", data, "--target", "lab:amber", "--quiet", "-o", run, "--set", PRICES),
            *("--strategies", "reference,minimal-change,teacher", "--max-cost", 5),
            *("--set", "own.max_new_tokens=40", "--set", "teacher.max_new_tokens=300"),
            *("--teacher", f"openai:lab-teacher@http://127.0.0.1:{port}/v1"),
            log=log,
            IDIOLECT_CACHE_DIR=str(tmp_path / f"cache-{run.name}"),
        )

    with serve() as server:
        port = server.server_address[1]
        process = build(whole, port)
        process.join()
        assert process.exitcode == 0, log.read_text()
        assert sound(whole, server.counts) == []
        assert server.counts.repeated_after_answer == 0
        assert all(server.counts.faults.values())
        assert server.counts.billed == len([p for p in rows(whole, Payment) if p.state == "paid"])

    moments = random.Random(20240229)
    kills = 0
    with serve(port) as server:
        for _ in range(KILLS):
            process = build(broken, port)
            until = server.counts.requests + moments.randrange(12)
            while process.is_alive() and server.counts.requests <= until:
                time.sleep(moments.uniform(0, 0.02))
            process.kill()
            process.join()
            kills += process.exitcode == -signal.SIGKILL
        process = build(broken, port)
        process.join()
        assert process.exitcode == 0, log.read_text()
        killed = sound(broken, server.counts)
    assert kills >= 5
    assert 0 < len(killed) <= 8 * kills  # eight requests are under way at first
    assert tables(broken) == tables(whole)
    assert (broken / "train.jsonl").read_bytes() == (whole / "train.jsonl").read_bytes()
    said = json.loads((broken / "manifest.json").read_text())["payments"]
    assert said["killed"] == len(killed)
    print(kills, len(killed), server.counts, said)


class Gated(Teacher):
    """Answers when the gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def chat(self, messages, sampling):
        self.gate.wait(120)
        return super().chat(messages, sampling)


@pytest.mark.parametrize("role", ["teacher", "judge"])
def test_what_was_under_way_at_a_kill_counts_against_the_cap_of_the_next_process(
    idiolect, start, data, tmp_path, log, role
):
    run, backend = tmp_path / "run", Gated()
    with running(LabServer({"lab-teacher": backend})) as server:
        model = f"openai:lab-teacher@{server.url}"
        flags = {
            "teacher": ("--strategies", "reference,teacher", "--teacher", model),
            "judge": (
                *("--strategies", "reference", "--verifier", "judge", "--judge", model),
                *("--set", "judge.max_new_tokens=200"),
            ),
        }
        words = ("build", data, "-n", 6, "--target", "lab:amber", "--quiet", "-o", run, "--json")
        words = (*words, "--set", PRICES, "--set", "teacher.max_new_tokens=300", *flags[role])

        def bill() -> float:
            return server.counts.prompt_tokens * IN + server.counts.completion_tokens * OUT

        cap = {"teacher": 0.0035, "judge": 0.006}[role]
        process = start(*words, "--max-cost", cap, log=log)
        while server.counts.requests < 2 and process.is_alive():
            time.sleep(0.01)
        time.sleep(0.1)
        process.kill()
        process.join()
        sent = rows(run, Payment)
        assert 2 <= len(sent) < 6
        assert {payment.state for payment in sent} == {"sent"}
        assert sum(payment.worst_usd for payment in sent) <= cap
        # The server goes on and bills what nobody waits for any more.
        backend.gate.set()

        same = idiolect(*words, "--max-cost", cap)
        assert same.code == 2, same.err
        assert 0 < bill() <= cap
        (named,) = [note for note in same.data["notes"] if "when the process was killed" in note]
        assert named.startswith(f"{len(sent)} requests that no answer arrived for")
        assert named.endswith("may have been billed")
        payments = rows(run, Payment)
        spent = sum(p.worst_usd if p.paid_usd is None else p.paid_usd for p in payments)
        assert bill() <= spent <= cap

        more = idiolect(*words, "--max-cost", 1)
        assert more.code == 0, more.err
        assert sum(p.state == "killed" for p in rows(run, Payment)) == len(sent)
        assert server.counts.billed == len(rows(run, Payment))
