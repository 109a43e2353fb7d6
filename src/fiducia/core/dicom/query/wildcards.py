"""Texts with * for any characters and ? for one, in time that no pattern can blow up.

A pattern is cut at its stars; the pieces have a fixed length each, and each is looked for once, leftmost, behind the
one before: nothing is ever tried again. Source: PS3.4 section C.2.2.2.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fiducia.errors import InputError

PATTERN_MAX_CHARS, TEXT_MAX_CHARS = 256, 10_240
"""The second is as long as LT gets; UC, UR and UT may be longer, and then fit no pattern."""


def is_pattern(text: str) -> bool:
    """Tell whether a text has wildcards."""
    return "*" in text or "?" in text


def pattern(text: str) -> Callable[[str], bool]:
    """Return what tells whether all of another text is as this one says, which may have wildcards.

    Raises:
        InputError: it has wildcards and more than `PATTERN_MAX_CHARS` characters.
    """
    if not is_pattern(text):
        return text.__eq__
    if len(text) > PATTERN_MAX_CHARS:
        raise InputError(f"a value with wildcards has at most {PATTERN_MAX_CHARS} characters")
    first, *rest = (_piece(piece) for piece in text.split("*"))
    tail_chars = len(text) - text.rfind("*") - 1

    def fits(other: str) -> bool:
        begun = first.match(other) if len(other) <= TEXT_MAX_CHARS else None
        if begun is None:
            return False
        position = begun.end()
        if not rest:
            return position == len(other)
        for piece in rest[:-1]:
            found = piece.search(other, position)
            if found is None:
                return False
            position = found.end()
        tail = len(other) - tail_chars
        return tail >= position and rest[-1].match(other, tail) is not None

    return fits


def _piece(piece: str) -> re.Pattern[str]:
    """An expression of a fixed length: there is nothing in it to go back to."""
    return re.compile(".".join(map(re.escape, piece.split("?"))), re.DOTALL)
