import csv
import datetime
import json

import pytest

import idiolect
from idiolect.config import DataConfig
from idiolect.data.read import Dataset, read, read_dataset
from idiolect.errors import DataError
from idiolect.records import CodeTests, Example


def write(folder, rows, name="data.jsonl"):
    path = folder / name
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def dataset(path, **options) -> Dataset:
    return read_dataset(DataConfig(path=str(path), **options))


def turns(example: Example) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in example.messages]


CHAT = [{"role": "system", "content": "S"}, {"role": "user", "content": "P"}]
ANSWERED = [*CHAT, {"role": "assistant", "content": "R"}]

# Layout, row, expected turns; every one has the reference "R".
LAYOUT_ROWS = [
    ("messages", {"messages": ANSWERED}, [("system", "S"), ("user", "P")]),
    (
        "sharegpt",
        {
            "conversations": [{"from": "human", "value": "P"}, {"from": "gpt", "value": "R"}],
            "system": "S",
        },
        [("system", "S"), ("user", "P")],
    ),
    ("prompt-completion", {"prompt": "P", "completion": "R"}, [("user", "P")]),
    (
        "prompt-completion",
        {"prompt": CHAT, "completion": ANSWERED[-1:]},
        [("system", "S"), ("user", "P")],
    ),
    (
        "alpaca",
        {"instruction": "P", "input": "I", "output": "R", "history": [["Q", "A"]]},
        [("user", "Q"), ("assistant", "A"), ("user", "P\n\nI")],
    ),
    ("alpaca", {"instruction": "P", "input": "", "output": "R"}, [("user", "P")]),
    ("question-reference", {"question": "P", "reference": "R"}, [("user", "P")]),
    ("problem-solution", {"problem": "P", "solution": "R"}, [("user", "P")]),
    ("question-answer", {"question": "P", "answer": "R"}, [("user", "P")]),
    ("prompt-reference", {"prompt": "P", "reference": "R"}, [("user", "P")]),
]


@pytest.mark.parametrize(("layout", "row", "expected"), LAYOUT_ROWS)
def test_each_layout_is_detected_and_read(tmp_path, layout, row, expected):
    data = dataset(write(tmp_path, [row]))
    assert data.layout == layout
    assert data.mapping[0].startswith(f"{layout}: prompt <- ")
    assert [turns(e) for e in data.examples] == [expected]
    assert data.examples[0].reference == "R"
    assert not data.problems


def test_a_conversation_that_ends_with_the_user_has_no_reference(tmp_path):
    (example,) = read(write(tmp_path, [{"messages": CHAT}]))
    assert example.reference is None
    assert turns(example) == [("system", "S"), ("user", "P")]


def test_only_the_last_assistant_turn_is_the_reference(tmp_path):
    messages = [*ANSWERED, {"role": "user", "content": "P2"}, {"role": "assistant", "content": "Z"}]
    (example,) = read(write(tmp_path, [{"messages": messages}]))
    assert example.reference == "Z"
    assert turns(example)[-1] == ("user", "P2")
    assert ("assistant", "R") in turns(example)


def test_what_an_answer_is_checked_against_is_read_too(tmp_path):
    row = {
        "id": 7,
        "question": "P",
        "reference": "R",
        "answer": 72,
        "choices": {"label": ["A", "B"], "text": ["red", "blue"]},
        "test_list": ["assert f() == 1"],
        "test_setup_code": "import math",
        "entry_point": "f",
        "responses": {"gpt4": "X", "empty": None},
        "source": "somewhere",
    }
    (example,) = read(write(tmp_path, [row]))
    assert example.id == "7"
    assert example.answer == "72"
    assert example.choices == ("red", "blue")
    assert example.tests == CodeTests(
        tests=("assert f() == 1",), setup="import math", entry_point="f"
    )
    assert example.responses == {"gpt4": "X"}
    assert example.metadata == {"source": "somewhere"}


def test_the_answer_of_gsm8k_as_published_stands_behind_four_hashes(tmp_path):
    row = {"question": "P", "answer": "48 / 2 = 24\n#### 72"}
    (example,) = read(write(tmp_path, [row]))
    assert example.reference == "48 / 2 = 24\n#### 72"
    assert example.answer == "72"


