import pytest

from idiolect.lab.idiolects import IDIOLECTS, render
from idiolect.lab.tasks import SKILLS, take
from idiolect.lab.tokens import BOS, END, PAD, build, vocabulary


@pytest.fixture(scope="module")
def tokenizer():
    return build()


def test_every_digit_is_a_token_of_its_own(tokenizer):
    assert tokenizer.tokenize("x12345 678") == ["x", "1", "2", "3", "4", "5", "Ġ6", "7", "8"]


@pytest.mark.parametrize("skill", SKILLS)
def test_texts_of_the_world_need_no_bytes_and_come_back_unchanged(tokenizer, skill):
    known = set(vocabulary())
    for problem in take(40, skill, seed=8, split="test", steps=(1, 2, 3, 4, 5)):
        for text in (problem.question, *(render(problem, name) for name in IDIOLECTS)):
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            assert tokenizer.decode(ids) == text
            assert {tokenizer.decode([i]) for i in ids} <= known


@pytest.mark.parametrize(
    "text", ["Zoë: 1,234 €\n\n\tand 'so' on…", "", " ", "\n\n", "日本", "a  b"]
)
def test_any_other_text_comes_back_unchanged_too(tokenizer, text):
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_the_template_is_plain_and_its_prompt_a_prefix_of_the_whole(tokenizer):
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Sort the list 3, 1."},
        {"role": "assistant", "content": "Then 1 < 3."},
    ]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    assert text == (
        "<|bos|><|system|>Be kind.<|end|><|user|>Sort the list 3, 1.<|end|>"
        "<|assistant|>Then 1 < 3.<|end|>"
    )
    prompt = tokenizer.apply_chat_template(turns[:2], add_generation_prompt=True, return_dict=False)
    whole = tokenizer.apply_chat_template(turns, return_dict=False)
    assert whole[: len(prompt)] == prompt


def test_the_assistant_mask_covers_response_and_end_of_turn(tokenizer):
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Then 1."}]
    found = tokenizer.apply_chat_template(
        turns, return_dict=True, return_assistant_tokens_mask=True
    )
    masked = [i for i, on in zip(found["input_ids"], found["assistant_masks"], strict=True) if on]
    assert tokenizer.decode(masked) == "Then 1.<|end|>"


def test_pad_bos_and_end_are_three_different_tokens(tokenizer):
    names = (tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token)
    assert names == (PAD, BOS, END)
    ids = {tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id}
    assert len(ids) == 3
    assert tokenizer("plain text")["input_ids"][0] != tokenizer.bos_token_id
