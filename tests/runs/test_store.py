import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from idiolect.errors import RunError, StorageError
from idiolect.records import Candidate, Choice, Example, Failure, Message
from idiolect.runs import Run, RunReader

IDENTITY = {"target.revision": "a", "seed": 0}
# Holds the run until its standard input ends.
HOLD = (
    "import sys; from idiolect.runs import Run;"
    "run = Run(sys.argv[1], {'seed': 0}); print('held', flush=True); sys.stdin.read()"
)


def example(name: str) -> Example:
    return Example(id=name, messages=(Message(role="user", content="P" * 1000),))


def candidate(name: str, text: str = "") -> Candidate:
    return Candidate(
        id=name, example_id="x", strategy="own", text=text, finish_reason="stop", cost_usd=0.0
    )


@pytest.fixture
def holder(tmp_path):
    """Return a real other process that holds the run `held`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "held")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_rows_are_there_for_another_connection_as_soon_as_they_are_added(tmp_path):
    with Run(tmp_path / "run", IDENTITY) as run:
        run.add(example("x"), candidate("c"))
        with RunReader(run.path) as reader:
            assert reader.all(Example) == [example("x")]
            assert reader.all(Candidate) == [candidate("c")]


def test_the_file_is_in_wal_mode(tmp_path):
    with Run(tmp_path / "run", IDENTITY) as run:
        db = sqlite3.connect(run.path / "run.sqlite")
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        db.close()


def test_rows_come_back_in_the_order_in_which_they_were_written(tmp_path):
    names = ["b", "c", "a"]
    with Run(tmp_path / "run", IDENTITY) as run:
        run.add(*(example(name) for name in names))
    with Run(tmp_path / "run", IDENTITY) as run:
        assert [e.id for e in run.all(Example)] == names


def test_records_that_are_added_together_land_together_or_not_at_all(tmp_path):
    torn = candidate("c2", text="\ud800")  # no file can hold it
    with Run(tmp_path / "run", IDENTITY) as run:
        with pytest.raises(UnicodeEncodeError):
            run.add(candidate("c1"), torn)
        assert run.all(Candidate) == []
        run.add(candidate("c1"))
        assert run.all(Candidate) == [candidate("c1")]


def test_a_record_with_the_key_of_an_older_one_replaces_it(tmp_path):
    with Run(tmp_path / "run", IDENTITY) as run:
        run.add(candidate("c", "old"))
        run.add(candidate("c", "new"))
        assert [c.text for c in run.all(Candidate)] == ["new"]


def test_records_are_deleted_by_the_values_of_their_fields(tmp_path):
    failures = [
        Failure(
            subject_id=f"c{n}",
            example_id="x",
            step="score",
            strategy="own",
            reason="",
            retryable=n == 1,
        )
        for n in range(3)
    ]
    with Run(tmp_path / "run", IDENTITY) as run:
        run.add(*failures)
        assert run.delete(Failure, retryable=1) == 1
        assert run.all(Failure) == [failures[0], failures[2]]
        assert run.delete(Failure) == 2


def test_notes_and_events_are_kept(tmp_path):
    with Run(tmp_path / "run", IDENTITY) as run:
        run.note("key", {"b": [1, None]})
        run.log("warning", "something")
    with Run(tmp_path / "run", IDENTITY) as run:
        assert run.recall("key") == {"b": [1, None]}
        assert run.recall("other", "nothing") == "nothing"


def test_a_finished_run_can_be_opened_again(tmp_path):
    with Run(tmp_path / "run", IDENTITY) as run:
        run.add(example("x"))
    with Run(tmp_path / "run", IDENTITY) as run:
        assert run.all(Example) == [example("x")]


def test_a_changed_input_is_named_with_both_values(tmp_path):
    with Run(tmp_path / "run", IDENTITY):
        pass
    with pytest.raises(RunError) as caught:
        Run(tmp_path / "run", {"target.revision": "b", "seed": 0})
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: resumed run differs in `target.revision` ('a' -> 'b'); "
        "use --fresh to start over, or another --output-dir"
    )


def test_every_difference_is_named_also_of_keys_that_came_or_went(tmp_path):
    with Run(tmp_path / "run", {"a": 1, "b": [1]}):
        pass
    with pytest.raises(RunError, match=re.escape("`a` (1 -> None), `b` ([1] -> [2]), `c` (None")):
        Run(tmp_path / "run", {"b": [2], "c": 0})


def test_a_refused_run_can_be_opened_right_after(tmp_path):
    with Run(tmp_path / "run", IDENTITY):
        pass
    with pytest.raises(RunError):
        Run(tmp_path / "run", {})
    assert not (tmp_path / "run" / "run.holder.json").exists()
    with Run(tmp_path / "run", IDENTITY):
        pass


def test_fresh_forgets_the_rows_and_takes_the_new_identity(tmp_path):
    with Run(tmp_path / "run", IDENTITY) as run:
        run.add(example("x"))
        (run.path / "train.jsonl").write_text("old")
        (run.path / "adapters").mkdir()
    with Run(tmp_path / "run", {"seed": 1}, fresh=True) as run:
        assert run.all(Example) == []
        assert not (run.path / "train.jsonl").exists()
        assert not (run.path / "adapters").exists()
    with Run(tmp_path / "run", {"seed": 1}):
        pass


def test_a_folder_that_is_no_run_is_never_touched_not_even_with_fresh(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(RunError, match="is no run of idiolect"):
            Run(tmp_path, IDENTITY, fresh=fresh)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_can_become_a_run(tmp_path):
    with Run(tmp_path, IDENTITY) as run:
        run.add(example("x"))
    with Run(tmp_path, IDENTITY) as run:
        assert len(run.all(Example)) == 1


def test_a_file_in_the_place_of_the_run_is_an_error(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="is a file, expected a run directory"):
        Run(tmp_path / "run", IDENTITY)


def test_a_second_process_is_told_who_holds_the_run(tmp_path, holder):
    with pytest.raises(RunError) as caught:
        Run(tmp_path / "held", {"seed": 0})
    message = str(caught.value)
    assert f"another process holds this run (process {holder.pid} on " in message
    assert "since " in message
    assert "another --output-dir" in message


def test_a_held_run_can_be_read(tmp_path, holder):
    with RunReader(tmp_path / "held") as reader:
        assert reader.all(Example) == []


def test_fresh_does_not_clear_a_run_that_another_process_holds(tmp_path, holder):
    with pytest.raises(RunError, match="another process holds this run"):
        Run(tmp_path / "held", {"seed": 0}, fresh=True)
    assert (tmp_path / "held" / "run.sqlite").is_file()


def test_the_run_of_a_killed_process_is_free(tmp_path, holder):
    holder.kill()
    holder.wait()
    note = tmp_path / "held" / "run.holder.json"
    assert json.loads(note.read_text())["pid"] == holder.pid  # stale, and ignored
    with Run(tmp_path / "held", {"seed": 0}):
        assert json.loads(note.read_text())["pid"] == os.getpid()
    assert not note.exists()


def test_an_unreadable_note_of_the_holder_is_no_crash(tmp_path, holder):
    (tmp_path / "held" / "run.holder.json").write_text("{")
    with pytest.raises(RunError, match="its holder left no note"):
        Run(tmp_path / "held", {"seed": 0})


def test_a_full_disk_keeps_what_was_written_and_says_what_to_do(tmp_path):
    with Run(tmp_path / "run", IDENTITY) as run:
        run.add(example("x"))
        pages = run._db.execute("PRAGMA page_count").fetchone()[0]
        run._db.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StorageError, match="database or disk is full; what was written") as e:
            run.add(*(example(f"y{n}") for n in range(100)))
        assert "start the same command again" in str(e.value)
        assert run.all(Example) == [example("x")]
    with Run(tmp_path / "run", IDENTITY) as run:  # space was freed
        run.add(example("y"))
        assert [e.id for e in run.all(Example)] == ["x", "y"]


def test_a_run_file_that_is_no_database_is_an_error_that_names_it(tmp_path):
    with Run(tmp_path / "run", IDENTITY):
        pass
    file = tmp_path / "run" / "run.sqlite"
    file.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(StorageError, match=re.escape(f"{file}: file is not a database")):
        Run(tmp_path / "run", IDENTITY)
    with pytest.raises(StorageError, match=re.escape(f"{file}: file is not a database")):
        RunReader(tmp_path / "run").all(Example)
    with Run(tmp_path / "run", IDENTITY, fresh=True) as run:
        assert run.all(Example) == []


def test_a_directory_that_can_not_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        Run(tmp_path / "file" / "run", IDENTITY)


def test_reading_where_there_is_no_run_is_an_error(tmp_path):
    with pytest.raises(RunError, match="there is no run here; name a directory"):
        RunReader(tmp_path / "none")


def test_a_run_that_was_killed_before_its_first_row_reads_as_empty(tmp_path):
    (tmp_path / "run.lock").touch()
    sqlite3.connect(tmp_path / "run.sqlite").close()
    (tmp_path / "run.sqlite").touch()
    with RunReader(tmp_path) as reader:
        assert reader.all(Choice) == []


def test_the_time_of_writing_stands_beside_each_row(tmp_path):
    before = time.time()
    with Run(tmp_path / "run", IDENTITY) as run:
        run.add(example("x"))
        (at,) = run._db.execute("SELECT at FROM examples").fetchone()
    assert before <= at <= time.time()


def test_a_path_with_spaces_and_question_marks_works(tmp_path):
    path = Path(tmp_path / "a run? 100% #1")
    with Run(path, IDENTITY) as run:
        run.add(example("x"))
    with RunReader(path) as reader:
        assert len(reader.all(Example)) == 1
