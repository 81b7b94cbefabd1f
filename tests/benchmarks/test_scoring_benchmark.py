"""The benchmark's formula by hand, and its contestants against the plain path."""

import random
import warnings

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from benchmarks.scoring.contestants import CONTESTANTS, PEERS, Subject
from benchmarks.scoring.limits import ModelShape, flop_min
from idiolect.scoring.base import ScoreRequest
from idiolect.scoring.plain import PlainScorer


def request_of(prompt, response):
    return ScoreRequest(prompt_ids=tuple(prompt), response_ids=tuple(response), terminator_id=None)


def test_the_least_arithmetic_is_counted_as_by_hand():
    shape = ModelShape(
        body=1000, head=50, layers=2, query_heads=3, head_width=4, width=12, feed_forward=24,
        weight_bytes=0,
    )  # fmt: skip
    requests = [request_of([1, 2, 3], [4, 5]), request_of([1, 2, 3], [6, 7, 8])]

    # Body tokens: 3 of the prompt, once; 1 and 2 of the responses. Head rows: 2 and 3.
    # Pairs that attend: 3*4/2 in the prompt; 1*3 + 1*2/2 and 2*3 + 2*3/2 for the responses.
    by_hand = 2 * 1000 * (3 + 1 + 2) + 2 * 50 * (2 + 3) + 4 * 2 * 3 * 4 * (6 + 4 + 9)

    assert flop_min(shape, requests) == by_hand
    assert flop_min(shape, [*requests, requests[0]]) == by_hand


@pytest.fixture(scope="module")
def subject(make_model):
    tokenizer = AutoTokenizer.from_pretrained(make_model())
    torch.manual_seed(0)
    module = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=128,
            tie_word_embeddings=True,
        )
    ).eval()
    # Logits as far apart as a real model's.
    module.get_output_embeddings().weight.data.mul_(20)
    return Subject(module, tokenizer, 128)


@pytest.fixture(scope="module")
def requests(subject):
    rng = random.Random(0)

    def ids(count):
        return [rng.randrange(len(subject.tokenizer)) for _ in range(count)]

    prompts = [ids(17), ids(5), ids(40)]
    return [request_of(prompt, ids(length)) for length in (1, 3, 12) for prompt in prompts]


@pytest.fixture(scope="module")
def plain_sums(subject, requests):
    return [score.nll for score in PlainScorer(subject.module, 128).score(requests)]


@pytest.mark.filterwarnings("ignore")  # the peers' own
@pytest.mark.parametrize("name", CONTESTANTS)
def test_every_contestant_gives_the_plain_sums(name, subject, requests, plain_sums):
    if name in PEERS and name != "evaluate-style":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip(name.replace("-", "_"))
    contestant = CONTESTANTS[name](subject)

    contestant.prepare(requests)
    found = contestant.run(requests)

    assert [each.tokens for each in found] == [len(r.response_ids) for r in requests]
    assert [each.nll for each in found] == pytest.approx(plain_sums, abs=1e-3)


def test_the_shape_is_read_off_the_model(subject):
    shape = ModelShape.of(subject.module)
    width, feed_forward, vocabulary = 32, 64, len(subject.tokenizer)
    layer = 2 * width * width + 2 * width * 16 + 3 * width * feed_forward + 2 * width

    assert shape.body == 2 * layer + width
    assert shape.head == vocabulary * width
    assert shape.weight_bytes == 4 * (shape.body + vocabulary * width)
    assert (shape.layers, shape.query_heads, shape.head_width) == (2, 4, 8)
