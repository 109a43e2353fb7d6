"""Person names, compared as people would: no case, no accents, no trailing components.

A stored name has up to three component groups (the JSON model's Alphabetic, Ideographic, Phonetic); a key without "="
may fit any of them. Source: PS3.5 section 6.2.1, PS3.4 sections C.2.2.2.1 and C.2.2.2.4, PS3.18 section 8.3.4.2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from fiducia.core.dicom.query.wildcards import pattern

_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_ACCENTS = re.compile("[\\u0300-\\u036f]")  # these alone: a Japanese voicing mark is no accent
_BREAKS = re.compile(r"[\s^=,.]+")
_NAME_MAX_CHARS = 1024


def same_name(key: str) -> Callable[[Any], bool]:
    """Return what tells whether a stored name is the key's, which may have wildcards.

    Raises:
        InputError: the key has wildcards and is too long.
    """
    wanted = [pattern(group) if group else None for group in map(_folded, key.split("=", len(_GROUPS)))]

    def fits(value: Any) -> bool:
        groups = _groups_of(value)
        if len(wanted) == 1:
            return any(group and wanted[0] and wanted[0](group) for group in groups)
        groups += [""] * (len(wanted) - len(groups))
        return all(want is None or want(group) for want, group in zip(wanted, groups, strict=False))

    return fits


def similar_name(key: str) -> Callable[[Any], bool]:
    """Return what tells whether every word of the key begins a word of a stored name, in any order.

    Raises:
        InputError: a word has wildcards and is too long.
    """
    wanted = [pattern(f"{word}*") for word in _words(_folded(key))]

    def fits(value: Any) -> bool:
        words = [word for group in _groups_of(value) for word in _words(group)]
        return bool(words) and all(any(map(want, words)) for want in wanted)

    return fits


def _words(group: str) -> list[str]:
    return [word for word in _BREAKS.split(group) if word]


def _groups_of(value: Any) -> list[str]:
    """A stored name's groups, ready to compare; "" where there is none."""
    groups: list[Any] = []
    if isinstance(value, Mapping):
        groups = [value.get(name) for name in _GROUPS]
    elif isinstance(value, str):
        groups = value.split("=", len(_GROUPS))[: len(_GROUPS)]
    return [_folded(group[:_NAME_MAX_CHARS]) if isinstance(group, str) else "" for group in groups]


def _folded(group: str) -> str:
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", group.casefold()))
    return unicodedata.normalize("NFKC", bare).casefold().strip().rstrip("^ ")
