"""Control characters as their pictures.

A response may hold them. On a page they would be lost; on a terminal they would be obeyed, and
could move the cursor, clear the screen or set the title.
"""

__all__ = ["visible"]

_PICTURES: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"},
    0x7F: 0x2421,
    # The second set of controls has no pictures; 0x9B alone begins a command of the terminal.
    **dict.fromkeys(range(0x80, 0xA0), "\N{REPLACEMENT CHARACTER}"),
}


def visible(text: str) -> str:
    """Return a text in which control characters, line ends left out, can be seen."""
    return text.translate(_PICTURES)
