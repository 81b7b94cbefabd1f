import math

import pytest

from idiolect.familiarity import MEASURES, Measured, edit_distance, summarise_perplexity
from idiolect.records import Measurement


def measurement(
    nll: float, tokens: int, *, bytes: int = 10, rank_sum: int | None = 6, context="prompt"
):
    return Measurement(
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
    prompt=measurement(6.0, 3, bytes=12, rank_sum=9),
    none=measurement(9.0, 3, context="none"),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean-nll", 2.0),  # 6 / 3
        ("perplexity", math.e**2),
        ("bits-per-byte", 0.5 / math.log(2)),  # 6 / (12 ln 2)
        ("ifd", 2 / 3),  # (6 / 3) / (9 / 3)
        ("mean-rank", 3.0),  # 9 / 3
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
    other = Measurement(
        **{f: getattr(MEASURED.prompt, f) for f in MEASURED.prompt.__slots__}
        | {"terminator_nll": None}
    )
    for measure in MEASURES.values():
        assert measure.value(Measured(prompt=other, none=MEASURED.none)) == measure.value(MEASURED)


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
