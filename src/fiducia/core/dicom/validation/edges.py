"""Judges a file's first and last bytes: whether something but a DICOM reader would take it for its own.

Instances are handed on byte for byte, and the 128 bytes of the preamble may be anything (PS3.10 section
7.1), so a file can be a program and an image at once. The one other personality that DICOM means is TIFF.
Signatures: each format's own specification; for pages, the sniffing table of the WHATWG MIME standard.
Not here: the content of elements and pixels, which can be anything that images can be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fiducia.core.dicom.codec import Bulk, Element
from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.validation import codes
from fiducia.core.dicom.validation.findings import Findings

_ZEROS = bytes(128)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Mach-O in both widths and byte orders, and universal, which Java classes begin as, too.
_PROGRAMS: tuple[bytes, ...] = (b"MZ", b"\x7fELF", b"#!", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe")
_PROGRAMS += (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xbe\xba\xfe\xca", b"\0asm", b"dex\n")
_PROGRAMS += (b"L\0\0\0\x01\x14\x02\0",)  # a Windows shortcut
_ARCHIVES: tuple[bytes, ...] = (
    b"PK\3\4",
    b"PK\5\6",
    b"PK\7\x08",
    b"PK00",
    b"Rar!\x1a",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b",
    b"BZh",
)
_ARCHIVES += (b"\xfd7zXZ\0", b"MSCF")
_DOCUMENTS = (b"\xd0\xcf\x11\xe0", b"{\\rtf", b"%!PS")  # the first: office documents before 2007
_PICTURES = (b"GIF87a", b"GIF89a", b"\x89PNG", b"\xff\xd8\xff", b"\0\0\0\x0cjP  ", b"RIFF", b"OggS", b"ID3")
_FOREIGN = _PROGRAMS + _ARCHIVES + _DOCUMENTS + _PICTURES
_MARK = re.compile(rb"\A(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*")
_PAGE = re.compile(rb"<[!?%a-z]", re.IGNORECASE)  # a page, a drawing, XML, a script in a page
_TEXT = re.compile(rb"[\t\n\f\r\x20-\x7e]*\0*")
_SHORT_BYTES = 8  # such as gzip's trailer (RFC 1952), which some writers leave behind a deflated data set
_DOCUMENT = 0x00420011  # Encapsulated Document: a PDF may begin within the first bytes of a short head


def judge_beginning(head: InstanceHead, findings: Findings) -> None:
    """Judge the preamble, and what other readers look for in a file's first kilobyte."""
    beginning = head.beginning
    preamble = beginning[:128]
    if preamble != _ZEROS and preamble and (code := _kind(preamble)):
        findings.add(code)
    if b"%PDF-" in beginning and not _is_the_document(beginning, head.elements):
        findings.add(codes.PREAMBLE_FOREIGN)
    if beginning[257:262] == b"ustar":
        findings.add(codes.PREAMBLE_FOREIGN)


def _kind(preamble: bytes) -> codes.Code | None:
    if preamble.startswith(_TIFF):
        return codes.PREAMBLE_TIFF
    text = _MARK.sub(b"", preamble, count=1)
    if text.startswith(_FOREIGN) or preamble.startswith(_FOREIGN) or preamble[4:8] == b"ftyp" or _PAGE.match(text):
        return codes.PREAMBLE_FOREIGN
    return None if _TEXT.fullmatch(preamble) else codes.PREAMBLE_UNKNOWN


def _is_the_document(beginning: bytes, elements: Sequence[Element]) -> bool:
    """Whether the PDF that begins there is the one that the instance is meant to hold, and no other."""
    at = beginning.index(b"%PDF-")
    for tag, _, value in elements:
        if tag == _DOCUMENT and isinstance(value, Bulk):
            return at >= value.offset
        if tag == _DOCUMENT and isinstance(value, bytes):
            return 0 <= beginning.rfind(value[:16]) <= at
    return False


def judge_rest(head: InstanceHead, findings: Findings) -> None:
    """Judge what follows the pixels, and how the file ends where that is not pixels."""
    rest = head.rest
    if b"PK\5\6" in rest.ending or (rest.size_bytes and b"%PDF-" in rest.ending):
        findings.add(codes.TRAILING_FOREIGN)
    if not rest.well_formed:
        short = rest.size_bytes <= _SHORT_BYTES
        findings.add(codes.TRAILING_PADDING if short or not rest.ending.strip(b"\0 ") else codes.TRAILING_BYTES)
