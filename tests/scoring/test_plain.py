"""The plain scorer against a path of its own: transformers' loss in float64, and counting."""

import copy

import pytest
import torch

from idiolect.records import Message
from idiolect.scoring.base import Score, ScoreFailure, ScoreRequest
from idiolect.scoring.plain import PlainScorer, target_statistics

STYLES = ("chatml", "llama3", "gemma", "qwen3", "mistral")
PAIRS = [
    ("How many apples are left?", "12 - 3 = 9. The answer is 9."),
    ("How many apples are left?", "9"),
    ("Hi", "Let us think step by step. 🙂\n\n" * 4),
    ("Why? " * 20, "Because each step follows from the last."),
    ("The same", "The same"),
]


def request_of(model, prompt: str, response: str, *, complete: bool = True) -> ScoreRequest:
    rendered = model.chat.render((Message(role="user", content=prompt),), response)
    return ScoreRequest(
        prompt_ids=rendered.prompt_ids,
        response_ids=rendered.response_ids,
        terminator_id=rendered.terminator_id if complete else None,
    )


def scorer_of(model) -> PlainScorer:
    return PlainScorer(model.module, model.max_length)


def score_of(model, request: ScoreRequest) -> Score:
    (score,) = scorer_of(model).score([request])
    assert isinstance(score, Score)
    return score


def loss_in_float64(module, context: tuple[int, ...], targets: tuple[int, ...]) -> float:
    """Return transformers' own loss: a mean over the labels that are not -100."""
    ids = torch.tensor([[*context, *targets]])
    labels = ids.clone()
    labels[:, : len(context)] = -100
    with torch.inference_mode():
        return float(module(input_ids=ids, labels=labels).loss)


@pytest.fixture(scope="session")
def doubled(load):
    """Return a function that gives a model's weights in float64."""
    made = {}

    def get(style: str):
        if style not in made:
            made[style] = copy.deepcopy(load(style).module).double()
        return made[style]

    return get


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("prompt", "response"), PAIRS)
def test_a_score_is_transformers_own_loss_in_float64(load, doubled, style, prompt, response):
    request = request_of(load(style), prompt, response)
    score = score_of(load(style), request)
    expected = loss_in_float64(doubled(style), request.prompt_ids, request.response_ids)
    assert score.tokens == len(request.response_ids)
    assert score.nll / score.tokens == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("style", STYLES)
def test_each_token_and_the_terminator_have_their_own_loss(load, doubled, style):
    model = load(style)
    request = request_of(model, *PAIRS[0])
    score = score_of(model, request)
    ids = (*request.prompt_ids, *request.target_ids)
    start = len(request.prompt_ids)
    each = [
        loss_in_float64(doubled(style), ids[:i], ids[i : i + 1]) for i in range(start, len(ids))
    ]
    assert score.token_nlls.tolist() == pytest.approx(each[:-1], abs=1e-4)
    assert score.terminator_nll == pytest.approx(each[-1], abs=1e-4)
    assert score.nll == pytest.approx(sum(each[:-1]), abs=1e-4 * len(each))


def test_the_log_probabilities_have_the_spread_of_a_real_model(load):
    score = score_of(load(), request_of(load(), *PAIRS[2]))
    assert score.token_nlls.std() > 1.0  # flat logits would hide every error


def test_ranks_are_those_that_sorting_finds(load):
    model = load()
    request = request_of(model, *PAIRS[0])
    score = score_of(model, request)
    ids = [*request.prompt_ids, *request.response_ids]
    with torch.inference_mode():
        logits = model.module(torch.tensor([ids])).logits[0]
    for place, (rank, token) in enumerate(
        zip(score.token_ranks, request.response_ids, strict=True), len(request.prompt_ids)
    ):
        order = logits[place - 1].argsort(descending=True).tolist()
        assert rank == order.index(token) + 1
    assert score.rank_sum == score.token_ranks.sum()


def test_greedy_answers_have_rank_one_throughout(load):
    model = load()
    prompt = model.chat.prompt_ids((Message(role="user", content="Hi"),))
    ids = list(prompt)
    for _ in range(8):
        with torch.inference_mode():
            ids.append(int(model.module(torch.tensor([ids])).logits[0, -1].argmax()))
    request = ScoreRequest(
        prompt_ids=prompt, response_ids=tuple(ids[len(prompt) :]), terminator_id=None
    )
    assert score_of(model, request).token_ranks.tolist() == [1] * 8