def test_a_final_answer_beside_question_and_answer_is_what_is_checked(tmp_path):
    row = {"question": "P", "answer": "It is 72.", "final_answer": "72"}
    (example,) = read(write(tmp_path, [row]))
    assert example.reference == "It is 72."
    assert example.answer == "72"


def test_columns_override_the_mapping(tmp_path):
    path = write(tmp_path, [{"q": "P", "gold": "R", "n": "72"}])
    data = dataset(path, columns={"prompt": "q", "reference": "gold", "answer": "n"})
    (example,) = data.examples
    assert (turns(example), example.reference, example.answer) == ([("user", "P")], "R", "72")
    assert "prompt <- q (--columns)" in data.mapping


@pytest.mark.parametrize("columns", [{"prompt": "q"}, {"prompt": "q", "reference": "reference"}])
def test_naming_the_prompt_by_hand_does_not_lose_reference_and_answer(tmp_path, columns):
    path = write(tmp_path, [{"q": "P", "question": "other", "reference": "R", "answer": "72"}])
    (example,) = dataset(path, columns=columns).examples
    assert (turns(example), example.reference, example.answer) == ([("user", "P")], "R", "72")


def test_a_completion_is_kept_when_only_the_prompt_is_named_by_hand(tmp_path):
    path = write(tmp_path, [{"q": "P", "prompt": "other", "completion": "R"}])
    (example,) = dataset(path, columns={"prompt": "q"}).examples
    assert (turns(example), example.reference) == ([("user", "P")], "R")


def test_an_unknown_field_of_columns_names_the_nearest(tmp_path):
    path = write(tmp_path, [{"q": "P"}])
    with pytest.raises(DataError, match="unknown field 'promt'; did you mean 'prompt'"):
        dataset(path, columns={"promt": "q"})


def test_a_column_that_the_data_lacks_names_the_nearest(tmp_path):
    path = write(tmp_path, [{"question": "P"}])
    with pytest.raises(DataError, match="no column 'qestion'; did you mean 'question'") as caught:
        dataset(path, columns={"prompt": "qestion"})
    assert str(path) in str(caught.value)


def test_columns_that_no_layout_fits_are_shown_with_the_layouts(tmp_path):
    path = write(tmp_path, [{"frage": "P", "antwort": "R"}])
    with pytest.raises(DataError, match="found the columns frage, antwort, expected one of"):
        dataset(path)


CSV_ROWS = [{"question": "P", "answer": "R"}, {"question": 'two\nlines, "q"', "answer": "é"}]


def as_csv(path):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["question", "answer"])
        writer.writeheader()
        writer.writerows(CSV_ROWS)


def as_json(path):
    path.write_text(json.dumps(CSV_ROWS), encoding="utf-8")


def as_jsonl(path):
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in CSV_ROWS))


def as_jsonl_with_bom(path):
    text = "\n\n".join(json.dumps(row) for row in CSV_ROWS)
    path.write_text(text + "\n\n", encoding="utf-8-sig")


def as_parquet(path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    parquet.write_table(pyarrow.Table.from_pylist(CSV_ROWS), path)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("data.csv", as_csv),
        ("data.json", as_json),
        ("data.jsonl", as_jsonl),
        ("data.ndjson", as_jsonl_with_bom),
        ("data.parquet", as_parquet),
        ("DATA.JSONL", as_jsonl),
    ],
)
def test_the_same_rows_are_read_from_every_format(tmp_path, name, save):
    path = tmp_path / name
    save(path)
    examples = read(path)
    assert [turns(e)[0][1] for e in examples] == ["P", 'two\nlines, "q"']
    assert [e.reference for e in examples] == ["R", "é"]


def test_a_folder_is_read_through_datasets(tmp_path):
    pytest.importorskip("datasets")
    write(tmp_path, CSV_ROWS, "train.jsonl")
    data = dataset(tmp_path)
    assert [e.reference for e in data.examples] == ["R", "é"]
    assert data.layout == "question-answer"


