"""Our sums are those of lm-evaluation-harness on identical ids."""

import copy
import random
import warnings

import pytest
import torch
from scipy.stats import kendalltau
from transformers import AutoModelForCausalLM, AutoTokenizer

from idiolect.scoring.base import ScoreRequest
from idiolect.scoring.packed import PackedScorer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    huggingface = pytest.importorskip(
        "lm_eval.models.huggingface", reason="lm-eval is not installed: pip install idiolect[bench]"
    )

# Warnings that lm-eval and what it imports raise are not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def loaded(tiny_model):
    module = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    return module, AutoTokenizer.from_pretrained(tiny_model)


def harness_sums(module, tokenizer, requests, *, batch_size, **dtypes):
    lm = huggingface.HFLM(
        pretrained=module,
        tokenizer=tokenizer,
        batch_size=batch_size,
        max_length=256,
        **(dtypes or {"dtype": "float32", "softmax_dtype": "float32"}),
    )
    pairs = [
        ((str(i), ""), list(r.prompt_ids), list(r.response_ids)) for i, r in enumerate(requests)
    ]
    return [-total for total, _ in lm._loglikelihood_tokens(pairs, disable_tqdm=True)]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_sums_equal_those_of_lm_eval_on_the_same_ids(loaded, batch_size):
    module, tokenizer = loaded
    rng = random.Random(0)

    def ids(count):
        return tuple(rng.randrange(len(tokenizer)) for _ in range(count))

    requests = [
        ScoreRequest(prompt_ids=prompt, response_ids=ids(length), terminator_id=None)
        for prompt in (ids(1), ids(30), ids(90))
        for length in (1, 1, 7, 60)
    ]

    ours = [score.nll for score in PackedScorer(module, 256).score(requests)]
    theirs = harness_sums(module, tokenizer, requests, batch_size=batch_size)

    # Per request: nats of the whole sum, not per token.
    assert ours == pytest.approx(theirs, abs=1e-4, rel=0)


def test_in_bfloat16_our_order_of_candidates_is_at_least_as_true_as_theirs(loaded):
    module, tokenizer = loaded
    rounded = copy.deepcopy(module).to(torch.bfloat16)
    rng = random.Random(0)

    def ids(count):
        return tuple(rng.randrange(len(tokenizer)) for _ in range(count))

    prompt = ids(30)
    requests = [
        ScoreRequest(prompt_ids=prompt, response_ids=ids(60), terminator_id=None) for _ in range(24)
    ]
    exact = copy.deepcopy(rounded).to(torch.float32)
    wanted = [score.nll for score in PackedScorer(exact, 256).score(requests)]
    ours = [score.nll for score in PackedScorer(rounded, 256).score(requests)]
    # As users run it: the dtype of the weights, also for the softmax and the sum.
    theirs = harness_sums(rounded, tokenizer, requests, batch_size=4, dtype="bfloat16")

    assert kendalltau(wanted, ours).statistic > 0.9
    assert kendalltau(wanted, ours).statistic >= kendalltau(wanted, theirs).statistic
