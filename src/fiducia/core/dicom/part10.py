"""Reads one instance's head from a DICOM file, strictly and in bounds.

Owns: preamble, "DICM" and group 0002 (PS3.10 section 7.1), where the data set begins, and what fiducia keys
on: patient identity and UIDs. A file is refused rather than guessed at; the data set counts where the file
meta information says otherwise. Messages name tags, never values.
Not here: elements (`elements`), frames (`frames`), what follows the pixels (`rest`), media directories
(`directory`), judging what could be read (`validation`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import BinaryIO

from fiducia.core.dicom.codec import EXPLICIT_LITTLE, Element, TransferSyntax, name_tag, transfer_syntax
from fiducia.core.dicom.elements import Walker
from fiducia.core.dicom.frames import read_frames
from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.rest import Rest, read_rest, read_rest_of_deflated, read_surplus
from fiducia.core.dicom.text import Charset, charset_of
from fiducia.core.dicom.values import PADDING, Values, integer_of, text_of
from fiducia.core.dicom.window import Inflated, Window, cut_short
from fiducia.errors import DicomError
from fiducia.records.images import InstanceInfo, PatientIdentity

PREAMBLE_BYTES = 132
META_MAX_BYTES = 1 << 20
MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*", re.ASCII)
_UID_MAX = 64
_IDENTITY_MAX = 64  # LO and UT, in characters
BEGINNING_BYTES = 1024


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What stands before the data set.

    Attributes:
        values: group 0002's values by tag.
        elements: the same as elements.
        begin: where the data set begins.
        beginning: the file's first 1024 bytes, the preamble among them; fewer when the file is shorter.
    """

    values: Values
    elements: list[Element] = field(repr=False)
    begin: int
    beginning: bytes = field(repr=False)


def read_head(stream: BinaryIO, size_bytes: int) -> InstanceHead:
    """Read an instance's head; no pixel bytes are read.

    Args:
        stream: a seekable binary stream at any position. Unbuffered is fastest.
        size_bytes: the size that it should have.

    Raises:
        DicomError: not a storable DICOM instance; the message says what to do.
    """
    file = Window(stream, size_bytes)
    meta = read_meta(file)
    if text_of(meta.values, 0x00020002) == MEDIA_DIRECTORY:
        raise DicomError("this is a media directory (DICOMDIR), not an instance: give the folder that it is in")
    transfer_syntax_uid = _uid(meta.values, 0x00020010, "Transfer Syntax UID")
    syntax = transfer_syntax(transfer_syntax_uid)
    window, walker, elements, rest = _read_data_set(stream, file, meta.begin, syntax)
    if not elements or elements[0][0] < 0x00080000:
        raise DicomError("the data set is damaged: it does not begin with an element of group 0008")
    values = {tag: value for tag, _, value in elements}
    info = _info(values, transfer_syntax_uid, meta.begin, size_bytes)
    frames, described = read_frames(window, walker.pixels, values, syntax)
    return InstanceHead(
        info=info,
        series_number=integer_of(values, 0x00200011),
        instance_number=integer_of(values, 0x00200013),
        frames=frames,
        meta_differs=text_of(meta.values, 0x00020003) != info.sop_instance_uid,
        elements=elements,
        big_endian=syntax.codec.big_endian,
        deflated=syntax.deflated,
        beginning=meta.beginning,
        meta=meta.elements,
        pixels=walker.pixels,
        described=described,
        surplus=read_surplus(window, walker.pixels, described),
        rest=rest,
        depth=walker.depth,
    )


def _read_data_set(
    stream: BinaryIO, file: Window, begin: int, syntax: TransferSyntax
) -> tuple[Window, Walker, list[Element], Rest]:
    """The data set's own window, who walked it, its elements before Pixel Data, and what is behind these."""
    if not syntax.deflated:
        walker = Walker(file, syntax.codec)
        return file, walker, walker.top(begin), read_rest(walker, file, begin)
    inflated = Inflated(stream, begin, file.size_bytes)
    window = Window(inflated, inflated.measure())
    walker = Walker(window, syntax.codec)
    return window, walker, walker.top(0), read_rest_of_deflated(walker, window, inflated, file)


