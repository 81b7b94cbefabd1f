import pytest
from hypothesis import given
from hypothesis import strategies as st

from idiolect.records import Candidate, Measurement, Verdict
from idiolect.selection import Contender, choose

NOISE = 1e-3


def contender(
    name: str,
    status: str | None,
    nll: float | None,
    *,
    tokens: int = 10,
    finish: str = "stop",
    extracted: str | None = None,
    index: int = 0,
    text: str = "T",
    parent: str | None = None,
) -> Contender:
    """Return a contender; `nll` is the mean, and None where there is no score."""
    key = f"{name}-{index}"
    return Contender(
        candidate=Candidate(
            id=key,
            example_id="x",
            strategy=name,
            text=text,
            parent_id=parent,
            finish_reason=finish,
            sample_index=index,
        ),
        verdict=status
        and Verdict(candidate_id=key, verifier="numeric", status=status, extracted=extracted),
        measurement=None
        if nll is None
        else Measurement(
            candidate_id=key,
            context="prompt",
            nll=nll * tokens,
            tokens=tokens,
            bytes=20,
            rank_sum=10,
            terminator_nll=0.1,
            path="plain",
        ),
    )


def reasons(*contenders: Contender, allow_unchecked: bool = True) -> list[str]:
    return [c.reason for c in choose(contenders, noise=NOISE, allow_unchecked=allow_unchecked)]


def winner(*contenders: Contender, allow_unchecked: bool = True) -> str | None:
    choices = choose(contenders, noise=NOISE, allow_unchecked=allow_unchecked)
    chosen = [choice.candidate_id for choice in choices if choice.chosen]
    assert len(chosen) <= 1
    return chosen[0] if chosen else None


def test_the_most_familiar_correct_candidate_is_chosen_and_every_other_has_its_reason():
    assert reasons(
        contender("wrong", "incorrect", 0.1, extracted="41"),
        contender("foreign", "correct", 2.5),
        contender("native", "correct", 1.0),
        contender("mute", "unparsable", 0.2),
        contender("crash", "error", 0.2),
        contender("cut", "correct", 0.3, finish="length"),
        contender("unscored", "correct", None),
        contender("unknown", "unchecked", 0.1),
    ) == [
        "dropped: incorrect, read '41'",
        "kept out: 1.500 nats/token more foreign than native",
        "chosen: the most familiar of 2 correct",
        "dropped: unparsable",
        "dropped: error",
        "dropped: cut off at the token limit",
        "dropped: it has no score",
        "kept out: unchecked, while another candidate is correct",
    ]


def test_within_the_noise_the_shorter_one_wins():
    contenders = (
        contender("long", "correct", 1.0, tokens=20),
        contender("short", "correct", 1.0 + 0.9 * NOISE, tokens=5),
    )
    assert winner(*contenders) == "short-0"
    assert reasons(*contenders) == [
        "kept out: as familiar as short, which is shorter",
        "chosen: tied for the most familiar of 2 correct, and shorter",
    ]


def test_beyond_the_noise_length_does_not_count():
    assert (
        winner(
            contender("long", "correct", 1.0, tokens=20),
            contender("short", "correct", 1.0 + 1.1 * NOISE, tokens=5),
        )
        == "long-0"
    )


def test_equally_long_ties_go_to_the_first_name_then_to_the_first_sample():
    assert (
        winner(
            contender("b", "correct", 1.0),
            contender("a", "correct", 1.0, index=1),
            contender("a", "correct", 1.0, index=0),
        )
        == "a-0"
    )
    assert reasons(contender("b", "correct", 1.0), contender("a", "correct", 1.0)) == [
        "kept out: as familiar as a, which is first by name",
        "chosen: tied for the most familiar of 2 correct, and first by name",
    ]


