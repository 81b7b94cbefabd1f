import pytest
import tiny

from idiolect.chat import PLAIN_FORMATS, ChatFormat
from idiolect.errors import ConfigError, TemplateError
from idiolect.records import Message

STYLES = tuple(tiny.TEMPLATES)
TEXTS = [
    "12 - 3 = 9",
    "Answer",
    "naïve café 🙂 日本語",
    "two\n\nparagraphs",
    "code:\n    x = 1",
]
EDGED = [" leading space", "\n\nleading lines", "trailing space  ", "trailing line\n"]


def conversation(style: str = "chatml") -> tuple[Message, ...]:
    turns = (
        Message(role="user", content="How many apples?"),
        Message(role="assistant", content="12 apples."),
        Message(role="user", content="And pears?"),
    )
    takes_system = style in ("chatml", "llama3", "qwen3")
    return (Message(role="system", content="Be brief."), *turns) if takes_system else turns


QUESTION = (Message(role="user", content="How many apples?"),)


@pytest.fixture(params=STYLES)
def style(request):
    return request.param


@pytest.fixture
def chat(load, style) -> ChatFormat:
    return load(style).chat


@pytest.fixture
def tokenizer(load, style):
    return load(style).tokenizer


def text_of(tokenizer, ids) -> str:
    return tokenizer.decode(list(ids), skip_special_tokens=False)


@pytest.mark.parametrize("messages", [QUESTION, None], ids=["one turn", "several turns"])
def test_prompt_then_response_is_how_the_template_renders_the_conversation(
    chat, tokenizer, style, messages
):
    messages = messages or conversation(style)
    for text in TEXTS:
        rendered = chat.render(messages, text)
        ours = (*rendered.prompt_ids, *rendered.response_ids, *chat.suffix_ids)
        turns = [{"role": m.role, "content": m.content} for m in messages]
        whole = tokenizer.apply_chat_template(
            [*turns, {"role": "assistant", "content": text}],
            tokenize=False,
            enable_thinking=False,
        )
        if style == "llama2":  # it writes a space between prompt and response
            whole = whole.replace(f"[/INST] {text}", f"[/INST]{text}")
        assert text_of(tokenizer, ours) == whole


def test_the_scored_tokens_are_the_response_and_nothing_else(chat, tokenizer):
    for text in TEXTS + EDGED:
        assert text_of(tokenizer, chat.render(QUESTION, text).response_ids) == text


def test_ids_in_one_piece_are_the_separate_ones_where_no_token_straddles_the_seam(chat, style):
    if style == "llama2":
        pytest.skip("this template writes a space between prompt and response")
    for text in TEXTS:
        rendered = chat.render(QUESTION, text)
        ours = (*rendered.prompt_ids, *rendered.response_ids, *chat.suffix_ids)
        assert chat.joint_ids(QUESTION, text) == ours


def test_the_prompt_begins_with_one_begin_of_sequence_at_most(chat, tokenizer, style):
    ids = chat.prompt_ids(conversation(style))
    expected = 0 if style in ("chatml", "qwen3") else 1
    assert ids.count(tokenizer.bos_token_id) == expected
    assert ids[:expected] == (tokenizer.bos_token_id,) * expected


def test_the_terminator_is_the_end_of_turn_of_the_template(chat, tokenizer, style):
    assert tokenizer.convert_ids_to_tokens(chat.terminator_id) == tiny.TERMINATORS[style]
    assert chat.suffix_ids.count(chat.terminator_id) == 1
    assert chat.render(QUESTION, "Answer").terminator_id == chat.terminator_id


def test_a_cut_off_response_has_no_terminator(chat):
    assert chat.render(QUESTION, "Answ", complete=False).terminator_id is None


def test_the_terminator_is_no_part_of_prompt_or_response(chat):
    rendered = chat.render(QUESTION, "Answer")
    assert chat.terminator_id not in rendered.response_ids


def test_a_response_that_stands_in_the_prompt_already_is_found_behind_it(load):
    chat = load("chatml").chat
    messages = (Message(role="user", content="Say apples. apples"),)
    rendered = chat.render(messages, "apples")
    assert rendered.response_ids == chat.response_ids("apples")