def _info(values: Values, transfer_syntax_uid: str, header_bytes: int, size_bytes: int) -> InstanceInfo:
    return InstanceInfo(
        identity=_identity(values),
        study_instance_uid=_uid(values, 0x0020000D, "Study Instance UID"),
        series_instance_uid=_uid(values, 0x0020000E, "Series Instance UID"),
        sop_instance_uid=_uid(values, 0x00080018, "SOP Instance UID"),
        sop_class_uid=_uid(values, 0x00080016, "SOP Class UID"),
        transfer_syntax_uid=transfer_syntax_uid,
        modality=text_of(values, 0x00080060)[:16],
        header_bytes=header_bytes,
        size_bytes=size_bytes,
    )


def read_meta(window: Window) -> FileMeta:
    """Read preamble and group 0002.

    Raises:
        DicomError: not a DICOM file, or one without what PS3.10 asks for.
    """
    if not window.size_bytes:
        raise DicomError("the file is empty: copy it again from where it came from")
    if window.size_bytes < PREAMBLE_BYTES:
        raise _not_dicom()
    index = window.load(0, PREAMBLE_BYTES)
    beginning = window.buffer[index : index + BEGINNING_BYTES]
    if window.buffer[index + 128 : index + PREAMBLE_BYTES] != b"DICM":
        raise _not_dicom(window.buffer[index : index + 4])
    if window.size_bytes < PREAMBLE_BYTES + 12:
        raise cut_short()
    index = window.load(PREAMBLE_BYTES, 12)
    if window.buffer[index : index + 8] != b"\2\0\0\0UL\4\0":
        raise DicomError("the file meta information does not begin with its length: export the instance anew")
    begin = PREAMBLE_BYTES + 12 + int.from_bytes(window.buffer[index + 8 : index + 12], "little")
    if begin > window.size_bytes:
        raise cut_short()
    if begin > META_MAX_BYTES:
        raise DicomError(f"the file meta information is larger than {META_MAX_BYTES >> 10} KiB")
    walker = Walker(window, EXPLICIT_LITTLE)
    meta = walker.top(PREAMBLE_BYTES, begin)
    if walker.pixels or any(tag >> 16 != 2 for tag, _, _ in meta):
        raise DicomError("the file meta information's length is wrong: export the instance anew")
    return FileMeta({tag: value for tag, _, value in meta}, meta, begin, beginning)


def _not_dicom(beginning: bytes = b"") -> DicomError:
    if beginning[:2] in {b"\2\0", b"\x08\0", b"\0\x08"} and beginning[3:4] in {b"\0", b"\x01"}:
        return DicomError("there is no DICOM Part 10 header: export the instance as a DICOM file")
    return DicomError("this is not a DICOM file: leave it out")


def _identity(values: Values) -> PatientIdentity:
    """Who it is about; compared exactly, so nothing about it is guessed."""
    charset = charset_of(value) if isinstance(value := values.get(0x00080005), bytes) else Charset()
    patient_id = _exact_text(values, 0x00100020, charset)
    if not patient_id:
        raise DicomError("there is no Patient ID (0010,0020), so nobody could decide over it: add it at the source")
    issuer = _exact_text(values, 0x00100021, charset)
    qualifiers = values.get(0x00100024)
    if not issuer and isinstance(qualifiers, list) and qualifiers:
        issuer = _exact_text({tag: value for tag, _, value in qualifiers[0]}, 0x00400032, charset)
    return PatientIdentity(issuer=issuer, patient_id=patient_id)


def _exact_text(values: Values, tag: int, charset: Charset) -> str:
    """One value of the patient's identity, without the padding that PS3.5 calls insignificant."""
    value = values.get(tag, b"")
    if not isinstance(value, bytes):
        raise DicomError(f"{name_tag(tag)} is no text: correct it at the source")
    text = charset.decode_exactly(value).strip(PADDING)
    if len(text) > _IDENTITY_MAX or "\\" in text or not text.isprintable():
        raise DicomError(f"{name_tag(tag)} is not one line of at most {_IDENTITY_MAX} characters: correct it")
    return text


def _uid(values: Values, tag: int, name: str) -> str:
    """A UID (PS3.5 section 9.1)."""
    text = text_of(values, tag)
    if not text:
        raise DicomError(f"there is no {name} {name_tag(tag)}: export the instance anew")
    if len(text) > _UID_MAX or not _UID.fullmatch(text):
        raise DicomError(f"{name} {name_tag(tag)} is not a valid UID: correct it at the source")
    return text
