from hypothesis import given
from hypothesis import strategies as st

from idiolect.pipeline.accent import accent, phrase_counts, word_surprisals
from idiolect.records import TokenScores


def scores(name: str, *tokens: tuple[str, float]) -> TokenScores:
    return TokenScores(
        candidate_id=name,
        pieces=tuple(piece for piece, _ in tokens),
        nlls=tuple(nll for _, nll in tokens),
        ranks=None,
    )


def test_a_word_has_the_sum_of_its_tokens():
    response = scores("c", ("Fur", 3.0), ("ther", 0.5), ("more", 0.25), (" we", 1.0), (" go", 0.5))
    assert word_surprisals(response) == [("Furthermore", 3.75), ("we", 1.0), ("go", 0.5)]


def test_white_space_belongs_to_the_word_behind_it_and_at_the_end_to_the_last():
    response = scores("c", ("a", 1.0), ("\n\n", 0.5), ("b", 2.0), ("\n", 0.25))
    assert word_surprisals(response) == [("a", 1.0), ("b", 2.75)]


def test_a_text_without_words_has_no_surprisal():
    assert word_surprisals(scores("c", ("\n", 1.0), (" ", 1.0))) == []


def test_a_phrase_has_its_mean_over_words_and_occurrences_and_its_worst_response():
    responses = [
        scores("c1", ("Sure", 6.0), (" thing", 2.0), (" 1", 0.1)),
        scores("c2", ("Sure", 8.0), (" thing", 2.0), (" 22", 0.1)),
        scores("c3", ("Sure", 4.0), (" thing", 2.0), (" 3.5", 0.1)),
    ]
    first, second = accent(responses)
    assert (first.text, first.occurrences, first.responses) == ("Sure", 3, 3)
    assert first.nats_per_word == 6.0
    assert first.candidate_id == "c2"
    # Every phrase with `Sure` in it says less than `Sure` alone; `thing` does not hold it.
    assert (second.text, second.nats_per_word) == ("thing", 2.0)


def test_numbers_make_one_phrase_and_no_phrase_by_themselves():
    responses = [scores(f"c{i}", (f"{i}", 9.0), (" pens", 5.0)) for i in range(3)]
    assert [(p.text, p.nats_per_word) for p in accent(responses)] == [("# pens", 7.0)]


def test_what_two_responses_say_is_no_accent():
    assert accent([scores("c1", ("Hi", 9.0)), scores("c2", ("Hi", 9.0))]) == ()


def test_what_does_not_surprise_is_no_accent():
    assert accent([scores(f"c{i}", ("Hi", 0.99)) for i in range(5)]) == ()


def test_phrases_are_counted_in_other_texts_with_their_numbers_aside():
    # `pens,` is another word than `pens`.
    texts = ["7 pens cost 3", "3 pens, 4 pens and 5 pens"]
    assert phrase_counts(texts, ["# pens", "cost"]) == {"# pens": 3, "cost": 1}


@given(st.lists(st.tuples(st.text(max_size=4), st.floats(0, 20)), max_size=20))
def test_no_nat_is_lost_between_tokens_and_words(tokens):
    response = scores("c", *tokens)
    words = word_surprisals(response)
    total = sum(nll for _, nll in tokens) if words else 0
    assert abs(sum(value for _, value in words) - total) < 1e-6
