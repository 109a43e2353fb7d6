"""What one key asks of an attribute's values, by its representation.

A condition looks at a list of JSON values, empty when the attribute is absent or has none, and is total: a value of
another kind than its representation has does not fit. Of several values one must fit. A key of several values
(separated by backslashes; UIDs and code strings by commas too) is fitted by any of them, and by no less than all with
multiple value matching. Source: PS3.4 section C.2.2.2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from fiducia.core.dicom.query.names import same_name, similar_name
from fiducia.core.dicom.query.ranges import range_of
from fiducia.core.dicom.query.wildcards import is_pattern, pattern
from fiducia.errors import InputError

Condition: TypeAlias = Callable[[Sequence[Any]], bool]
_Test: TypeAlias = Callable[[Any], bool]

TEXT_MAX_CHARS, UIDS_MAX, UID_MAX_CHARS, VALUES_MAX = 1024, 1000, 64, 64
_LISTS = frozenset({"AE", "AS", "AT", "CS", "LO", "PN", "SH", "UC"})  # PS3.4 section C.2.2.2.8
_PATTERNS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_NUMBERS = frozenset({"DS", "IS", "FL", "FD", "SL", "SS", "SV", "UL", "US", "UV", "US or SS"})
_NUMBER = re.compile(r"[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_MATCHED = _LISTS | _PATTERNS | _NUMBERS | {"DA", "TM", "DT", "UI", ""}


@dataclass(frozen=True, slots=True)
class Manner:
    """How a query's keys are to be read: its parameters of these names."""

    fuzzymatching: bool = False
    emptyvaluematching: bool = False
    multiplevaluematching: bool = False


def can_match(vr: str) -> bool:
    """Tell whether values of a representation can be asked for; "" stands for one that is not known."""
    return vr in _MATCHED


def is_universal(text: str) -> bool:
    """Tell whether a key asks for nothing (PS3.4 section C.2.2.2.3)."""
    return not text.strip(" *")


def is_empty(values: Sequence[Any]) -> bool:
    """The condition of a key of two quotation marks (PS3.4 section C.2.2.2.7)."""
    return all(value in (None, "", {}) for value in values)


def condition_of(vr: str, text: str, manner: Manner) -> Condition:
    """Return what a key that is not universal asks for.

    Args:
        vr: its representation, one that `can_match`.
        text: its value.
        manner: how it is to be read.

    Raises:
        InputError: the value is too long, or not one of its representation.
    """
    if manner.emptyvaluematching and text.strip() == '""':
        return is_empty
    if vr == "UI":
        return _uids(text)
    if len(text) > TEXT_MAX_CHARS:
        raise InputError(f"a value to look for has at most {TEXT_MAX_CHARS} characters")
    parts = _parts(vr, text)
    if manner.multiplevaluematching and len(parts) > 1 and any(map(is_pattern, parts)):
        raise InputError("with multiple value matching, values have no wildcards")
    tests = [_test_of(vr, part, manner) for part in parts]
    if manner.multiplevaluematching:
        return lambda values: all(any(map(test, values)) for test in tests)
    return lambda values: any(test(value) for test in tests for value in values)


def _parts(vr: str, text: str) -> list[str]:
    if vr not in _LISTS:
        return [text]
    parts = [part for part in re.split(r"[\\,]" if vr == "CS" else r"\\", text) if part.strip()]
    if not 1 <= len(parts) <= VALUES_MAX:
        raise InputError(f"one to {VALUES_MAX} values can be looked for at once")
    return parts


def _uids(text: str) -> Condition:
    """PS3.4 section C.2.2.2.2."""
    wanted = frozenset(filter(None, (uid.strip(" \0") for uid in re.split(r"[\\,]", text, maxsplit=UIDS_MAX))))
    if not 1 <= len(wanted) <= UIDS_MAX or any(len(uid) > UID_MAX_CHARS or is_pattern(uid) for uid in wanted):
        raise InputError(f"UIDs are looked for whole, at most {UIDS_MAX} at once, without wildcards")
    return lambda values: any(isinstance(value, str) and value in wanted for value in values)


def _test_of(vr: str, text: str, manner: Manner) -> _Test:
    """What one value of a key asks of one value of an attribute."""
    if vr in ("DA", "TM", "DT"):
        span = range_of(vr, text)
        return lambda value: isinstance(value, str) and span.holds(value)
    if vr in _NUMBERS:
        number = _number(text)
        if number is None:
            raise InputError("a number was expected")
        return lambda value: _number(value) == number
    wanted = text.strip()
    if vr == "PN":
        return similar_name(wanted) if manner.fuzzymatching else same_name(wanted)
    if vr == "AT":
        wanted = wanted.upper()
    fits = pattern(wanted) if vr in _PATTERNS or not vr else wanted.__eq__
    return lambda value: isinstance(value, str) and fits(value.strip())


def _number(value: Any) -> float | int | None:
    if isinstance(value, str):
        text = value.strip()
        if len(text) > UID_MAX_CHARS or not _NUMBER.fullmatch(text):
            return None
        if text.lstrip("+-").isdecimal():
            return int(text)  # exactly: a float would take neighbours beyond 2^53 for one
        value = float(text)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