def test_a_right_own_answer_is_chosen_as_own_and_not_as_the_ladder_that_took_it_over():
    contenders = (
        contender("ladder", "correct", 1.0, parent="minimal-change-0"),
        contender("minimal-change", "correct", 1.0, parent="own-0"),
        contender("own", "correct", 1.0),
    )
    assert winner(*contenders) == "own-0"
    assert reasons(*contenders)[1:] == [
        "kept out: as familiar as own, which is the origin of the same text",
        "chosen: tied for the most familiar of 3 correct, and the origin of the same text",
    ]


def test_a_changed_text_does_not_count_for_the_candidate_that_it_was_made_from():
    assert (
        winner(
            contender("ladder", "correct", 1.0, text="changed", parent="own-0"),
            contender("own", "correct", 1.0),
        )
        == "ladder-0"
    )


def test_what_a_rung_of_the_ladder_wrote_is_chosen_as_the_ladders():
    assert (
        winner(
            contender("ladder", "correct", 1.0, parent="ladder/hinted-0"),
            contender("ladder/hinted", "correct", 1.0),
        )
        == "ladder-0"
    )


def test_a_cut_off_candidate_is_never_chosen_even_where_it_is_alone():
    assert winner(contender("cut", "correct", 0.1, finish="length")) is None
    assert winner(contender("cut", None, 0.1, finish="length")) is None


def test_without_a_verifier_the_most_familiar_one_is_chosen_as_unchecked():
    assert reasons(contender("a", None, 1.0), contender("b", None, 2.0)) == [
        "chosen: the most familiar of 2 unchecked",
        "kept out: 1.000 nats/token more foreign than a",
    ]


def test_unchecked_candidates_can_be_kept_out_altogether():
    contenders = (contender("a", "unchecked", 1.0), contender("b", "incorrect", 1.0))
    assert winner(*contenders, allow_unchecked=False) is None
    assert reasons(*contenders, allow_unchecked=False)[0] == (
        "dropped: there is nothing to check it against"
    )


def test_an_incorrect_candidate_is_not_chosen_where_no_other_is_left():
    assert winner(contender("a", "incorrect", 0.1)) is None


def test_no_contenders_give_no_choices():
    assert choose([], noise=NOISE) == []


CONTENDERS = st.lists(
    st.builds(
        contender,
        st.sampled_from("abc"),
        st.sampled_from([None, "correct", "incorrect", "unparsable", "unchecked", "error"]),
        st.none() | st.floats(0, 5),
        tokens=st.integers(1, 30),
        finish=st.sampled_from(["given", "stop", "length"]),
        index=st.integers(0, 10**6),
    ),
    max_size=8,
    unique_by=lambda c: c.candidate.id,
)


@given(CONTENDERS, st.booleans())
def test_whatever_comes_in_the_choice_is_sound(contenders, allow_unchecked):
    choices = choose(contenders, noise=NOISE, allow_unchecked=allow_unchecked)
    assert [c.candidate_id for c in choices] == [c.candidate.id for c in contenders]
    assert all(choice.reason for choice in choices)
    chosen = [
        contender for contender, choice in zip(contenders, choices, strict=True) if choice.chosen
    ]
    assert len(chosen) <= 1
    usable = [c for c in contenders if c.measurement and c.candidate.finish_reason != "length"]
    correct = [c for c in usable if c.verdict and c.verdict.status == "correct"]
    if correct:
        (best,) = chosen
        assert best in correct
        assert best.mean_nll <= min(c.mean_nll for c in correct) + NOISE
    for contender_ in chosen:
        assert contender_ in usable
        assert contender_.verdict is None or contender_.verdict.status in ("correct", "unchecked")


@given(CONTENDERS, st.randoms())
def test_the_order_of_the_contenders_does_not_change_the_choice(contenders, random):
    shuffled = random.sample(contenders, len(contenders))
    assert winner(*contenders) == winner(*shuffled)


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_without_noise_only_equal_scores_are_ties(noise):
    first, second = contender("b", "correct", 1.0), contender("a", "correct", 1.0 + 1e-6)
    choices = choose([first, second], noise=noise)
    assert [choice.chosen for choice in choices] == [True, False]
