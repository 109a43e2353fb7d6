"""Dates, times and moments, alone and as ranges.

A value that leaves out its last components stands for all moments that begin with it: as a lower bound it is the first
of them, as an upper bound the last, alone all of them. A stored value stands for the first. Dates and times are
compared each for itself, not combined. Source: PS3.4 section C.2.2.2.5, PS3.5 section 6.2.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from fiducia.errors import InputError

Span: TypeAlias = tuple[int, int]
"""The first and the last microsecond, or day, that a value stands for."""

_DATE = re.compile(r"([0-9]{4})[.]?([0-9]{2})[.]?([0-9]{2})", re.ASCII)  # the dots are ACR-NEMA's
_TIME = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:[.]([0-9]{1,6}))?)?)?", re.ASCII)
_MOMENT = re.compile(r"([0-9]{4})([0-9]{2})?([0-9]{2})?([0-9.]{2,13})?([+-][0-9]{4})?", re.ASCII)
_VALUE_MAX_CHARS = 64
_SECOND_US, _DAY_US = 1_000_000, 86_400_000_000
_OFFSETS_MIN = range(-12 * 60, 14 * 60 + 1)


@dataclass(frozen=True, slots=True)
class Range:
    """What a key asks for: between two bounds, both of which belong to it."""

    span_of: Callable[[str], Span | None]
    first: int | None
    last: int | None

    def holds(self, text: str) -> bool:
        """Tell whether a stored value is inside."""
        span = self.span_of(text.strip()) if len(text) <= _VALUE_MAX_CHARS else None
        if span is None:
            return False
        return (self.first is None or self.first <= span[0]) and (self.last is None or span[0] <= self.last)


def range_of(vr: str, text: str) -> Range:
    """Return what a DA, TM or DT key asks for.

    Raises:
        InputError: the key is neither a value of its representation nor a range of two.
    """
    span_of, form = _KINDS[vr]
    text = text.strip()
    if len(text) <= 2 * _VALUE_MAX_CHARS:
        if single := span_of(text):
            return Range(span_of, *single)
        for hyphen in (match.start() for match in re.finditer("-", text)):
            before, after = text[:hyphen].strip(), text[hyphen + 1 :].strip()
            first, last = span_of(before), span_of(after)
            if (before or after) and (first or not before) and (last or not after):
                return Range(span_of, first[0] if first else None, last[1] if last else None)
    raise InputError(f"{form}, or a range of two with a hyphen between them")


def _date_span(text: str) -> Span | None:
    found = _DATE.fullmatch(text)
    day = _day(*map(int, found.groups())) if found else None
    return None if day is None else (day, day)


def _time_span(text: str) -> Span | None:
    found = _TIME.fullmatch(text)
    if not found:
        return None
    hour, minute, second, fraction = found.groups()
    if int(hour) > 23 or int(minute or 0) > 59 or int(second or 0) > 60:
        return None
    first = (int(hour) * 3600 + int(minute or 0) * 60 + int(second or 0)) * _SECOND_US
    if minute is None:
        length = 3600 * _SECOND_US
    elif second is None:
        length = 60 * _SECOND_US
    elif fraction is None:
        length = _SECOND_US
    else:
        first += int(fraction.ljust(6, "0"))
        length = 10 ** (6 - len(fraction))
    return first, first + length - 1


def _moment_span(text: str) -> Span | None:
    found = _MOMENT.fullmatch(text)
    if not found:
        return None
    year, month, day, time, offset = found.groups()
    if offset and _minutes(offset) not in _OFFSETS_MIN:
        return None
    span = _time_span(time) if time and day else (0, _DAY_US - 1)
    if span is None or ":" in (time or "") or (time and not day):
        return None
    begin = _day(int(year), int(month or 1), int(day or 1))
    if begin is None:
        return None
    last_month = int(month or 12)
    end = _day(int(year), last_month, int(day or monthrange(int(year), last_month)[1]))
    if end is None:
        return None
    shift = _minutes(offset) * 60 * _SECOND_US if offset else 0
    return begin * _DAY_US + span[0] - shift, end * _DAY_US + span[1] - shift


def _minutes(offset: str) -> int:
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    return -minutes if offset.startswith("-") else minutes


def _day(year: int, month: int, day: int) -> int | None:
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return None


_KINDS: dict[str, tuple[Callable[[str], Span | None], str]] = {
    "DA": (_date_span, "a date is written YYYYMMDD"),
    "TM": (_time_span, "a time is written HHMMSS, or less of it"),
    "DT": (_moment_span, "a date with a time is written YYYYMMDDHHMMSS, or less of it"),
}
