"""Heads: what is read, and what is refused with which words."""

from __future__ import annotations

import os
import tracemalloc
import zlib
from io import BytesIO
from pathlib import Path
from struct import pack

import pytest

from fiducia.core.dicom import elements as walking
from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.part10 import read_head
from fiducia.core.formats.frames import FrameLayout
from fiducia.errors import DicomError
from fiducia.records.images import InstanceInfo, PatientIdentity
from tests.support import dicom as d

SECRETS = ("SECRET-7", "Hidden", "1.2.3.99")


def head(data: bytes) -> InstanceHead:
    return read_head(BytesIO(data), len(data))


def test_a_head_says_who_and_what() -> None:
    data = d.instance()
    found = head(data)
    begin = data.index(d.element(0x00080016, "UI", d.CT.encode()))
    assert found.info == InstanceInfo(
        identity=PatientIdentity("", "SECRET-7"),
        study_instance_uid="1.2.3.99",
        series_instance_uid="1.2.3.99.0",
        sop_instance_uid="1.2.3.99.1",
        sop_class_uid=d.CT,
        transfer_syntax_uid=d.EXPLICIT,
        modality="CT",
        header_bytes=begin,
        size_bytes=len(data),
    )
    assert (found.series_number, found.instance_number, found.meta_differs) == (3, 12, False)
    assert list(found.frames) == [(len(data) - 32, 32)]


@pytest.mark.parametrize("syntax", [d.IMPLICIT, d.EXPLICIT, d.DEFLATED, d.BIG_ENDIAN])
def test_every_native_transfer_syntax_says_the_same(syntax: str) -> None:
    found, plain = head(d.instance(syntax=syntax)), head(d.instance())
    assert found.info.transfer_syntax_uid == syntax
    assert found.info.identity == plain.info.identity
    assert found.info.sop_instance_uid == plain.info.sop_instance_uid
    assert (found.series_number, found.instance_number) == (3, 12)
    assert found.dicom_json() == plain.dicom_json()
    assert found.frames.frames == 1
    assert found.frames.layout is (FrameLayout.NONE if syntax == d.DEFLATED else FrameLayout.FRAMES)


def test_the_data_set_counts_when_the_file_meta_information_differs() -> None:
    found = head(d.instance({0x00080018: ("UI", b"1.2.3.4.5")}))
    assert found.info.sop_instance_uid == "1.2.3.4.5"
    assert found.meta_differs


@pytest.mark.parametrize(
    ("changes", "issuer"),
    [
        ({0x00100021: ("LO", b"Clinic ")}, "Clinic"),
        ({0x00100024: ("SQ", d.item(d.element(0x00400032, "UT", b"1.2.840.9")))}, "1.2.840.9"),
        ({0x00100024: ("SQ", b"")}, ""),
        ({0x00100021: ("LO", b"A"), 0x00100024: ("SQ", d.item(d.element(0x00400032, "UT", b"B")))}, "A"),
    ],
)
def test_the_issuer_of_a_patient_id_is_part_of_the_identity(
    changes: dict[int, tuple[str, bytes] | None], issuer: str
) -> None:
    assert head(d.instance(changes)).info.identity == PatientIdentity(issuer, "SECRET-7")


def test_padding_does_not_make_another_patient() -> None:
    spaced = head(d.instance({0x00100020: ("LO", b" SECRET-7  ")}))
    assert spaced.info.identity.patient_id == "SECRET-7"


