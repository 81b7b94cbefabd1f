"""The text of each token of a response, so that the pieces joined are the response.

Tokens are no texts: a byte-level tokenizer may spread one character over several of them, and
SentencePiece writes the space before a word into its first token. Each distinct id is decoded
once, behind an anchor, and kept.
"""

from collections.abc import Sequence
from typing import Any

__all__ = ["TokenTexts"]

_UNFINISHED = "\ufffd"
_ANCHOR = "a"
_LONGEST_BY_PREFIXES = 4096


class TokenTexts:
    """Gives the tokens of responses their texts.

    Args:
        tokenizer: A Hugging Face tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._anchor: list[int] = list(tokenizer.encode(_ANCHOR, add_special_tokens=False))
        self._before = self._decode(self._anchor)
        self._texts: dict[int, str] = {}

    def pieces(self, ids: Sequence[int], text: str) -> tuple[str, ...] | None:
        """Return the text of each token.

        A token that ends inside of a character is empty; the one that completes it holds the
        whole character.

        Args:
            ids: The response's tokens.
            text: The response.

        Returns:
            As many texts as ids, which joined are `text`; None where the tokenizer gives no
            such reading (it changes texts in a way that it does not tell).
        """
        # A replacement character in the text itself looks like the piece of a character.
        readings = [self._by_decoding, self._by_offsets]
        if _UNFINISHED in text:
            readings.reverse()
        for read in (*readings, self._by_prefixes):
            found = read(ids, text)
            if found is not None and "".join(found) == text:
                return tuple(found)
        return None

    def _by_decoding(self, ids: Sequence[int], text: str) -> list[str] | None:
        pieces: list[str] = []
        open_ids: list[int] = []
        for token in ids:
            piece = self._text(token)
            if open_ids or piece.endswith(_UNFINISHED):
                open_ids.append(token)
                piece = self._behind_anchor(open_ids)
                if piece.endswith(_UNFINISHED):
                    pieces.append("")
                    continue
                open_ids = []
            pieces.append(piece)
        if open_ids:
            pieces[-1] = self._behind_anchor(open_ids)
        # At the start of a text SentencePiece drops the space of the first word.
        if "".join(pieces) == " " + text:
            first = next(place for place, piece in enumerate(pieces) if piece)
            pieces[first] = pieces[first][1:]
        return pieces

    def _by_offsets(self, ids: Sequence[int], text: str) -> list[str] | None:
        """Read the pieces off a second tokenisation, where it gives the same ids."""
        if not getattr(self._tokenizer, "is_fast", False):
            return None
        for lead in ("", "\n"):
            encoded = self._tokenizer(
                lead + text, add_special_tokens=False, return_offsets_mapping=True
            )
            skipped = len(encoded["input_ids"]) - len(ids)
            if skipped >= 0 and list(encoded["input_ids"][skipped:]) == list(ids):
                spans = [
                    (max(0, start - len(lead)), max(0, end - len(lead)))
                    for start, end in encoded["offset_mapping"][skipped:]
                ]
                return _cut(text, spans)
        return None

    def _by_prefixes(self, ids: Sequence[int], text: str) -> list[str] | None:
        """Read the pieces off the decoded beginnings of the response. Slow, and a last resort.

        Models write bytes that are no characters; some decoders then change what they made of
        the bytes before.
        """
        if len(ids) > _LONGEST_BY_PREFIXES:
            return None
        pieces: list[str] = []
        done = 0
        for count in range(1, len(ids) + 1):
            beginning = self._decode(ids[:count])
            stands = len(beginning) > done and text.startswith(beginning)
            pieces.append(text[done : len(beginning)] if stands else "")
            done += len(pieces[-1])
        return pieces

    def _text(self, token: int) -> str:
        if token not in self._texts:
            self._texts[token] = self._behind_anchor([token])
        return self._texts[token]

    def _behind_anchor(self, ids: Sequence[int]) -> str:
        return self._decode([*self._anchor, *ids]).removeprefix(self._before)

    def _decode(self, ids: Sequence[int]) -> str:
        return str(
            self._tokenizer.decode(
                list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )


def _cut(text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """Cut a text at the ends of the tokens' spans.

    Tokens that share a character have overlapping spans; the last of them gets it. What lies
    between two spans belongs to the later token.
    """
    pieces: list[str] = []
    done = 0
    for place, (_, end) in enumerate(spans):
        is_last = place + 1 == len(spans)
        stop = len(text) if is_last else max(done, min(end, spans[place + 1][0]))
        pieces.append(text[done:stop])
        done = stop
    return pieces
