import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idiolect.familiarity import MEASURES, Measured, edit_distance, summarise_perplexity
from idiolect.familiarity.local import step_spans
from idiolect.records import Measurement


def measurement(
    nll: float,
    tokens: int,
    *,
    bytes: int = 10,
    rank_sum: int | None = 6,
    context="prompt",
    **sums,
):
    return Measurement(
        **sums,
        candidate_id="c",
        context=context,
        nll=nll,
        tokens=tokens,
        bytes=bytes,
        rank_sum=rank_sum,
        terminator_nll=5.0,
        path="plain",
    )


MEASURED = Measured(
    prompt=measurement(6.0, 3, bytes=12, rank_sum=1004, clipped_rank_sum=108),  # 1000, 3 and 1
    none=measurement(9.0, 3, context="none"),
    local=measurement(7.0, 3, context="local", step_nll_sum=5.0, steps=2),
    self_aligned=(
        measurement(3.0, 3, context="self-aligned-0"),
        measurement(4.5, 3, context="self-aligned-1"),
    ),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean-nll", 2.0),  # 6 / 3
        ("perplexity", math.e**2),
        ("bits-per-byte", 0.5 / math.log(2)),  # 6 / (12 ln 2)
        ("ifd", 2 / 3),  # (6 / 3) / (9 / 3)
        ("mean-rank", 1004 / 3),
        ("rank-surprisal", 18.0),  # (108 / 3) / (6 / 3)
        ("local", 2.5),  # two steps, e.g. one token of 3 nats and two of 2 nats each
        ("self-aligned", math.exp(1.25)),  # (3 / 3 + 4.5 / 3) / 2
        ("length", 3.0),
    ],
)
def test_a_measure_is_the_number_that_a_hand_computes(name, value):
    assert MEASURES[name].value(MEASURED) == pytest.approx(value, rel=1e-15)


def test_a_certain_response_has_perplexity_one_and_zero_bits():
    certain = Measured(prompt=measurement(0.0, 4))
    assert MEASURES["perplexity"].value(certain) == 1.0
    assert MEASURES["bits-per-byte"].value(certain) == 0.0


def test_one_bit_a_byte_is_one_bit_a_byte():
    assert MEASURES["bits-per-byte"].value(
        Measured(prompt=measurement(8 * math.log(2), 3, bytes=8))
    ) == pytest.approx(1.0)


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_knows_its_name_its_direction_and_what_it_needs(name):
    measure = MEASURES[name]
    assert measure.name == name
    assert measure.familiar in ("lower", "higher", "neither")
    assert "prompt" in measure.needs


def test_no_measure_looks_at_the_end_of_turn():
    other = dataclasses.replace(MEASURED.prompt, terminator_nll=None)
    for measure in MEASURES.values():
        changed = dataclasses.replace(MEASURED, prompt=other)
        assert measure.value(changed) == measure.value(MEASURED)


def test_ifd_without_the_unconditional_score_is_an_error_that_names_the_candidate():
    with pytest.raises(ValueError, match="ifd of c: it was not scored without its prompt"):
        MEASURES["ifd"].value(Measured(prompt=MEASURED.prompt))


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("a b c", "a b c", 0.0),
        ("a b c d", "a x c d", 0.25),
        ("a b", "a b c d", 0.5),
        ("a b", "c d", 1.0),
        ("", "", 0.0),
        ("", "a", 1.0),
        ("a  b\n", "a b", 0.0),  # by words: white space does not count
    ],
)
def test_edit_distance_is_the_share_of_words_that_differ(first, second, distance):
    assert edit_distance(first, second) == distance
    assert edit_distance(second, first) == distance


