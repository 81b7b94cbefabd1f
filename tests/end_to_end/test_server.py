"""`--server`: the commands over a server give what they give with the weights here."""

import json
import subprocess
import sys

import pytest
from scoring_server import ScoringServer
from tiny import arithmetic_rows, write_jsonl

# A Python in which torch is not installed: nobody finds it.
WITHOUT_TORCH = """
import sys

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *rest):
        return None if name.split(".")[0] == "torch" else self.finder.find_spec(name, *rest)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
"""


@pytest.fixture
def server(load, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-tests")
    started = ScoringServer(load())
    yield started
    started.stop()


@pytest.fixture
def data(tmp_path):
    return write_jsonl(tmp_path / "data.jsonl", arithmetic_rows(3))


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("dialect", ["vllm", "sglang"])
def test_rows_scored_over_a_server_are_those_of_the_weights(
    idiolect, server, data, tiny_model, tmp_path, dialect
):
    server.dialect = dialect
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    common = ["score", data, "--target", tiny_model, "--quiet"]
    assert idiolect(*common, "-o", here, "--output-dir", "runs/here").code == 0
    printed = idiolect(*common, "--server", server.url, "-o", there, "--output-dir", "runs/there")
    assert printed.code == 0, printed.err
    assert f"scoring: server ({dialect}, {server.url}): model tiny" in printed.out
    assert len(rows_of(there)) == 9
    for wanted, row in zip(rows_of(here), rows_of(there), strict=True):
        assert row["nll"] == pytest.approx(wanted["nll"], abs=1e-4)
        assert row["mean_rank"] == (wanted["mean_rank"] if dialect == "vllm" else None)
        assert {k: row[k] for k in ("example_id", "strategy", "tokens", "bytes")} == {
            k: wanted[k] for k in ("example_id", "strategy", "tokens", "bytes")
        }


def test_a_run_over_a_server_records_it_and_not_the_key(
    idiolect, server, data, tiny_model, tmp_path
):
    command = ["audit", data, "--target", tiny_model, "--server", server.url, "-o", "runs/a"]
    assert idiolect(*command, "--quiet").code == 0
    run = tmp_path / "runs" / "a"
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["target"]["server_model"] == "tiny"
    assert manifest["scoring"]["path"] == f"server (vllm, {server.url})"
    assert f"server: {server.url}" in (run / "config.resolved.yaml").read_text()
    for path in run.rglob("*"):
        assert b"sk-secret" not in path.read_bytes()
    assert server.keys == {"Bearer sk-secret-of-the-tests"}


def test_a_finished_run_asks_the_server_for_no_row_again(idiolect, server, data, tiny_model):
    command = ["audit", data, "--target", tiny_model, "--server", server.url, "-o", "runs/a"]
    assert idiolect(*command, "--quiet").code == 0
    server.seen.clear()
    assert idiolect(*command, "--quiet").code == 0
    assert sum(body is not None for _, body in server.seen) == 2  # the probe, twice


def test_a_measure_that_needs_ranks_is_left_out_with_a_warning(idiolect, server, data, tiny_model):
    server.dialect = "sglang"
    printed = idiolect(
        *["audit", data, "--target", tiny_model, "--server", server.url, "-o", "runs/a"],
        *["--measures", "perplexity,mean-rank", "--quiet", "--json"],
    )
    assert printed.code == 0, printed.err
    assert all("mean-rank" not in row["measures"] for row in printed.data["table"])
    assert any("tells no token ranks" in warning for warning in printed.data["warnings"])


def test_own_answers_are_refused_over_a_server_before_it_is_asked(
    idiolect, server, data, tiny_model
):
    printed = idiolect("build", data, "--target", tiny_model, "--server", server.url, "--quiet")
    assert printed.code == 3
    assert "drop it (--strategies reference,column:right,column:wrong)" in printed.err
    assert not server.seen


def test_a_damaged_row_over_a_server_fails_and_can_be_tried_again(
    idiolect, server, data, tiny_model
):
    command = ["audit", data, "--target", tiny_model, "--server", server.url, "-o", "runs/a"]
    rows = iter(range(10**6))
    server.fault = lambda found: found[:-1] if next(rows) == 4 else found
    printed = idiolect(*command, "--quiet", "--json")
    assert printed.code == 1
    assert sum(row["scored"] for row in printed.data["table"]) == 8
    assert any("prompt_logprobs holds" in warning for warning in printed.data["warnings"])
    printed = idiolect(*command, "--quiet", "--json", "--retry-failed")
    assert sum(row["scored"] for row in printed.data["table"]) == 9


def test_scoring_over_a_server_needs_no_torch(server, data, tiny_model, tmp_path):
    command = ["score", data, "--target", tiny_model, "--server", server.url, "--quiet"]
    words = [str(word) for word in [*command, "-o", tmp_path / "scores.jsonl"]]
    program = f"{WITHOUT_TORCH}\nfrom idiolect.cli import main\nsys.exit(main({words!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert len(rows_of(tmp_path / "scores.jsonl")) == 9
