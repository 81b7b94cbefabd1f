"""Greedy answers of whole models through their chat templates are those of `generate`."""

import pytest
import torch

from idiolect.config import TargetConfig
from idiolect.lab.targets import target_folder
from idiolect.lab.tasks import take
from idiolect.models.base import GenerationRequest, Sampling
from idiolect.models.local import load_local_model
from idiolect.records import Message


def conversations(count):
    """Return prompts of several lengths, longest in the middle."""
    problems = take(count, "shop", seed=2, split="test", steps=(1, 2, 3, 4))
    return [(Message(role="user", content=problem.question),) for problem in problems]


def check(folder, *, prompts, limit):
    model = load_local_model(TargetConfig(str(folder)))
    sampling = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=limit)
    asked = [
        GenerationRequest(messages=messages, sampling=sampling, seed=n)
        for n, messages in enumerate(conversations(prompts))
    ]
    answers = list(model.generate(asked))
    assert model.generation["path"].startswith("cohorts")
    for request, answer in zip(asked, answers, strict=True):
        ids = torch.tensor([model.chat.prompt_ids(request.messages)])
        with torch.inference_mode():
            whole = model.module.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=limit,
                eos_token_id=sorted(model.stop_ids),
                pad_token_id=model.chat.terminator_id,
            )
        wanted = whole[0, ids.shape[1] :].tolist()
        ended = wanted[-1] in model.stop_ids
        assert list(answer.token_ids) == (wanted[:-1] if ended else wanted)
        assert answer.finish_reason == ("stop" if ended else "length")
        assert answer.tokens_out == len(wanted)


def test_lab_amber_answers_as_transformers_lets_it():
    check(target_folder("lab:amber"), prompts=12, limit=60)


@pytest.mark.real
@pytest.mark.slow
def test_the_real_model_answers_as_transformers_lets_it(real_model):
    check(real_model, prompts=6, limit=48)