@pytest.mark.parametrize("extra", [{}, {"broken": "{"}])
def test_a_limit_takes_the_first_rows_only(tmp_path, extra):
    path = write(tmp_path, [{"question": str(n), "answer": "R"} for n in range(5)])
    assert [turns(e)[0][1] for e in read(path, limit=2)] == ["0", "1"]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_an_error(tmp_path, limit):
    path = write(tmp_path, [{"question": "P", "answer": "R"}])
    with pytest.raises(DataError, match=f"data.limit: found {limit}, expected at least 1"):
        read(path, limit=limit)


BAD_ROWS = [
    ('{"question": "P", "answer": ', "not valid JSON"),
    ("[1, 2]", "found list, expected an object"),
    ('"text"', "found str, expected an object"),
    ({"answer": "R"}, "field 'question': found nothing, expected a prompt"),
    ({"question": None, "answer": "R"}, "field 'question': found nothing, expected a prompt"),
    ({"question": "  ", "answer": "R"}, "field 'question': found no user turn with text"),
    ({"question": ["P"], "answer": "R"}, "field 'question': found list, expected text"),
    ({"question": "P", "answer": {"a": 1}}, "field 'answer': found dict, expected text"),
    ({"question": "\ud800", "answer": "R"}, "half of a surrogate pair"),
    ({"question": "P", "answer": "R", "note": ["\udfff"]}, "half of a surrogate pair"),
    ({"question": "P", "answer": "R", "id": "\ud800"}, "half of a surrogate pair"),
    ({"question": "P", "answer": "R", "choices": "A"}, "field 'choices': found str"),
    ({"question": "P", "answer": "R", "responses": ["x"]}, "field 'responses': found list"),
    ({"question": "P", "answer": "R", "id": "twice"}, "field 'id': found 'twice'"),
]


@pytest.mark.parametrize(("row", "found"), BAD_ROWS)
def test_a_bad_row_is_named_with_its_place_and_the_others_are_read(tmp_path, row, found):
    good = [
        {"question": "P1", "answer": "R1", "id": "twice"},
        {"question": "P2", "answer": "R2", "id": "other"},
    ]
    path = write(tmp_path, [good[0], row, good[1]])
    data = dataset(path)
    assert [e.reference for e in data.examples] == ["R1", "R2"]
    (problem,) = data.problems
    assert problem.message.startswith(f"{path}:2: ")
    assert found in problem.message
    assert problem.message.endswith(("the row", "the line", "of its own"))


def test_a_line_that_is_not_utf8_does_not_hide_the_others(tmp_path):
    path = tmp_path / "data.jsonl"
    good = json.dumps({"question": "P", "answer": "R"}).encode()
    path.write_bytes(good + b'\n{"question": "caf\xe9", "answer": "R"}\n' + good + b"\n")
    data = dataset(path)
    assert len(data.examples) == 2
    assert [p.message for p in data.problems] == [
        f"{path}:2: not UTF-8 (invalid continuation byte); re-encode the file"
    ]


BAD_TURNS = [
    ("P", "field 'messages': found text that is not JSON, expected a list of turns"),
    ({"role": "user"}, "field 'messages': found dict, expected a list of turns"),
    (["P"], "field 'messages[0]': found str, expected an object with 'role' and 'content'"),
    ([{"role": "boss", "content": "P"}], "field 'messages[0].role': found 'boss', expected"),
    ([{"role": "user", "content": None}], "field 'content': found nothing, expected text"),
    ([{"role": "assistant", "content": "R"}], "found no user turn with text"),
    ([{"role": ["user"], "content": "P"}], "field 'messages[0].role': found ['user'], expected"),
    (
        [{"role": "user", "content": "P"}, {"role": "system", "content": "S"}],
        "a prompt that ends with a system turn",
    ),
    (
        [{"role": "user", "content": "P"}, {"role": "assistant", "tool_calls": [1]}],
        "field 'messages[1].tool_calls': found tool calls",
    ),
]


@pytest.mark.parametrize(("messages", "found"), BAD_TURNS)
def test_a_bad_turn_is_named_with_its_index(tmp_path, messages, found):
    path = write(tmp_path, [{"messages": CHAT}, {"messages": messages}])
    (problem,) = dataset(path).problems
    assert problem.message.startswith(f"{path}:2: ")
    assert found in problem.message


def test_from_python_a_bad_row_is_an_error_that_counts_the_others(tmp_path):
    rows = [{"question": "P", "answer": "R"}, {"answer": "R"}, "{", "["]
    with pytest.raises(DataError, match=r"data\.jsonl:3: .* \(and 2 more rows\)"):
        idiolect.read(write(tmp_path, rows))


