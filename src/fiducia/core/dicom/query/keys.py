"""Attribute names of a query: a keyword or eight hexadecimal digits, dotted into sequences.

Source: PS3.18 section 8.3.4.1.
"""

from __future__ import annotations

import re

from fiducia.core.dicom.dictionary import standard_attribute, tag_of
from fiducia.errors import InputError

Path = tuple[str, ...]

DEPTH_MAX, NAME_MAX_CHARS = 8, 512
_TAG = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}", re.ASCII)


def path_of(name: str) -> Path:
    """Return an attribute's tag, behind those of the sequences around it.

    Raises:
        InputError: the name is none, goes too deep, or through what is known to be no sequence.
    """
    parts = name.split(".", DEPTH_MAX) if len(name) <= NAME_MAX_CHARS else []
    if not 1 <= len(parts) <= DEPTH_MAX:
        raise InputError(f"an attribute's name has at most {DEPTH_MAX} parts and {NAME_MAX_CHARS} characters")
    path = tuple(map(_tag_of, parts))
    if any(vr_of(tag) not in ("SQ", "") for tag in path[:-1]):
        raise InputError("an attribute's name goes into an attribute that is no sequence")
    return path


def vr_of(tag: str) -> str:
    """Return the representation that PS3.6 gives a tag, such as "US or SS"; "" for a private or unknown one."""
    number = int(tag, 16)
    return "" if is_private(tag) or number & 0xFFFF == 0 else standard_attribute(number)[0]


def is_private(tag: str) -> bool:
    """Tell whether a tag's group is odd."""
    return int(tag[:4], 16) % 2 == 1


def creator_of(tag: str) -> str:
    """Return the tag of a private attribute's Private Creator (PS3.5 section 7.8.1)."""
    return f"{tag[:4]}00{tag[4:6]}"


def _tag_of(part: str) -> str:
    if _TAG.fullmatch(part):
        return part.upper()
    tag = tag_of(part) if _KEYWORD.fullmatch(part) else None
    if tag is None:
        raise InputError("the query names an attribute that is not known: use a DICOM keyword or eight hex digits")
    return f"{tag:08X}"