def test_numbers_that_only_order_may_be_wrong_or_missing() -> None:
    found = head(d.instance({0x00200011: None, 0x00200013: ("IS", b"twelve")}))
    assert (found.series_number, found.instance_number) == (None, None)


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "short": (b"hello", "not a DICOM file"),
    "text": (b"hello " * 50, "not a DICOM file"),
    "bare data set": (d.data_set(d.ct_elements()) + bytes(99), "no DICOM Part 10 header"),
    "nothing behind DICM": (bytes(128) + b"DICM", "cut short"),
    "meta without length": (bytes(128) + b"DICM" + d.element(0x00020010, "UI", b"1.2") * 2, "does not begin with"),
    "meta length too long": (d.part10(d.data_set(d.ct_elements()), length=162), "length is wrong|cut short|damaged"),
    "meta length too short": (d.part10(d.data_set(d.ct_elements()), length=20), "cut short"),
    "meta length beyond the end": (d.part10(b"", length=1 << 31), "cut short"),
    "meta length over the cap": (d.part10(bytes(3 << 20), length=2 << 20), "larger than"),
    "no transfer syntax": (d.part10(d.data_set(d.ct_elements()), meta=b""), "no Transfer Syntax UID"),
    "private transfer syntax": (d.instance(syntax="1.2.840.113619.5.2"), "private or unknown"),
    "pixels elsewhere": (d.instance(syntax="1.2.840.10008.1.2.4.94"), "JPIP"),
    "media directory": (
        d.part10(b"", meta=d.element(0x00020002, "UI", b"1.2.840.10008.1.3.10")),
        "media directory",
    ),
    "no data set": (d.part10(b""), "does not begin with"),
    "zeros": (d.part10(bytes(64)), "names no value representation"),
    "zeros, implicit": (d.part10(bytes(64), d.IMPLICIT), "twice or out of order"),
    "file meta in the data set": (d.instance({0x00020010: ("UI", b"1.2")}), "does not begin with"),
    "no patient id": (d.instance({0x00100020: None}), "no Patient ID"),
    "empty patient id": (d.instance({0x00100020: ("LO", b"  ")}), "no Patient ID"),
    "two patient ids": (d.instance({0x00100020: ("LO", b"SECRET-7\\B")}), "one line"),
    "a line break in the patient id": (d.instance({0x00100020: ("LO", b"SECRET-7\nB")}), "one line"),
    "a very long patient id": (d.instance({0x00100020: ("LO", b"SECRET-7" * 9)}), "at most 64"),
    "a patient id in no character set": (
        d.instance({0x00080005: ("CS", b"ISO_IR 192"), 0x00100020: ("LO", b"SECRET-7\xff")}),
        "character set",
    ),
    "a patient id in an unknown character set": (
        d.instance({0x00080005: ("CS", b"KLINGON"), 0x00100020: ("LO", b"SECRET-7\xe4")}),
        "character set is unknown",
    ),
    "no study UID": (d.instance({0x0020000D: None}), "no Study Instance UID"),
    "no series UID": (d.instance({0x0020000E: ("UI", b"")}), "no Series Instance UID"),
    "no SOP instance UID": (d.instance({0x00080018: None}), "no SOP Instance UID"),
    "no SOP class": (d.instance({0x00080016: None}), "no SOP Class UID"),
    "letters in a UID": (d.instance({0x0020000D: ("UI", b"1.2.3.99.x")}), "not a valid UID"),
    "leading zero in a UID": (d.instance({0x0020000D: ("UI", b"1.2.3.99.01")}), "not a valid UID"),
    "empty component in a UID": (d.instance({0x0020000D: ("UI", b"1.2..3.99")}), "not a valid UID"),
    "two UIDs": (d.instance({0x0020000D: ("UI", b"1.2.3.99\\1.2")}), "not a valid UID"),
    "a UID of 65 digits": (d.instance({0x0020000D: ("UI", b"1." + b"9" * 63)}), "not a valid UID"),
    "a line break after a UID": (d.instance({0x0020000D: ("UI", b"1.2.3.99\n")}), "not a valid UID"),
    "no pixels": (d.instance({0x7FE00010: None}), "no pixel data"),
    "fewer pixels": (d.instance({0x7FE00010: ("OW", bytes(30))}), "fewer pixel bytes"),
    "more frames than pixels": (d.instance({0x00280008: ("IS", b"2")}), "fewer pixel bytes"),
    "no number of frames": (d.instance({0x00280008: ("IS", b"1A")}), "Number of Frames"),
    "zero frames": (d.instance({0x00280008: ("IS", b"0")}), "Number of Frames"),
    "minus one frame": (d.instance({0x00280008: ("IS", b"-1")}), "Number of Frames"),
    "native pixels in a compressed syntax": (d.instance(syntax=d.JPEG), "as the transfer syntax says"),
    "fragments in a native syntax": (d.part10(d.data_set(d.ct_elements()) + d.fragments(b"ab")), "as the transfer"),
    "unknown VR": (d.part10(d.element(0x00080016, "ZZ", b"1.2")), "names no value representation"),
    "length beyond the end": (d.part10(d.element(0x00080016, "UI", b"1.2", length=400)), "cut short"),
    "long length beyond the end": (d.part10(d.element(0x00080016, "UT", b"1.2", length=1 << 31)), "cut short"),
    "text without length": (d.part10(d.element(0x00080016, "UT", b"", length=d.UNDEFINED) + bytes(16)), "no length"),
    "an element twice": (d.part10(d.element(0x00100020, "LO", b"A") * 2), "twice or out of order"),
    "out of order": (
        d.part10(d.element(0x00100020, "LO", b"A") + d.element(0x00080016, "UI", b"1.2")),
        "twice or out of order",
    ),
    "a stray delimiter": (d.part10(d.element(0x00080016, "UI", b"1.2") + pack("<HHI", 0xFFFE, 0xE0DD, 0)), "delimiter"),
    "deflate damaged": (d.part10(b"", meta=d.element(0x00020010, "UI", d.DEFLATED.encode())) + b"\xff" * 99, "damaged"),
    "deflate cut short": (d.instance(syntax=d.DEFLATED)[:-9], "cut short"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_storable_is_refused_and_names_nobody(name: str) -> None:
    data, words = REFUSED[name]
    with pytest.raises(DicomError, match=words) as caught:
        head(data)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


@pytest.mark.parametrize("syntax", [d.IMPLICIT, d.EXPLICIT, d.DEFLATED, d.BIG_ENDIAN])
def test_a_file_cut_anywhere_is_refused(syntax: str) -> None:
    data = d.instance(syntax=syntax)
    for size in range(len(data)):
        with pytest.raises(DicomError):
            head(data[:size])


def test_a_stream_that_ends_before_its_size_is_refused() -> None:
    data = d.instance()
    with pytest.raises(DicomError, match="cut short"):
        read_head(BytesIO(data[:-200]), len(data) + (1 << 20))


def test_a_medium_that_fails_is_a_typed_error() -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(DicomError, match="check its medium"):
        read_head(Broken(), 1000)


def test_sequences_may_not_nest_without_end() -> None:
    nested = b""
    for _ in range(70):
        nested = d.sequence(0x00081140, d.item(nested, undefined=True), undefined=True)
    with pytest.raises(DicomError, match="sequences deep"):
        head(d.part10(nested))


def test_sequences_nest_as_deep_as_reports_do() -> None:
    nested = b""
    for number in range(60):
        nested = d.sequence(0x00081140, d.item(nested, undefined=number % 2 == 0), undefined=number % 3 == 0)
    elements: dict[int, tuple[str, bytes] | None] = (
        {0x00081140: ("SQ", nested[12:])} if nested[8:12] != b"\xff" * 4 else {}
    )
    assert head(d.instance(elements)).info.modality == "CT"


def test_the_number_of_elements_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "ELEMENTS_MAX", 14)
    with pytest.raises(DicomError, match="more than 14 elements"):
        head(d.instance())