def test_a_cut_off_response_scores_the_same_without_a_terminator(load):
    whole = score_of(load(), request_of(load(), *PAIRS[0]))
    cut = score_of(load(), request_of(load(), *PAIRS[0], complete=False))
    assert cut.terminator_nll is None
    assert cut.nll == pytest.approx(whole.nll, abs=1e-4)


def test_padding_equal_to_the_end_of_turn_changes_no_score(load):
    own, shared = load(), load(pad="<|im_end|>")
    first = score_of(own, request_of(own, *PAIRS[0]))
    second = score_of(shared, request_of(shared, *PAIRS[0]))
    assert second.nll == first.nll
    assert second.terminator_nll == first.terminator_nll


def test_a_score_does_not_depend_on_what_is_scored_beside_it(load):
    model = load()
    requests = [request_of(model, *pair) for pair in PAIRS]
    together = scorer_of(model).score(requests)
    alone = [score_of(model, request) for request in requests]
    assert [score.nll for score in together] == [score.nll for score in alone]


def test_results_stand_in_the_order_of_the_requests_with_failures_in_their_slots(load):
    model = load()
    good = request_of(model, *PAIRS[0])
    empty = request_of(model, "Hi", "")
    long = request_of(model, "Hi", "apples " * 300)
    headless = ScoreRequest(prompt_ids=(), response_ids=(1, 2), terminator_id=None)
    scores = scorer_of(model).score([empty, good, long, headless, good])
    assert [type(score) for score in scores] == [
        ScoreFailure,
        Score,
        ScoreFailure,
        ScoreFailure,
        Score,
    ]
    reasons = [score.reason for score in scores if isinstance(score, ScoreFailure)]
    assert "the response is empty" in reasons[0]
    assert f"have {len(long.prompt_ids) + len(long.target_ids)} tokens" in reasons[1]
    assert "the context holds 256" in reasons[1]
    assert "the prompt is empty" in reasons[2]


def test_a_sequence_that_fills_the_context_is_scored_and_one_token_more_is_not(load):
    model = load()
    prompt = model.chat.prompt_ids((Message(role="user", content="Hi"),))
    room = model.max_length - len(prompt)
    ends = model.chat.terminator_id

    def request(tokens: int) -> ScoreRequest:
        return ScoreRequest(prompt_ids=prompt, response_ids=(50,) * tokens, terminator_id=ends)

    fits, too_long = scorer_of(model).score([request(room - 1), request(room)])
    assert isinstance(fits, Score)
    assert isinstance(too_long, ScoreFailure)


def test_every_request_is_in_exactly_one_batch(load):
    model = load()
    requests = [request_of(model, *pair) for pair in PAIRS]
    batches = scorer_of(model).batches(requests)
    assert sorted(index for batch in batches for index in batch) == list(range(len(requests)))
    assert scorer_of(model).batches(requests) == batches


def test_the_path_names_device_and_dtype_and_the_noise_is_small(load):
    scorer = scorer_of(load())
    assert scorer.path == "plain (cpu, float32)"
    assert 0 < scorer.noise < 1e-3


def test_the_nll_of_a_hand_made_row_is_the_one_of_the_formula():
    # Probabilities 1/8, 1/2, 1/8, 1/4.
    logits = torch.tensor([[0.125, 0.5, 0.125, 0.25]]).log()
    for token, (bits, rank) in enumerate([(3, 3), (1, 1), (3, 3), (2, 2)]):
        nlls, ranks = target_statistics(logits, torch.tensor([token]))
        assert nlls.dtype == torch.float64
        assert float(nlls) == pytest.approx(bits * 0.6931471805599453, abs=1e-6)
        assert int(ranks) == rank


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_large_logits_overflow_nothing(shift):
    logits = torch.tensor([[3.0, 1.0, -2.0]]) + shift
    nlls, _ = target_statistics(logits, torch.tensor([1]))
    assert float(nlls) == pytest.approx(2.1328, abs=2e-3)


def test_logits_of_minus_infinity_are_tokens_that_can_not_be():
    logits = torch.tensor([[0.0, float("-inf"), 0.0]])
    nlls, _ = target_statistics(logits, torch.tensor([0]))
    assert float(nlls) == pytest.approx(0.6931, abs=1e-4)
