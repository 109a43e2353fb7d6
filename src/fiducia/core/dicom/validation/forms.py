"""What may stand in a value of each VR: characters, form, length.

Owns: PS3.5 table 6.2-1 as far as a value can be judged by itself. A form's pattern takes what is right at
once, several values and padding included; only what it does not take is looked at piece by piece. Patterns
never go back over a value that they took (possessive and atomic groups), so hostile values cost no more than
their length. Dates that no calendar has, and ranges of numbers, are not judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_ANY_LENGTH = 1 << 32
Matcher = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Form:
    """How values of one VR look.

    Attributes:
        right: tells whether a whole value field is right, provided it has at most `quick_bytes`.
        quick_bytes: up to this length, no single value in the field can be too long.
        one: tells whether a single value is right, without padding; None for text in a character set.
        limit: a single value's length: bytes, or characters of text.
        longer: tells whether one of several texts is longer than that; None where there is only one.
        single: whether a backslash is part of the text.
        lines: whether text may have line breaks.
    """

    right: Matcher
    quick_bytes: int
    one: Matcher | None
    limit: int
    longer: Callable[[str], object] | None = None
    single: bool = False
    lines: bool = False


def _several(one: str, limit: int) -> Form:
    r"""A VR in the default repertoire: values parted by backslashes, none longer than its limit.

    The look-ahead reads at most `limit` bytes more for each value.
    """
    value = rf"(?>(?=[^\\]{{0,{limit}}}(?:\\|\Z)) *+(?>{one}) *+)"
    many = re.compile(rf"{value}?+(?:\\{value}?+)*+\0?".encode("ascii"))
    return Form(many.fullmatch, _ANY_LENGTH, re.compile(one.encode("ascii")).fullmatch, limit)


def _text(limit: int, *, single: bool = False, lines: bool = False, parted_by: str = r"\\") -> Form:
    """A VR in the declared character sets; `parted_by`: what stands between pieces of which each has the limit."""
    pattern = rb"[\t\n\f\r\x20-\x7e]*\0?" if lines else rb"[\x20-\x7e]*\0?"
    longer = None if single or limit == _ANY_LENGTH else re.compile(rf"[^{parted_by}]{{{limit + 1}}}").search
    return Form(re.compile(pattern).fullmatch, limit, None, limit, longer, single, lines)


_NUMBER = "(?>0|[1-9][0-9]*+)"
_UID = re.compile(rf"{_NUMBER}(?:\.{_NUMBER})*+".encode("ascii"))
FORMS: dict[str, Form] = {
    "AE": _several(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]*[\x21-\x5b\x5d-\x7e])?", 16),
    "AS": _several("[0-9]{3}[DWMY]", 4),
    "CS": _several("[A-Z0-9_][A-Z0-9_ ]*+", 16),
    "DA": _several("[0-9]{8}", 8),
    "DS": _several(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", 16),
    "DT": _several(r"[0-9]{4}(?:[0-9]{2}){0,5}(?:\.[0-9]{1,6})?(?:[+-][0-9]{4})?", 26),
    "IS": _several("[+-]?[0-9]+", 12),
    "LO": _text(64),
    "LT": _text(10240, single=True, lines=True),
    "PN": _text(64, parted_by=r"\\="),
    "SH": _text(16),
    "ST": _text(1024, single=True, lines=True),
    "TM": _several(r"[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]{1,6})?)?)?", 16),
    "UC": _text(_ANY_LENGTH),
    "UI": Form(re.compile(_UID.pattern + rb"\0?").fullmatch, 64, _UID.fullmatch, 64),
    "UR": _text(_ANY_LENGTH, single=True),
    "UT": _text(_ANY_LENGTH, single=True, lines=True),
}
WIDTHS = {
    **dict.fromkeys(("SS", "US", "OW"), 2),
    **dict.fromkeys(("AT", "FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
ONE_VALUE = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])  # whatever their length (PS3.5 section 6.4)
