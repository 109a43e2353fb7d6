"""Reads one instance's head from a DICOM file, strictly and in bounds.

Owns: preamble, "DICM" and group 0002 (PS3.10 section 7.1), where the data set begins, and what fiducia keys
on: patient identity and UIDs. A file is refused rather than guessed at; the data set counts where the file
meta information says otherwise. Messages name tags, never values.
Not here: elements (`elements`), frames (`pixels`), media directories (`directory`).
"""

from __future__ import annotations

import re
from typing import BinaryIO, Literal

from fiducia.core.dicom.codec import EXPLICIT_LITTLE, TransferSyntax, Value, name_tag, transfer_syntax
from fiducia.core.dicom.dictionary import is_image_class
from fiducia.core.dicom.elements import Walker
from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.pixels import FrameTable, PixelDescription, PixelValue, frame_table
from fiducia.core.dicom.text import Charset, charset_of
from fiducia.core.dicom.window import Inflated, Window, cut_short
from fiducia.core.formats.frames import FrameLayout
from fiducia.errors import DicomError
from fiducia.records.images import InstanceInfo, PatientIdentity

PREAMBLE_BYTES = 132
META_MAX_BYTES = 1 << 20
MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*", re.ASCII)
_UID_MAX = 64
_INTEGER = re.compile(r"[+-]?[0-9]{1,11}", re.ASCII)
_IDENTITY_MAX = 64  # LO and UT, in characters
_PADDING = " \0"
_BITS_ALLOCATED = 0x00280100
_IMAGE_SIZE = (0x00280010, 0x00280011, 0x00280002, _BITS_ALLOCATED)  # rows, columns, samples, bits

Values = dict[int, Value]


def read_head(stream: BinaryIO, size_bytes: int) -> InstanceHead:
    """Read an instance's head; no pixel bytes are read.

    Args:
        stream: a seekable binary stream at any position. Unbuffered is fastest.
        size_bytes: the size that it should have.

    Raises:
        DicomError: not a storable DICOM instance; the message says what to do.
    """
    window = Window(stream, size_bytes)
    meta, begin = read_meta(window)
    if _text(meta, 0x00020002) == MEDIA_DIRECTORY:
        raise DicomError("this is a media directory (DICOMDIR), not an instance: give the folder that it is in")
    transfer_syntax_uid = _uid(meta, 0x00020010, "Transfer Syntax UID")
    syntax = transfer_syntax(transfer_syntax_uid)
    at = begin
    if syntax.deflated:
        inflated = Inflated(stream, begin, size_bytes)
        window, at = Window(inflated, inflated.measure()), 0
    walker = Walker(window, syntax.codec)
    elements = walker.top(at)
    walker.check_rest()
    if not elements or elements[0][0] < 0x00080000:
        raise DicomError("the data set is damaged: it does not begin with an element of group 0008")
    values = {tag: value for tag, _, value in elements}
    info = _info(values, transfer_syntax_uid, begin, size_bytes)
    return InstanceHead(
        info=info,
        series_number=_integer(values, 0x00200011),
        instance_number=_integer(values, 0x00200013),
        frames=_frames(window, walker.pixels, values, syntax),
        meta_differs=_text(meta, 0x00020003) != info.sop_instance_uid,
        elements=elements,
        big_endian=syntax.codec.big_endian,
    )


def _info(values: Values, transfer_syntax_uid: str, header_bytes: int, size_bytes: int) -> InstanceInfo:
    return InstanceInfo(
        identity=_identity(values),
        study_instance_uid=_uid(values, 0x0020000D, "Study Instance UID"),
        series_instance_uid=_uid(values, 0x0020000E, "Series Instance UID"),
        sop_instance_uid=_uid(values, 0x00080018, "SOP Instance UID"),
        sop_class_uid=_uid(values, 0x00080016, "SOP Class UID"),
        transfer_syntax_uid=transfer_syntax_uid,
        modality=_text(values, 0x00080060)[:16],
        header_bytes=header_bytes,
        size_bytes=size_bytes,
    )


def read_meta(window: Window) -> tuple[Values, int]:
    """Read preamble and group 0002.

    Returns:
        The file meta information's values by tag, and where the data set begins.

    Raises:
        DicomError: not a DICOM file, or one without what PS3.10 asks for.
    """
    if not window.size_bytes:
        raise DicomError("the file is empty: copy it again from where it came from")
    if window.size_bytes < PREAMBLE_BYTES:
        raise _not_dicom()
    index = window.load(0, PREAMBLE_BYTES)
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
    return {tag: value for tag, _, value in meta}, begin


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
    text = charset.decode_exactly(value).strip(_PADDING)
    if len(text) > _IDENTITY_MAX or "\\" in text or not text.isprintable():
        raise DicomError(f"{name_tag(tag)} is not one line of at most {_IDENTITY_MAX} characters: correct it")
    return text


def _uid(values: Values, tag: int, name: str) -> str:
    """A UID (PS3.5 section 9.1)."""
    text = _text(values, tag)
    if not text:
        raise DicomError(f"there is no {name} {name_tag(tag)}: export the instance anew")
    if len(text) > _UID_MAX or not _UID.fullmatch(text):
        raise DicomError(f"{name} {name_tag(tag)} is not a valid UID: correct it at the source")
    return text


def _text(values: Values, tag: int) -> str:
    """A value in the default repertoire; "" when absent."""
    value = values.get(tag, b"")
    return value.decode("latin_1").strip(_PADDING) if isinstance(value, bytes) else ""


def _integer(values: Values, tag: int) -> int | None:
    """An integer string that only orders things."""
    text = _text(values, tag)
    return int(text) if _INTEGER.fullmatch(text) else None


def _frames(window: Window, pixels: PixelValue | None, values: Values, syntax: TransferSyntax) -> FrameTable:
    """Where the frames lie, when there are any."""
    if pixels is None:
        # A file that was cut between two elements is well-formed; only what is missing tells.
        if _BITS_ALLOCATED in values or is_image_class(_text(values, 0x00080016)):
            raise DicomError(
                "the image has no pixel data: copy the file again from where it came from, it may be cut short"
            )
        return FrameTable()
    if pixels.encapsulated != syntax.encapsulated:
        raise DicomError("the pixel data are not written as the transfer syntax says: export the image anew")
    frames = _integer(values, 0x00280008) if _text(values, 0x00280008) else 1
    if not frames or frames < 0:
        raise DicomError("Number of Frames (0028,0008) is not a number from 1: correct it at the source")
    order: Literal["little", "big"] = "big" if syntax.codec.big_endian else "little"
    rows, columns, samples, bits = (_unsigned(values, tag, order) for tag in _IMAGE_SIZE)
    described = PixelDescription(
        frames=frames,
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=bits,
        photometric=_text(values, 0x00280004),
        extended_offsets=values.get(0x7FE00001),
        extended_lengths=values.get(0x7FE00002),
    )
    table = frame_table(window, pixels, described)
    # Inside a deflated data set nothing has an offset in the file.
    return FrameTable(FrameLayout.NONE, frames) if syntax.deflated else table


def _unsigned(values: Values, tag: int, order: Literal["little", "big"]) -> int:
    value = values.get(tag, b"")
    return int.from_bytes(value, order) if isinstance(value, bytes) and len(value) == 2 else 0
