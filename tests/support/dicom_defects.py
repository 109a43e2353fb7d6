"""Instances with one defect each, beside a neighbour without it; written byte by byte, like `tests.support.dicom`."""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack

from tests.support import dicom as d

Changes = dict[int, tuple[str, bytes] | None]

META: d.Elements = {
    0x00020001: ("OB", b"\0\1"),
    0x00020002: ("UI", d.CT.encode()),
    0x00020003: ("UI", b"1.2.3.99.1"),
    0x00020010: ("UI", d.EXPLICIT.encode()),
    0x00020012: ("UI", b"1.2.3.99.7"),
}


def us(number: int) -> tuple[str, bytes]:
    return "US", pack("<H", number)


def body(changes: Changes | None = None, pixels: bytes | None = None) -> bytes:
    """A data set without defects, but for the changes; `pixels` replaces the whole Pixel Data element."""
    elements: Changes = {**d.ct_elements(), 0x00280101: us(12), 0x00280102: us(11), 0x00280103: us(0)}
    if pixels is None:
        elements[0x7FE00010] = ("OW", bytes(range(32)))
    elements.update(changes or {})
    return d.data_set({tag: value for tag, value in elements.items() if value}) + (pixels or b"")


def file(
    changes: Changes | None = None,
    *,
    pixels: bytes | None = None,
    meta: Changes | None = None,
    syntax: str = d.EXPLICIT,
    preamble: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """A file without defects, but for what is given."""
    named: Changes = {**META, 0x00020010: ("UI", syntax.encode()), **(meta or {})}
    written = d.data_set({tag: value for tag, value in named.items() if value})
    data = d.part10(body(changes, pixels), syntax, meta=written)
    return preamble + data[len(preamble) :] + tail


@dataclass(frozen=True, slots=True)
class Case:
    """An instance that has a defect, and one nearly like it that has not."""

    code: str
    name: str
    bad: bytes
    good: bytes


def value(code: str, tag: int, vr: str, bad: bytes, good: bytes) -> Case:
    """One element's value."""
    return Case(code, f"{vr} {bad[:24]!r}", file({tag: (vr, bad)}), file({tag: (vr, good)}))


def jpeg(pixels: bytes, frames: int = 1, syntax: str = d.JPEG, **more: tuple[str, bytes]) -> bytes:
    changes: Changes = {0x00280008: ("IS", b"%d" % frames)}
    changes |= {int(tag[1:], 16): given for tag, given in more.items()}
    return file(changes, pixels=pixels, syntax=syntax)


def nested(levels: int) -> bytes:
    inner = b""
    for _ in range(levels):
        inner = d.sequence(0x00081140, d.item(inner))
    return file({0x00081140: ("SQ", inner[12:])})


def preambles(code: str, good: bytes, *beginnings: bytes) -> list[Case]:
    return [Case(code, repr(begin[:12]), file(preamble=begin), file(preamble=good)) for begin in beginnings]


def at_257(text: bytes) -> bytes:
    """A file with this text at byte 257, in Private Information: where tar's signature stands."""
    private: Changes = {
        0x00020003: None,
        0x00020012: None,
        0x00020100: ("UI", b"1.2.3"),
        0x00020102: ("OB", bytes(300)),
    }
    data = file(meta=private)
    return data[:257] + text + data[257 + len(text) :]


def report(text: bytes) -> bytes:
    """A structured report that ends with this text."""
    sop_class = ("UI", b"1.2.840.10008.5.1.4.1.1.88.11")
    changes: Changes = {0x00080016: sop_class, 0x0040A160: ("UT", text)}
    changes |= dict.fromkeys([0x7FE00010, *(tag for tag in d.ct_elements() if tag >> 16 == 0x28)])
    return file(changes, meta={0x00020002: sop_class})


ONE_BYTE: Changes = {0x00280100: us(8), 0x00280101: us(8), 0x00280102: us(7)}
RGB: Changes = {**ONE_BYTE, 0x00280002: us(3), 0x00280004: ("CS", b"RGB"), 0x7FE00010: ("OW", bytes(48))}
PALETTE: Changes = {0x00280004: ("CS", b"PALETTE COLOR")}
EOCD = b"PK\5\6" + bytes(18)
PADDING = d.element(0xFFFCFFFC, "OB", bytes(30))
PROGRAMS = [b"MZ\x90\0", b"\x7fELF\2", b"#!/bin/sh\n", b"\xfe\xed\xfa\xcf", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"]
PAGES = [b"<html>", b" \r\n<SCRIPT>", b"\xef\xbb\xbf<svg ", b"<?xml ", b"<!DOCTYPE html>", b"\0\0<%@page"]
ARCHIVES = [b"PK\3\4", b"Rar!\x1a\7", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b\x08", b"MSCF"]
PICTURES = [b"GIF87a", b"GIF89a", b"\x89PNG\r\n", b"\xff\xd8\xff\xe0", b"RIFF", b"\0\0\0\x18ftypheic"]
DOCUMENTS = [b"%PDF-1.7", b"\n\n %PDF-1.4", b"%!PS-Adobe", b"{\\rtf1", b"\xd0\xcf\x11\xe0"]

EDGES = [
    *preambles("preamble-tiff", b"II-\0", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    *preambles("preamble-unknown", b"made by a scanner", b"\x01\x02\x03", b"text\xff"),
    *preambles("preamble-foreign", b"a < b", *PROGRAMS, *PAGES, *ARCHIVES, *PICTURES, *DOCUMENTS),
    Case(
        "preamble-foreign",
        "a PDF within the first kilobyte",
        file({0x00081030: ("LO", b"%PDF-1.7")}),
        file({0x00081030: ("LO", b"a PDF-1.7")}),
    ),
    Case("preamble-foreign", "tar", at_257(b"ustar"), at_257(b"tar of")),
    Case("trailing-padding", "zeros", file(tail=bytes(512)), file(tail=PADDING)),
    Case("trailing-padding", "eight bytes", file(tail=b"\1\2\3\4\5\6\7\x08"), file()),
    Case("trailing-bytes", "nine bytes", file(tail=b"\1\2\3\4\5\6\7\x08\x09"), file(tail=b"\1\2\3\4\5\6\7\x08")),
    Case("trailing-bytes", "behind deflate", file(syntax=d.DEFLATED, tail=b"x" * 20), file(syntax=d.DEFLATED)),
    Case("trailing-foreign", "ZIP", file(tail=d.element(0xFFFCFFFC, "OB", EOCD)), file(tail=PADDING)),
    Case("trailing-foreign", "PDF", file(tail=d.element(0xFFFCFFFC, "OB", b"%PDF-1.7")), file(tail=PADDING)),
    Case("trailing-foreign", "a report that is a ZIP", report(EOCD), report(b"PK")),
]
HEADS = [
    *(Case("meta-incomplete", f"{tag:08X}", file(meta={tag: None}), file()) for tag in META if tag != 0x00020010),
    Case("meta-version", "2", file(meta={0x00020001: ("OB", b"\0\2")}), file()),
    Case(
        "meta-unknown",
        "(0002,0099)",
        file(meta={0x00020099: ("LO", b"x")}),
        file(meta={0x00020013: ("SH", b"x"), 0x00020016: ("AE", b"HERE")}),
    ),
    Case(
        "meta-private",
        "without creator",
        file(meta={0x00020102: ("OB", b"ab")}),
        file(meta={0x00020100: ("UI", b"1.2.3"), 0x00020102: ("OB", b"ab")}),
    ),
    Case("meta-private", "only the creator", file(meta={0x00020100: ("UI", b"1.2.3")}), file()),
    Case("meta-instance-differs", "other", file(meta={0x00020003: ("UI", b"1.2.3.99.8")}), file()),
    Case("meta-class-differs", "MR", file(meta={0x00020002: ("UI", b"1.2.840.10008.5.1.4.1.1.4")}), file()),
    Case("uid-shared", "series, study", file({0x0020000E: ("UI", b"1.2.3.99")}), file()),
    Case("uid-shared", "instance, series", file({0x0020000E: ("UI", b"1.2.3.99.1")}), file()),
    Case("uid-shared", "study, class", file({0x0020000D: ("UI", d.CT.encode())}), file()),
    Case("uid-shared", "series, transfer syntax", file({0x0020000E: ("UI", d.EXPLICIT.encode())}), file()),
    value("uid-well-known", 0x0020000D, "UI", b"1.2.840.10008.77", b"1.2.840.100080.77"),
    value("uid-syntax", 0x00080014, "UI", b"1.02.3", b"1.0.2.3"),
    value("uid-syntax", 0x00081163, "UI", b"1.2.3\\1.2.x", b"1.2.3\\1.2.4"),
]
VALUES = [
    Case(
        "key-representation", "Patient ID as PN", file({0x00100020: ("PN", b"P1")}), file({0x00100020: ("UN", b"P1")})
    ),
    Case("key-representation", "Rows as SS", file({0x00280010: ("SS", b"\4\0")}), file({0x00280010: us(4)})),
    Case(
        "representation",
        "Study Date as LO",
        file({0x00080020: ("LO", b"20200101")}),
        file({0x00080020: ("DA", b"20200101"), 0x00280106: ("SS", b"\1\0"), 0x00280107: us(1)}),
    ),
    value("multiplicity", 0x00200032, "DS", b"1\\2", b"1\\2\\3"),
    value("multiplicity", 0x00100040, "CS", b"M\\F", b"M"),
    value("multiplicity", 0x00189087, "FD", bytes(16), bytes(8)),
    value("multiplicity", 0x00280030, "DS", b"1.5", b"1.5\\1.5"),
    value("multiplicity", 0x00280120, "US", bytes(4), bytes(2)),
    value("value-width", 0x00280009, "AT", bytes(6), bytes(4)),
    value("value-width", 0x00189087, "FD", bytes(12), bytes(8)),
    Case(
        "value-odd",
        "LO of three bytes",
        file(pixels=d.element(0x00280303, "CS", b"YES", length=3) + d.element(0x7FE00010, "OW", bytes(32))),
        file({0x00280303: ("CS", b"YES")}),
    ),
    Case(
        "value-odd",
        "a fragment",
        jpeg(d.fragments(b"abc")),
        jpeg(d.fragments(b"abcd")),
    ),
    value("value-long", 0x00080050, "SH", b"x" * 17, b"x" * 16),
    value("value-long", 0x00081030, "LO", b"x" * 65, b"x" * 64),
    value("value-long", 0x00181020, "LO", b"x" * 65 + b"\\y", b"x" * 64 + b"\\" + b"y" * 64),
    value("value-long", 0x00100010, "PN", b"a=" + b"b" * 65, b"a" * 60 + b"=" + b"b" * 64),
    value("value-long", 0x00280030, "DS", b"1.2345678901234567\\1", b"1.23456789012345\\1"),
    value("value-long", 0x00200013, "IS", b"1" * 13, b"1" * 12),
    value("value-long", 0x00080081, "ST", b"x" * 1025, b"x" * 1024),
    value("value-long", 0x00104000, "LT", b"x" * 10241, b"x\r\n" * 3000),
    value("value-form", 0x00080008, "CS", b"ORIGINAL\\primary", b"ORIGINAL\\PRIMARY\\AXIAL "),
    value("value-form", 0x00181030, "LO", b"a\nb", b"a  b"),
    value("value-form", 0x00080020, "DA", b"2020.1.1", b"20200101"),
    value("value-form", 0x00080030, "TM", b"12:30", b"123045.5 "),
    value("value-form", 0x0008002A, "DT", b"yesterday", b"20200101123000.25+0100"),
    value("value-form", 0x00101010, "AS", b"0Y", b"000Y"),
    value("value-form", 0x00280030, "DS", b"1,5\\1", b" 1.5e-3\\-.5"),
    value("value-form", 0x00200011, "IS", b"1.5", b"-15 "),
    value("value-form", 0x00080054, "AE", b"A\tB", b"MY STATION"),
    Case(
        "value-form",
        "within sequences",
        file({0x00081140: ("SQ", d.item(d.sequence(0x00081140, d.item(d.element(0x00080060, "CS", b"ct")))))}),
        file({0x00081140: ("SQ", d.item(d.sequence(0x00081140, d.item(d.element(0x00080060, "CS", b"CT")))))}),
    ),
    Case(
        "element-unknown",
        "(0008,7777)",
        file({0x00087777: ("LO", b"x")}),
        file({0x60020010: us(1), 0x00080000: ("UL", bytes(4))}),
    ),
    Case(
        "private-creator",
        "none",
        file({0x00091101: ("LO", b"x"), 0x00090010: ("LO", b"MAKER")}),
        file({0x00091101: ("LO", b"x"), 0x00090011: ("LO", b"MAKER"), 0x000910FF: None}),
    ),
    Case(
        "private-creator",
        "another item's",
        file({0x00081140: ("SQ", d.item(d.element(0x00091001, "LO", b"x"))), 0x00090010: ("LO", b"MAKER")}),
        file({0x00081140: ("SQ", d.item(d.element(0x00090010, "LO", b"MAKER") + d.element(0x00091001, "LO", b"x")))}),
    ),
    value("charset-term", 0x00080005, "CS", b"ISO_IR 99", b"ISO_IR 100"),
    value("charset-term", 0x00080005, "CS", b"\\ISO 2022 IR 0", b"\\ISO 2022 IR 87"),
    Case(
        "charset-text",
        "UTF-8",
        file({0x00080005: ("CS", b"ISO_IR 192"), 0x00081030: ("LO", b"\xe9t\xe9")}),
        file({0x00080005: ("CS", b"ISO_IR 192"), 0x00081030: ("LO", "été".encode())}),
    ),
    Case(
        "charset-text",
        "undeclared",
        file({0x00081030: ("LO", b"\xe9t\xe9")}),
        file({0x00080005: ("CS", b"ISO_IR 100"), 0x00081030: ("LO", b"\xe9t\xe9")}),
    ),
    Case("depth", "17", nested(17), nested(16)),
]
IMAGES = [
    Case("pixels-empty", "no rows", file({0x00280010: us(0)}), file()),
    Case("pixels-empty", "no bits", file({0x00280100: None}), file()),
    Case("pixels-empty", "compressed", jpeg(d.fragments(b"ab"), x00280011=us(0)), jpeg(d.fragments(b"ab"))),
    Case(
        "pixels-hidden",
        "two bytes",
        file({0x7FE00010: ("OW", bytes(32) + b"\0\1")}),
        file({**ONE_BYTE, 0x00280010: us(1), 0x00280011: us(3), 0x7FE00010: ("OW", b"abc")}),
    ),
    Case("pixels-hidden", "much", file({0x7FE00010: ("OW", bytes(90_000))}), file({0x7FE00010: ("OW", bytes(9000))})),
    Case("pixels-padded", "zeros", file({0x7FE00010: ("OW", bytes(512))}), file({0x7FE00010: ("OW", bytes(32))})),
    Case(
        "bits", "stored", file({0x00280101: us(17), 0x00280102: us(16)}), file({0x00280101: us(16), 0x00280102: us(15)})
    ),
    Case("bits", "high bit", file({0x00280102: us(16)}), file()),
    Case("bits-place", "high bit", file({0x00280102: us(15)}), file()),
    Case("bits-place", "missing", file({0x00280101: None}), file()),
    Case("photometric", "one sample of RGB", file({0x00280004: ("CS", b"RGB")}), file(RGB)),
    Case("photometric", "three of grey", file({**RGB, 0x00280004: ("CS", b"MONOCHROME2")}), file(RGB)),
    Case("photometric-unknown", "missing", file({0x00280004: None}), file()),
    Case("photometric-unknown", "invented", file({0x00280004: ("CS", b"SEPIA")}), file()),
    Case("palette", "none", file(PALETTE), file({**PALETTE, 0x00281201: ("OW", bytes(8))})),
    Case(
        "fragments-missing",
        "two of three",
        jpeg(d.fragments(b"ab", b"cd"), 3),
        jpeg(d.fragments(b"ab", b"cd", b"ef"), 3),
    ),
    Case(
        "fragments-missing",
        "but not of a video",
        jpeg(d.fragments(b"ab"), 3),
        jpeg(d.fragments(b"ab"), 3, "1.2.840.10008.1.2.4.102"),
    ),
    Case(
        "frames-unassigned",
        "three fragments, two frames",
        jpeg(d.fragments(b"ab", b"cd", b"ef"), 2),
        jpeg(d.fragments(b"ab", b"cd", b"ef", table=(0, 10)), 2),
    ),
    Case(
        "offset-table",
        "basic",
        jpeg(d.fragments(b"ab", b"cd", table=(0, 12)), 2),
        jpeg(d.fragments(b"ab", b"cd", table=(0, 10)), 2),
    ),
    Case(
        "offset-table",
        "extended",
        jpeg(d.fragments(b"ab", b"cd"), 2, x7FE00001=("OV", pack("<QQ", 0, 9)), x7FE00002=("OV", pack("<QQ", 2, 2))),
        jpeg(d.fragments(b"ab", b"cd"), 2, x7FE00001=("OV", pack("<QQ", 0, 10)), x7FE00002=("OV", pack("<QQ", 2, 2))),
    ),
]
CASES = {f"{case.code}: {case.name}": case for case in [*EDGES, *HEADS, *VALUES, *IMAGES]}