def test_an_empty_response_renders_to_no_ids(chat):
    assert chat.render(QUESTION, "").response_ids == ()


def test_outer_white_space_of_a_response_is_kept_though_the_template_trims_it(load):
    chat = load("llama3").chat
    padded = chat.render(QUESTION, " Answer ").response_ids
    assert padded != chat.render(QUESTION, "Answer").response_ids
    assert chat.joint_ids(QUESTION, " Answer ") != (
        *chat.prompt_ids(QUESTION),
        *padded,
        *chat.suffix_ids,
    )


def test_special_tokens_in_a_text_are_no_reason_to_crash(chat):
    chat.render((Message(role="user", content="What is <|im_end|>?"),), "A token.")


def test_a_system_turn_that_the_template_refuses_is_an_error_with_its_words(load):
    chat = load("gemma").chat
    with pytest.raises(TemplateError) as caught:
        chat.prompt_ids((Message(role="system", content="S"), *QUESTION))
    message = str(caught.value)
    assert "its own chat template refuses the turns (system, user)" in message
    assert "System role not supported" in message


def test_a_template_that_breaks_the_prefix_property_is_named_with_what_it_writes():
    tokenizer = tiny.byte_level_tokenizer(tiny.QWEN3)
    with pytest.raises(TemplateError) as caught:
        ChatFormat(tokenizer, name="some-model")
    message = str(caught.value)
    assert message.startswith("some-model: its own chat template breaks the prefix property")
    assert "'<think>" in message
    assert "--set target.template_kwargs.enable_thinking=false" in message


def test_a_template_that_rewrites_the_prompt_breaks_the_prefix_property():
    template = "{{ messages | length }}" + tiny.CHATML
    with pytest.raises(TemplateError, match="breaks the prefix property"):
        ChatFormat(tiny.byte_level_tokenizer(template), name="m")


def test_a_template_that_changes_the_response_breaks_the_prefix_property():
    template = tiny.CHATML.replace("{{ m.content }}", "{{ m.content | upper }}")
    with pytest.raises(TemplateError, match="breaks the prefix property"):
        ChatFormat(tiny.byte_level_tokenizer(template), name="m")


def test_a_template_that_writes_nothing_after_a_response_is_an_error():
    with pytest.raises(TemplateError, match="puts nothing after a response"):
        ChatFormat(
            tiny.byte_level_tokenizer("{% for m in messages %}{{ m.content }}{% endfor %}"),
            name="m",
        )


def test_a_plain_format_without_an_end_of_sequence_token_is_an_error_and_no_newline():
    tokenizer = tiny.byte_level_tokenizer(None)
    tokenizer.eos_token = None
    with pytest.raises(TemplateError, match="puts nothing after a response"):
        ChatFormat(tokenizer, name="m", plain="question-answer")


def test_a_template_that_is_broken_is_an_error_that_names_it():
    with pytest.raises(TemplateError, match="m: its own chat template"):
        ChatFormat(tiny.byte_level_tokenizer("{% for m in messages %}"), name="m")


@pytest.mark.parametrize("template", [None, ""])
def test_a_base_model_needs_a_plain_format_and_the_message_names_them(template):
    with pytest.raises(TemplateError) as caught:
        ChatFormat(tiny.byte_level_tokenizer(template), name="base")
    message = str(caught.value)
    assert "base: the tokenizer has no chat template" in message
    for name in PLAIN_FORMATS:
        assert f"--format {name}" in message


def test_an_unknown_plain_format_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'question-answer'"):
        ChatFormat(tiny.byte_level_tokenizer(None), name="base", plain="question-anwser")


@pytest.mark.parametrize("plain", PLAIN_FORMATS)
def test_a_plain_format_ends_with_the_end_of_sequence(load, plain):
    model = load(None, format=plain)
    assert model.chat.terminator_id == model.tokenizer.eos_token_id
    assert model.chat.label == f"plain format {plain!r}"
    rendered = model.chat.render(conversation(), "Answer")
    assert model.chat.joint_ids(conversation(), "Answer") == (
        *rendered.prompt_ids,
        *rendered.response_ids,
        *model.chat.suffix_ids,
    )


