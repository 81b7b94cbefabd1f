import os
import time

import pytest

from idiolect.errors import MissingExtra
from idiolect.records import Example
from idiolect.verification.maths import Maths
from idiolect.verification.workers import WorkerFailure, WorkerPool

ECHO = """
import json, os, sys, time
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    if job["do"] == "sleep":
        time.sleep(60)
    if job["do"] == "die":
        os._exit(7)
    if job["do"] == "flood":
        print("x" * 5_000_000)
    print(json.dumps({"pid": os.getpid(), "echo": job["do"]}), flush=True)
"""


@pytest.fixture
def pool(tmp_path, monkeypatch):
    (tmp_path / "echo_worker.py").write_text(ECHO)
    monkeypatch.syspath_prepend(str(tmp_path))
    pool = WorkerPool("echo_worker", size=1, timeout_s=0.5)
    yield pool
    pool.close()


def test_a_late_job_is_a_timeout_and_the_pool_goes_on(pool):
    began = time.monotonic()
    first, late, last = pool.map([{"do": "a"}, {"do": "sleep"}, {"do": "b"}])
    assert first["echo"] == "a"
    assert isinstance(late, WorkerFailure)
    assert str(late) == "timeout: no result within 0.5 s"
    assert last["echo"] == "b"
    assert last["pid"] != first["pid"]
    assert time.monotonic() - began < 5
    assert not os.path.exists(f"/proc/{first['pid']}")


@pytest.mark.parametrize("end", ["die", "flood"])
def test_a_process_that_ends_or_floods_loses_only_its_own_job(pool, end):
    first, failed, last = pool.map([{"do": "a"}, {"do": end}, {"do": "b"}])
    assert first["echo"] == "a"
    assert isinstance(failed, WorkerFailure)
    assert last["echo"] == "b"


def test_a_maths_expression_that_takes_for_ever_is_an_error_and_the_pool_goes_on():
    pytest.importorskip("math_verify")
    verifier = Maths(timeout_s=2.0, workers=1)
    example = Example(id="x", messages=(), answer="x^2+1")
    endless, fine = verifier.check(
        [(example, "Final Answer: $9^{9^{9^{9}}}$"), (example, "Final Answer: $1 + x^2$")]
    )
    assert (endless.status, endless.detail) == ("error", "timeout: no result within 2 s")
    assert fine.status == "correct"
    verifier.close()


def test_without_math_verify_the_install_line_is_shown(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"idiolect\[maths\]"):
        Maths()
