"""Writes DICOM files byte by byte for tests, independently of the code under test: also wrong ones."""

from __future__ import annotations

import zlib
from io import BytesIO
from struct import pack

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
CT = "1.2.840.10008.5.1.4.1.1.2"
LONG = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
UNDEFINED = 0xFFFFFFFF

Elements = dict[int, tuple[str, bytes]]


def element(tag: int, vr: str, value: bytes = b"", syntax: str = EXPLICIT, length: int | None = None) -> bytes:
    """One element; `length` lies about it. Values are padded to an even length unless it does."""
    if length is None:
        value += (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(value) % 2)
        length = len(value)
    order = ">" if syntax == BIG_ENDIAN else "<"
    head = pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT:
        return head + pack("<I", length) + value
    if vr in LONG:
        return head + vr.encode() + b"\0\0" + pack(f"{order}I", length) + value
    return head + vr.encode() + pack(f"{order}H", length) + value


def item(content: bytes, *, undefined: bool = False, order: str = "<") -> bytes:
    """One item (FFFE,E000)."""
    if undefined:
        return pack(f"{order}HHI", 0xFFFE, 0xE000, UNDEFINED) + content + pack(f"{order}HHI", 0xFFFE, 0xE00D, 0)
    return pack(f"{order}HHI", 0xFFFE, 0xE000, len(content)) + content


def sequence(tag: int, *items: bytes, undefined: bool = False, syntax: str = EXPLICIT) -> bytes:
    """One sequence of whole items."""
    order = ">" if syntax == BIG_ENDIAN else "<"
    content = b"".join(items)
    if undefined:
        return element(tag, "SQ", content + pack(f"{order}HHI", 0xFFFE, 0xE0DD, 0), syntax, UNDEFINED)
    return element(tag, "SQ", content, syntax)


def fragments(*values: bytes, table: tuple[int, ...] = (), end: bool = True) -> bytes:
    """Encapsulated Pixel Data: a Basic Offset Table and fragments."""
    content = item(pack(f"<{len(table)}I", *table)) + b"".join(item(value) for value in values)
    content += pack("<HHI", 0xFFFE, 0xE0DD, 0) if end else b""
    return element(0x7FE00010, "OB", content, EXPLICIT, UNDEFINED)


def ct_elements(rows: int = 4, columns: int = 4, patient_id: bytes = b"SECRET-7") -> Elements:
    """The attributes of a small CT image, without Pixel Data."""
    return {
        0x00080016: ("UI", CT.encode()),
        0x00080018: ("UI", b"1.2.3.99.1"),
        0x00080060: ("CS", b"CT"),
        0x00100010: ("PN", b"Hidden^Person"),
        0x00100020: ("LO", patient_id),
        0x0020000D: ("UI", b"1.2.3.99"),
        0x0020000E: ("UI", b"1.2.3.99.0"),
        0x00200011: ("IS", b"3"),
        0x00200013: ("IS", b"12"),
        0x00280002: ("US", pack("<H", 1)),
        0x00280004: ("CS", b"MONOCHROME2"),
        0x00280010: ("US", pack("<H", rows)),
        0x00280011: ("US", pack("<H", columns)),
        0x00280100: ("US", pack("<H", 16)),
    }


def data_set(elements: Elements, syntax: str = EXPLICIT) -> bytes:
    """A data set in ascending order; 16-bit numbers are turned for big endian."""
    written = b""
    for tag, (vr, value) in sorted(elements.items()):
        if syntax == BIG_ENDIAN and vr in ("US", "OW"):
            value = b"".join(value[i : i + 2][::-1] for i in range(0, len(value), 2))
        written += element(tag, vr, value, syntax)
    return written


def part10(body: bytes, syntax: str = EXPLICIT, *, meta: bytes | None = None, length: int | None = None) -> bytes:
    """A DICOM file around a data set; `meta` replaces the elements after the group length, which `length` fakes."""
    if meta is None:
        meta = element(0x00020001, "OB", b"\0\1") + element(0x00020002, "UI", CT.encode())
        meta += element(0x00020003, "UI", b"1.2.3.99.1") + element(0x00020010, "UI", syntax.encode())
    if syntax == DEFLATED:
        body = deflate(body)
    group_length = element(0x00020000, "UL", pack("<I", len(meta) if length is None else length))
    return bytes(128) + b"DICM" + group_length + meta + body


def deflate(body: bytes) -> bytes:
    """A raw RFC 1951 stream."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def instance(changes: dict[int, tuple[str, bytes] | None] | None = None, syntax: str = EXPLICIT) -> bytes:
    """A storable CT image of 4 x 4 pixels with some elements changed (None: left out)."""
    elements: dict[int, tuple[str, bytes] | None] = {**ct_elements(), 0x7FE00010: ("OW", bytes(range(32)))}
    elements.update(changes or {})
    return part10(data_set({tag: value for tag, value in elements.items() if value}, syntax), syntax)


def named(study: str, series: str, sop: str, patient_id: str = "P1", **more: str) -> bytes:
    """A storable instance with these identifiers; `series_number`, `instance_number`, `pixel` may be given."""
    return instance(
        {
            0x0020000D: ("UI", study.encode()),
            0x0020000E: ("UI", series.encode()),
            0x00080018: ("UI", sop.encode()),
            0x00100020: ("LO", patient_id.encode()),
            0x00200011: ("IS", more.get("series_number", "1").encode()),
            0x00200013: ("IS", more.get("instance_number", "1").encode()),
            0x7FE00010: ("OW", more.get("pixel", "x").encode() * 32),
        }
    )


class Counting(BytesIO):
    """A stream that knows how many bytes were read from it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read and count."""
        data = super().read(size)
        self.count += len(data)
        return data