def test_text_beyond_the_cap_is_refused_and_bulk_is_stepped_over() -> None:
    with pytest.raises(DicomError, match="16 MiB"):
        head(d.instance({0x0040A160: ("UT", b"x" * (17 << 20))}))
    stream = d.Counting(d.instance({0x00420011: ("OB", bytes(17 << 20))}))
    assert read_head(stream, len(stream.getvalue())).info.modality == "CT"
    assert stream.count < 64 << 10


def test_a_sparse_file_of_two_gigabytes_costs_a_few_kilobytes(tmp_path: Path) -> None:
    pixels = 2 << 30
    elements = d.data_set({**d.ct_elements(1024, 1024), 0x00280008: ("IS", b"1024")})
    data = d.part10(elements + d.element(0x7FE00010, "OW", b"", length=pixels))
    path = tmp_path / "large.dcm"
    with path.open("wb") as file:
        file.write(data)
        file.truncate(len(data) + pixels)
    tracemalloc.start()
    try:
        with path.open("rb", buffering=0) as stream:
            found = read_head(stream, path.stat().st_size)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert len(found.frames) == 1024
    assert list(found.frames)[-1] == (len(data) + pixels - (2 << 20), 2 << 20)


@pytest.mark.parametrize("syntax", [d.IMPLICIT, d.EXPLICIT])
def test_a_hole_behind_the_pixels_is_refused_without_reading_it(tmp_path: Path, syntax: str) -> None:
    path = tmp_path / "sparse.dcm"
    path.write_bytes(d.instance(syntax=syntax))
    head(path.read_bytes() + bytes(64 << 10))  # a little padding is nobody's harm
    os.truncate(path, 5 << 30)
    with path.open("rb", buffering=0) as stream, pytest.raises(DicomError, match="data set is damaged"):
        read_head(stream, path.stat().st_size)


