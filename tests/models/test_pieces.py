import pytest
import tiny
from hypothesis import example, given
from hypothesis import strategies as st

from idiolect.chat import ChatFormat
from idiolect.config import TargetConfig
from idiolect.models.pieces import TokenTexts
from idiolect.models.tokenizer import load_tokenizer


def _tokenizers():
    return {
        "byte-level": tiny.byte_level_tokenizer(tiny.CHATML),
        "sentencepiece": tiny.sentencepiece_tokenizer(tiny.LLAMA2),
        "lab": load_tokenizer(TargetConfig("lab:amber")),
    }


@pytest.fixture(scope="module")
def chats():
    return {name: ChatFormat(t, name=name) for name, t in _tokenizers().items()}


@pytest.fixture(scope="module")
def texts():
    return {name: TokenTexts(tokenizer) for name, tokenizer in _tokenizers().items()}


KINDS = ("byte-level", "sentencepiece", "lab")
TEXTS = st.text(max_size=40) | st.text(alphabet=" \nabé中🙂\u200d\ufffd▁<>.", max_size=30)


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXTS)
@example(text="")
@example(text="  two spaces first")
@example(text="naïve — “quoted” 中文 🙂👩‍🚀")
@example(text="broken \ufffd\ufffd\ufffd text")
@example(text="a ▁ b\r\n\tc  \n")
def test_the_pieces_of_a_response_joined_are_the_response(chats, texts, kind, text):
    ids = chats[kind].response_ids(text)
    pieces = texts[kind].pieces(ids, text)
    assert pieces is not None
    assert len(pieces) == len(ids)
    assert "".join(pieces) == text


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.lists(st.integers(0, 10_000), max_size=25))
def test_the_pieces_of_ids_that_a_model_wrote_joined_are_what_they_decode_to(
    chats, texts, kind, seed
):
    tokenizer = _cached(kind)
    ids = [n % len(tokenizer) for n in seed]
    text = tokenizer.decode(ids, skip_special_tokens=False)
    pieces = texts[kind].pieces(ids, text)
    assert pieces is not None
    assert "".join(pieces) == text


_LOADED: dict[str, object] = {}


def _cached(kind):
    if not _LOADED:
        _LOADED.update(_tokenizers())
    return _LOADED[kind]


def test_a_character_over_several_tokens_stands_where_it_is_complete(texts):
    tokenizer = _cached("byte-level")
    ids = tokenizer.encode("a🙂b", add_special_tokens=False)
    assert len(ids) == 6  # four bytes that were never merged
    assert texts["byte-level"].pieces(ids, "a🙂b") == ("a", "", "", "", "🙂", "b")


def test_a_text_that_the_ids_do_not_stand_for_has_no_pieces(texts):
    ids = _cached("byte-level").encode("one", add_special_tokens=False)
    assert texts["byte-level"].pieces(ids, "two") is None


def test_a_tokenizer_that_changes_texts_still_gives_the_pieces_of_the_text_as_it_is():
    from tokenizers import normalizers

    tokenizer = tiny.byte_level_tokenizer(tiny.CHATML)
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    ids = tokenizer.encode("She EATS 3 apples", add_special_tokens=False)
    pieces = TokenTexts(tokenizer).pieces(ids, "She EATS 3 apples")
    assert pieces is not None
    assert "".join(pieces) == "She EATS 3 apples"
