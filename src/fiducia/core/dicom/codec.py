"""The ways in which data sets are written, and the shapes in which they are handed on.

Owns: value representations (PS3.5 section 6.2) with the form of their length field (section 7.1), byte order,
and which transfer syntax writes how (annex A). Not here: walking (`elements`), pixels (`pixels`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple, TypeAlias

from fiducia.errors import DicomError

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


class Bulk(NamedTuple):
    """A value that was left where it is: offset from the start of the file, length in bytes."""

    offset: int
    length: int


class Fragments(Bulk):
    """The same of a value in fragments, offset table and delimiter included: an icon's."""

    __slots__ = ()


Value: TypeAlias = "bytes | Bulk | list[list[Element]]"
Element: TypeAlias = tuple[int, str, Value]  # tag, VR (or a choice such as "US or SS"), value or items


@dataclass(frozen=True, slots=True)
class Codec:
    """One way of writing elements."""

    implicit: bool
    big_endian: bool
    explicit_header: Struct  # group, element, VR, 16-bit length
    plain_header: Struct  # group, element, 32-bit length: implicit elements, items, delimiters
    long_length: Struct  # the 32-bit length that follows two reserved bytes


IMPLICIT_LITTLE = Codec(True, False, Struct("<HH2sH"), Struct("<HHI"), Struct("<I"))
EXPLICIT_LITTLE = Codec(False, False, Struct("<HH2sH"), Struct("<HHI"), Struct("<I"))
EXPLICIT_BIG = Codec(False, True, Struct(">HH2sH"), Struct(">HHI"), Struct(">I"))

_LONG = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
_SHORT = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
# Two letters as they stand in the file -> VR, and whether its length field has 32 bits.
REPRESENTATIONS = {vr.encode(): (vr, vr in _LONG) for vr in f"{_LONG} {_SHORT}".split()}
BINARY = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN", "AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"])


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """How an instance with this transfer syntax UID is written."""

    codec: Codec
    encapsulated: bool = False
    deflated: bool = False


_PLAIN = {
    "1.2.840.10008.1.2": TransferSyntax(IMPLICIT_LITTLE),
    "1.2.840.10008.1.2.1": TransferSyntax(EXPLICIT_LITTLE),
    "1.2.840.10008.1.2.1.99": TransferSyntax(EXPLICIT_LITTLE, deflated=True),
    "1.2.840.10008.1.2.2": TransferSyntax(EXPLICIT_BIG),
}
_ENCAPSULATED = TransferSyntax(EXPLICIT_LITTLE, encapsulated=True)
# JPEG, JPEG-LS, JPEG 2000, MPEG, HEVC, HTJ2K, JPEG XL; RLE; uncompressed or deflated frames in fragments.
_ENCAPSULATED_UID = re.compile(r"1\.2\.840\.10008\.1\.2\.(4\.[1-9][0-9]{1,2}(\.1)?|5|1\.98|8\.1)", re.ASCII)
_JPIP = frozenset(f"1.2.840.10008.1.2.4.{tail}" for tail in ("94", "95", "204", "205"))


def transfer_syntax(uid: str) -> TransferSyntax:
    """Return how a transfer syntax writes.

    Raises:
        DicomError: private or retired, or one whose pixels lie on a server elsewhere (JPIP).
    """
    if known := _PLAIN.get(uid):
        return known
    if uid in _JPIP:
        raise DicomError("the pixels are on a JPIP server, not in the file: export the instance with its pixels")
    if _ENCAPSULATED_UID.fullmatch(uid):
        return _ENCAPSULATED
    raise DicomError("the transfer syntax is private or unknown: convert the instance to a standard one")


def name_tag(tag: int) -> str:
    """Return a tag as people write it: (0010,0020)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