def test_much_behind_a_deflated_data_set_is_refused() -> None:
    data = d.instance(syntax=d.DEFLATED)
    assert head(data + b"\0").rest.size_bytes == 0  # the stream's padding to an even length
    assert head(data + bytes(9)).rest.size_bytes == 9
    with pytest.raises(DicomError, match="much follows the deflated data set"):
        head(data + bytes((64 << 10) + 1))


def test_pixels_again_behind_the_pixels_are_refused() -> None:
    twice = d.element(0x7FE00010, "OW", bytes(70_000))
    with pytest.raises(DicomError, match="twice or out of order"):
        head(d.instance() + twice)


def test_long_padding_that_is_an_element_is_stored() -> None:
    data = d.instance() + d.element(0xFFFCFFFC, "OB", bytes(1 << 20))
    assert head(data).info.size_bytes == len(data)


def test_a_deflate_bomb_does_not_go_off() -> None:
    packer = zlib.compressobj(wbits=-15)
    mebibyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = mebibyte + again * 2047 + packer.flush()  # each piece stands for itself: 2 GiB in 2 MB
    data = d.part10(b"", meta=d.element(0x00020010, "UI", d.DEFLATED.encode())) + bomb
    tracemalloc.start()
    try:
        with pytest.raises(DicomError, match="inflates to more than 256 MiB"):
            head(data)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_deflated_data_set_is_inflated_once_for_its_size_and_once_for_its_elements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inflated = 0
    original = zlib.decompressobj

    class Watched:
        def __init__(self, wbits: int) -> None:
            self._inner = original(wbits=wbits)

        def decompress(self, data: bytes, size: int) -> bytes:
            nonlocal inflated
            piece = self._inner.decompress(data, size)
            inflated += len(piece)
            return piece

        @property
        def unconsumed_tail(self) -> bytes:
            return self._inner.unconsumed_tail

        @property
        def unused_data(self) -> bytes:
            return self._inner.unused_data

        @property
        def eof(self) -> bool:
            return self._inner.eof

    elements: dict[int, tuple[str, bytes] | None] = {
        (0x00090000 | block): ("OB", bytes(3000 + block)) for block in range(0x1000, 0x1100)
    }
    data = d.instance(elements, d.DEFLATED)
    monkeypatch.setattr(zlib, "decompressobj", lambda wbits: Watched(wbits))
    assert head(data).info.modality == "CT"
    assert inflated <= 2 * sum(3012 + block for block in range(0x1000, 0x1100)) + 4096