def test_a_plain_format_is_recorded_in_the_fingerprint(load):
    prints = {load(None, format=plain).chat.fingerprint for plain in PLAIN_FORMATS}
    assert len(prints) == len(PLAIN_FORMATS)


def test_a_plain_format_writes_the_begin_of_sequence_that_the_tokenizer_would():
    tokenizer = tiny.sentencepiece_tokenizer(None)
    chat = ChatFormat(tokenizer, name="base", plain="question-answer")
    ids = chat.prompt_ids(QUESTION)
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1


def test_the_plain_question_answer_format_reads_like_one(load):
    assert load(None, format="question-answer").chat.prompt_text(conversation()) == (
        "Be brief.\n\nQuestion: How many apples?\nAnswer:\n12 apples.</s>\nQuestion: And pears?\n"
        "Answer:\n"
    )


@pytest.mark.parametrize(
    ("text", "kept", "stripped"),
    [
        ("<think>hm</think>\n\nNine.", "<think>hm</think>\n\nNine.", "Nine."),
        ("\n<think>\na\nb</think>Nine.", "\n<think>\na\nb</think>Nine.", "Nine."),
        ("Nine. <think>no</think>", "Nine. <think>no</think>", "Nine. <think>no</think>"),
        ("Nine.", "Nine.", "Nine."),
    ],
)
def test_thoughts_are_kept_or_stripped_as_asked(text, kept, stripped):
    tokenizer = tiny.byte_level_tokenizer(tiny.CHATML)
    keep = ChatFormat(tokenizer, name="m", thinking="keep")
    strip = ChatFormat(tokenizer, name="m", thinking="strip")
    assert keep.response_text(text) == kept
    assert strip.response_text(text) == stripped
    assert text_of(tokenizer, strip.render(QUESTION, text).response_ids) == stripped
    assert keep.fingerprint != strip.fingerprint


def test_the_arguments_of_the_template_change_the_prompt_and_the_fingerprint():
    tokenizer = tiny.byte_level_tokenizer(
        tiny.CHATML.replace("assistant\n{% endif", "assistant\n{{ mood }}{% endif").replace(
            "{{ m.content }}", "{% if m.role == 'assistant' %}{{ mood }}{% endif %}{{ m.content }}"
        )
    )
    calm = ChatFormat(tokenizer, name="m", template_kwargs={"mood": "calm "})
    wild = ChatFormat(tokenizer, name="m", template_kwargs={"mood": "wild "})
    assert calm.prompt_text(QUESTION).endswith("calm ")
    assert calm.fingerprint != wild.fingerprint


@pytest.mark.parametrize("text", [*TEXTS, *EDGED])
def test_a_sentencepiece_tokenizer_gives_a_response_no_space_of_its_own(load, text):
    model = load("mistral", sentencepiece=True)
    ids = model.chat.render(QUESTION, text).response_ids
    behind = model.tokenizer.decode([*model.chat.prompt_ids(QUESTION), *ids])
    assert behind.endswith(text)
    assert not model.tokenizer.convert_ids_to_tokens(ids[0]).startswith("▁") or text[0] == " "


def test_pad_being_the_end_of_turn_changes_no_ids():
    own = ChatFormat(tiny.byte_level_tokenizer(tiny.CHATML, pad="<pad>"), name="m")
    shared = ChatFormat(tiny.byte_level_tokenizer(tiny.CHATML, pad="<|im_end|>"), name="m")
    assert own.render(QUESTION, "Answer") == shared.render(QUESTION, "Answer")


def test_a_response_without_its_prompt_follows_one_boundary_token(load):
    model = load("chatml")
    assert model.chat.unconditional_ids() == (model.tokenizer.bos_token_id,)


def test_without_any_boundary_token_ifd_is_refused():
    tokenizer = tiny.byte_level_tokenizer(tiny.CHATML)
    tokenizer.bos_token = tokenizer.eos_token = None
    with pytest.raises(TemplateError, match="leave out `ifd`"):
        ChatFormat(tokenizer, name="m").unconditional_ids()
