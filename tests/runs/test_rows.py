import math
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idiolect.records import (
    Candidate,
    Choice,
    CodeTests,
    Example,
    Failure,
    Measurement,
    Message,
    Verdict,
)
from idiolect.runs.rows import TABLES, from_row, table_of, to_row

# Text that a file can hold: everything but halves of surrogate pairs.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def optional(strategy):
    return st.none() | strategy


EXAMPLES = st.builds(
    Example,
    id=IDS,
    messages=st.lists(
        st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=TEXT),
        max_size=3,
    ).map(tuple),
    reference=optional(TEXT),
    answer=optional(TEXT),
    choices=optional(st.lists(TEXT, max_size=3).map(tuple)),
    tests=optional(
        st.builds(
            CodeTests,
            tests=st.lists(TEXT, max_size=2).map(tuple),
            setup=TEXT,
            prompt=TEXT,
            entry_point=optional(TEXT),
        )
    ),
    responses=st.dictionaries(TEXT, TEXT, max_size=3),
    metadata=st.dictionaries(TEXT, PLAIN, max_size=3),
)
CANDIDATES = st.builds(
    Candidate,
    id=IDS,
    example_id=IDS,
    strategy=IDS,
    text=TEXT,
    finish_reason=st.sampled_from(["given", "stop", "length"]),
    sample_index=INTEGERS,
    token_ids=optional(st.lists(st.integers(0, 200_000), max_size=5).map(tuple)),
    model=optional(TEXT),
    revision=optional(TEXT),
    prompt_hash=optional(TEXT),
    parent_id=optional(TEXT),
    seed=optional(INTEGERS),
    tokens_in=optional(INTEGERS),
    tokens_out=optional(INTEGERS),
    cost_usd=optional(FLOATS),
)
VERDICTS = st.builds(
    Verdict,
    candidate_id=IDS,
    verifier=IDS,
    status=st.sampled_from(["correct", "incorrect", "unparsable", "unchecked", "error"]),
    extracted=optional(TEXT),
    rule=optional(TEXT),
    detail=optional(TEXT),
)
MEASUREMENTS = st.builds(
    Measurement,
    candidate_id=IDS,
    context=st.sampled_from(["prompt", "none"]),
    nll=FLOATS,
    tokens=INTEGERS,
    bytes=INTEGERS,
    rank_sum=optional(INTEGERS),
    terminator_nll=optional(FLOATS),
    path=TEXT,
)
CHOICES = st.builds(Choice, example_id=IDS, candidate_id=IDS, chosen=st.booleans(), reason=TEXT)
FAILURES = st.builds(
    Failure,
    subject_id=IDS,
    example_id=IDS,
    step=st.sampled_from(["generate", "verify", "score"]),
    strategy=IDS,
    reason=TEXT,
    retryable=st.booleans(),
)


def through_sqlite(record):
    table = table_of(type(record))
    db = sqlite3.connect(":memory:")
    try:
        db.execute(table.schema)
        row = to_row(record)
        marks = ", ".join("?" * len(row))
        db.execute(f'INSERT INTO "{table.name}" VALUES ({marks}, NULL)', row)
        columns = ", ".join(f'"{name}"' for name in table.columns)
        (back,) = db.execute(f'SELECT {columns} FROM "{table.name}"')
    finally:
        db.close()
    return from_row(type(record), back)


@given(EXAMPLES | CANDIDATES | VERDICTS | MEASUREMENTS | CHOICES | FAILURES)
def test_every_record_comes_back_from_sqlite_as_it_went_in(record):
    assert through_sqlite(record) == record


def test_a_nll_keeps_all_its_digits():
    record = Measurement(
        candidate_id="c",
        context="prompt",
        nll=math.pi * 1e5,
        tokens=3,
        bytes=4,
        rank_sum=5,
        terminator_nll=1 / 3,
        path="plain",
    )
    assert through_sqlite(record).nll == math.pi * 1e5
    assert through_sqlite(record).terminator_nll == 1 / 3


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_each_table_has_a_column_for_each_field(table):
    assert table_of(table.kind) is table
    for name in (*table.columns, "at"):
        assert name in table.schema


def test_truth_values_come_back_as_truth_values():
    record = Choice(example_id="x", candidate_id="c", chosen=True, reason="")
    assert through_sqlite(record).chosen is True
