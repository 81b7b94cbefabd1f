import json
import time
from datetime import datetime

import pytest

from idiolect.errors import StorageError
from idiolect.runs.manifest import write_atomically, write_manifest


def test_wall_time_adds_up_and_the_beginning_stays(tmp_path):
    path = tmp_path / "manifest.json"
    write_manifest(path, {"seed": 1}, seconds=2.04)
    first = json.loads(path.read_text())
    write_manifest(path, {"seed": 1}, seconds=3.0)
    second = json.loads(path.read_text())
    assert first["wall_seconds"] == 2.0
    assert second["wall_seconds"] == 5.0
    assert second["began"] == first["began"]
    assert second["seed"] == 1
    assert "torch" in second["versions"]
    assert second["hardware"]["threads"] >= 1


def test_a_run_began_when_its_work_did_and_not_when_it_was_written_down(tmp_path):
    before = time.time()
    write_manifest(tmp_path / "manifest.json", {}, seconds=3600.0)
    began = json.loads((tmp_path / "manifest.json").read_text())["began"]
    stamp = datetime.strptime(began, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    assert before - 3601 <= stamp <= time.time() - 3600


def test_a_broken_manifest_is_replaced(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text("{")
    write_manifest(path, {}, seconds=1.0)
    assert json.loads(path.read_text())["wall_seconds"] == 1.0


def test_a_file_is_replaced_as_a_whole_and_no_part_is_left(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_file_that_can_not_be_written_is_an_error_that_names_it(tmp_path):
    with pytest.raises(StorageError, match=f"^{tmp_path}: cannot be written"):
        write_atomically(tmp_path, "text")
