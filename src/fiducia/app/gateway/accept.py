"""What a client accepts: the Accept header and the `accept` parameter, read within bounds.

Lenient where real clients are loose and it does no harm: a type with a slash and no quotation marks, a parameter
repeated, Java's "*; q=.2". Source: RFC 9110 section 12.5.1, PS3.18 sections 8.3.3.1 and 8.7.3.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fiducia.errors import InputError

ANY, MULTIPART = "*/*", "multipart/related"
HEADER_MAX_CHARS, RANGES_MAX, PARAMETERS_MAX = 8192, 64, 16
_ALIASES = {
    "*": ANY,
    "image/x-jls": "image/jls",  # Cornerstone's and dicomweb-client's names
    "image/x-dicom-rle": "image/dicom-rle",
    "video/mpeg2": "video/mpeg",
}
_TOKEN = r"[\w.!#$&^+-]{1,127}"
_KIND = re.compile(rf"\*|\*/\*|{_TOKEN}/(?:\*|{_TOKEN})", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII)
_Q = re.compile(r"0?[.][0-9]{1,3}|0[.]?|1(?:[.]0{0,3})?", re.ASCII)
_SYNTAX = re.compile(r"\*|[0-9.]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Range:
    """One media range of an Accept header.

    Attributes:
        kind: its type and subtype; of multipart/related those of its parts, ANY when it does not say.
        multipart: whether it is multipart/related.
        syntax: its transfer-syntax parameter, "" when it has none.
        q: its weight, 0 to 1; 0 refuses.
    """

    kind: str
    multipart: bool = False
    syntax: str = ""
    q: float = 1.0


@dataclass(frozen=True, slots=True)
class Accept:
    """What a client accepts: the `accept` parameter's ranges and, where none of them serves, the header's."""

    parameter: tuple[Range, ...] = ()
    header: tuple[Range, ...] = ()

    def named(self) -> Iterator[Range]:
        """Yield ranges that name a media type, the best first."""
        for tier in (self.parameter, self.header):
            yield from sorted((one for one in tier if one.q and "*" not in one.kind), key=lambda one: -one.q)

    def wild(self) -> Iterator[Range]:
        """Yield ranges with wildcards, the best first."""
        for tier in (self.parameter, self.header):
            yield from sorted((one for one in tier if one.q and "*" in one.kind), key=lambda one: -one.q)

    def refuses(self, kind: str, multipart: bool) -> bool:
        """Tell whether a media type is named with a weight of 0."""
        ranges = (*self.parameter, *self.header)
        return any(not one.q and one.kind == kind and one.multipart == multipart for one in ranges)


def parse_accept(header: str | None, parameter: str | None = None) -> Accept:
    """Return what a client accepts.

    Args:
        header: the Accept header's value; None or empty when there is none.
        parameter: the `accept` query parameter's value, decoded (section 8.3.3.1).

    Raises:
        InputError: one of them is not a list of media ranges, or is beyond the bounds.
    """
    asked = _ranges(parameter or "", decoded=True)
    ranges = _ranges(header or "")
    return Accept(asked, ranges if ranges or asked else (Range(ANY),))


def _ranges(text: str, decoded: bool = False) -> tuple[Range, ...]:
    if len(text) > HEADER_MAX_CHARS:
        raise InputError(f"Accept has at most {HEADER_MAX_CHARS} characters")
    parts = [part.strip() for part in _split(text, ",")]
    found = [_range(part, decoded) for part in parts if part]
    if len(found) > RANGES_MAX:
        raise InputError(f"Accept has at most {RANGES_MAX} media ranges")
    return tuple(found)


def _range(text: str, decoded: bool) -> Range:
    kind, *parameters = (part.strip() for part in _split(text, ";"))
    kind = _kind(kind.replace(" ", "+") if decoded else kind)  # a + that was not escaped in a URL
    if len(parameters) > PARAMETERS_MAX:
        raise InputError(f"a media range has at most {PARAMETERS_MAX} parameters")
    named: dict[str, str] = {}
    for name, value in map(_parameter, filter(None, parameters)):
        if named.setdefault(name, value) != value:  # the same once more does no harm: proxies repeat it
            raise InputError("a media range gives a parameter twice")
    q, syntax = named.get("q", "1"), named.get("transfer-syntax", "")
    if not _Q.fullmatch(q):
        raise InputError("a media range's q is 0 to 1 with at most three decimals")
    if syntax and not _SYNTAX.fullmatch(syntax):
        raise InputError("a media range's transfer-syntax is a UID or *")
    multipart = kind == MULTIPART
    if multipart:
        kind = _kind(named.get("type", ANY))
    return Range(kind, multipart, syntax, float(q))


def _kind(text: str) -> str:
    if not _KIND.fullmatch(text):
        raise InputError("Accept names something that is no media type")
    return _ALIASES.get(text.lower(), text.lower())


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name, value = name.strip().lower(), value.strip()
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            raise InputError("Accept has a quotation mark without another")
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    if not equals or not _NAME.fullmatch(name):
        raise InputError("a media range has a parameter that is none")
    return name, value


def _split(text: str, separator: str) -> list[str]:
    """Parts of a list, whose quoted strings may have the separator in them."""
    parts, begin, quoted, escaped = [], 0, False, False
    for place, character in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]]