def test_rows_are_aggregated_geometrically_and_tokens_together_for_the_corpus():
    rows = [measurement(1.0, 1), measurement(9.0, 3), measurement(4.0, 2)]  # 1, 3, 2 nats
    summary = summarise_perplexity(rows, lambda logs: (logs.min(), logs.max()))
    assert summary.n == 3
    assert summary.mean == pytest.approx(math.exp(2.0))
    assert summary.median == pytest.approx(math.exp(2.0))
    assert summary.p95 == pytest.approx(math.exp(2.9))  # linear between 2 and 3
    assert summary.corpus == pytest.approx(math.exp(14 / 6))
    assert summary.interval == pytest.approx((math.e, math.exp(3)))


def test_a_summary_of_no_rows_is_an_error_and_no_nan():
    with pytest.raises(ValueError, match="a summary of no rows"):
        summarise_perplexity([], lambda logs: (0.0, 0.0))


def test_a_mean_rank_without_ranks_is_an_error_and_is_known_to_be_undefined():
    unknown = Measured(prompt=measurement(6.0, 3, rank_sum=None))
    assert not MEASURES["mean-rank"].is_defined(unknown)
    assert MEASURES["perplexity"].is_defined(unknown)
    with pytest.raises(ValueError, match="tells no token ranks"):
        MEASURES["mean-rank"].value(unknown)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("local", "local of c: its steps were not scored"),
        ("self-aligned", "self-aligned of c: it was not scored behind own answers"),
        ("rank-surprisal", "rank-surprisal of c: plain tells no token ranks"),
    ],
)
def test_a_measure_without_what_it_needs_is_undefined_and_an_error_never_another_number(
    name, reason
):
    bare = Measured(prompt=measurement(6.0, 3, rank_sum=None))
    assert not MEASURES[name].is_defined(bare)
    with pytest.raises(ValueError, match=reason):
        MEASURES[name].value(bare)


def test_a_certain_response_has_an_infinite_rank_surprisal_ratio():
    certain = Measured(prompt=measurement(0.0, 4, clipped_rank_sum=4))
    assert MEASURES["rank-surprisal"].value(certain) == math.inf


ROWS = (
    MEASURED,
    Measured(
        prompt=measurement(8.0, 2, clipped_rank_sum=20),
        self_aligned=(measurement(6.0, 2), measurement(8.0, 2)),
    ),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean-nll", 3.0),  # 2 and 4
        ("perplexity", math.exp(3.0)),  # geometric
        ("self-aligned", math.exp((1.25 + 3.5) / 2)),  # geometric
        ("rank-surprisal", (36 + 10) / (2 + 4)),  # a ratio of means, as the authors' code has it
        ("length", 2.5),
    ],
)
def test_rows_are_put_together_as_the_measure_says(name, value):
    assert MEASURES[name].over(ROWS) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("pieces", "spans"),
    [
        ((), []),
        (("One",), [(0, 1)]),
        (("One", ".", " Two", ".", " Three"), [(0, 2), (2, 4), (4, 5)]),
        (("One", ".\n", "\n", "Two", "!"), [(0, 3), (3, 5)]),
        (("3", ".", "5", " km", ".", " Yes", "?\n"), [(0, 5), (5, 7)]),
        (("1", ".", " Add", ".\n", "2", ".", " Stop", "."), [(0, 4), (4, 8)]),
        (("(", "So", ".)", " Then", "..."), [(0, 3), (3, 5)]),
        # One token across the end of a step belongs to the step that it begins in.
        (("A", ".\nB", " C"), [(0, 2), (2, 3)]),
        (("\n", "\n", "A", "\n"), [(0, 4)]),
        (("", "é", ".", "", " ü"), [(0, 3), (3, 5)]),
    ],
)
def test_steps_are_sentences_and_lines_cut_between_tokens(pieces, spans):
    assert step_spans(pieces) == spans


@given(st.lists(st.text(alphabet="a.!? \n1", max_size=4), max_size=30))
def test_every_token_is_in_exactly_one_step(pieces):
    spans = step_spans(pieces)
    assert [n for start, stop in spans for n in range(start, stop)] == list(range(len(pieces)))
