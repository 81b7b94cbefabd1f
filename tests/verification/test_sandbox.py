import runpy
import shutil
import time
from pathlib import Path

import psutil
import pytest

from idiolect.errors import ConfigError
from idiolect.records import CodeTests, Example, Message
from idiolect.verification.code import Code
from idiolect.verification.sandbox import Bubblewrap, Container, Limits, find_sandbox

HOSTILE: list[str] = runpy.run_path(str(Path(__file__).with_name("hostile.py")))["HOSTILE"]
needs_bubblewrap = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is missing")
SQUARE = CodeTests(tests=("assert f(11) == 121",))
QUICK = Limits(wall_s=1.0, cpu_s=1)


def example(tests: CodeTests = SQUARE) -> Example:
    return Example(id="x", messages=(Message(role="user", content="square"),), tests=tests)


def test_nothing_generated_runs_without_confirmation():
    with pytest.raises(ConfigError, match="--confirm-run-unsafe-code"):
        Code()


def test_without_a_sandbox_code_is_refused_with_the_install_line(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match="apt-get install bubblewrap"):
        find_sandbox()


@needs_bubblewrap
@pytest.mark.slow
def test_hostile_programs_never_pass_never_hang_and_leave_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("IDIOLECT_TEST_SECRET", "a key")
    canary = tmp_path / "canary"
    canary.write_text("untouched")
    # Other tests may have helpers of their own running.
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    started = time.monotonic()
    verifier = Code(confirm_run_unsafe_code=True, limits=QUICK)
    findings = verifier.check([(example(), program) for program in HOSTILE])
    seconds = time.monotonic() - started
    assert len(HOSTILE) >= 200
    passed = [p for p, f in zip(HOSTILE, findings, strict=True) if f.status == "correct"]
    assert passed == []
    # Two at a time at least; a second each, and the start of the sandbox.
    assert seconds < len(HOSTILE) * 1.5
    assert canary.read_text() == "untouched"
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


@needs_bubblewrap
def test_the_sandbox_goes_on_after_a_program_that_was_killed():
    verifier = Code(confirm_run_unsafe_code=True, limits=QUICK, workers=1)
    programs = ["def f(x):\n    while True: pass", "def f(x): return x * x"]
    looping, right = verifier.check([(example(), program) for program in programs])
    assert looping.status == "incorrect"
    assert "did not end within 1 s" in (looping.detail or "")
    assert right.status == "correct"


@needs_bubblewrap
def test_a_sandbox_that_does_not_start_is_an_error_and_not_a_wrong_answer(tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho no namespaces here >&2\nexit 1\n")
    broken.chmod(0o755)
    verifier = Code(confirm_run_unsafe_code=True, sandbox=Bubblewrap(str(broken)), limits=QUICK)
    [finding] = verifier.check([(example(), "def f(x): return x * x")])
    assert finding.status == "error"
    assert "no namespaces here" in (finding.detail or "")


def test_a_missing_sandbox_program_is_an_error_and_not_a_wrong_answer():
    verifier = Code(confirm_run_unsafe_code=True, sandbox=Container("no-such-engine"))
    [finding] = verifier.check([(example(), "def f(x): return x * x")])
    assert finding.status == "error"


def test_a_container_gets_no_network_no_rights_and_limits():
    arguments = Container("docker")._arguments("label", Limits())
    text = " ".join(arguments)
    for part in (
        "--network none",
        "--read-only",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--user 65534:65534",
        "--pids-limit 10",
        "--memory 1024m",
        "--pull never",
    ):
        assert part in text