def test_equal_rows_get_ids_that_differ_and_stay(tmp_path):
    path = write(tmp_path, [{"question": "P", "answer": "R"}] * 3)
    first, second, third = (e.id for e in read(path))
    assert len({first, second, third}) == 3
    assert [e.id for e in read(path)] == [first, second, third]
    assert second == f"{first}-2"


def test_an_id_does_not_depend_on_the_place_of_the_row(tmp_path):
    rows = [{"question": "A", "answer": "R"}, {"question": "B", "answer": "R"}]
    forward = {turns(e)[0][1]: e.id for e in read(write(tmp_path, rows, "a.jsonl"))}
    backward = {turns(e)[0][1]: e.id for e in read(write(tmp_path, rows[::-1], "b.jsonl"))}
    assert forward == backward


def test_the_second_of_two_equal_ids_is_a_problem_that_names_the_first(tmp_path):
    path = write(tmp_path, [{"id": "x", "question": q, "answer": "R"} for q in ("A", "B")])
    data = dataset(path)
    assert [e.id for e in data.examples] == ["x"]
    assert f"found 'x', which {path}:1 has already" in data.problems[0].message


@pytest.mark.parametrize("content", ["", "\n\n", "[]"])
def test_a_file_without_rows_is_an_error(tmp_path, content):
    path = tmp_path / ("data.json" if content == "[]" else "data.jsonl")
    path.write_text(content)
    with pytest.raises(DataError, match="holds no rows; check the file"):
        read(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.json", b"{", "not valid JSON"),
        ("data.json", b'{"a": 1}', "found dict, expected a list of rows"),
        ("data.json", b"\xff\xfe", "not valid JSON"),
        ("data.parquet", b"not parquet", "not a Parquet file"),
        ("data.xlsx", b"", "found the ending '.xlsx', expected one of .jsonl"),
        ("data.csv", b"question,answer\ncaf\xe9,R\n", "not UTF-8"),
        ("data.csv", b'question,answer\n"' + b"x" * 200_000 + b'",R\n', None),
        ("data.csv", b"question,answer\na\x00b,R\n", None),
    ],
)
def test_a_file_that_can_not_be_read_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    if message is None:  # unusual, but readable
        assert len(read(path)) == 1
        return
    with pytest.raises(DataError, match="^" + str(path)) as caught:
        read(path)
    assert message in str(caught.value)


def test_a_csv_row_with_too_many_values_is_a_problem(tmp_path):
    path = write(tmp_path, ["question,answer", "P,R", "P,R,extra"], "data.csv")
    data = dataset(path)
    assert len(data.examples) == 1
    assert "found more values than the 2 columns" in data.problems[0].message


@pytest.mark.parametrize("name", ["none.jsonl", "some/none.csv", "none"])
def test_a_missing_file_is_named(name):
    with pytest.raises(DataError, match=f"{name}: there is no such file; check the path"):
        read(name)


def test_a_hub_id_that_does_not_exist_is_an_error_that_says_both():
    pytest.importorskip("datasets")
    with pytest.raises(DataError, match="nobody/nothing: no such file, and it could not be loaded"):
        read("nobody/nothing")


def test_no_source_at_all_is_an_error():
    with pytest.raises(DataError, match="no data was given"):
        read_dataset(DataConfig())


def test_metadata_that_json_does_not_know_is_kept_as_text(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    row = {"question": "P", "answer": "R", "day": datetime.date(2024, 2, 29), "raw": b"\xff"}
    path = tmp_path / "data.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([row]), path)
    data = dataset(path)
    assert data.examples[0].metadata["day"] == "2024-02-29"
    assert data.fingerprint  # it is made from all fields


def test_the_fingerprint_changes_with_any_field(tmp_path):
    row = {"id": "x", "question": "P", "answer": "R"}
    before = dataset(write(tmp_path, [row])).fingerprint
    assert dataset(write(tmp_path, [row])).fingerprint == before
    for changed in ({"answer": "S"}, {"question": "Q"}, {"note": 1}):
        assert dataset(write(tmp_path, [row | changed])).fingerprint != before
