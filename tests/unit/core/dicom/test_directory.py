"""DICOMDIR: what it lists, and what it may not name."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from struct import pack

import pydicom
import pytest
from pydicom import data as pydicom_data

from fiducia.core.dicom import directory
from fiducia.core.dicom.directory import read_directory
from fiducia.errors import DicomError
from tests.support import dicom as d

MEDIA = Path(pydicom_data.__file__).parent / "test_files" / "dicomdirtests"
CLASS = d.element(0x00020002, "UI", b"1.2.840.10008.1.3.10")


def dicomdir(*file_ids: bytes, in_use: int = 0xFFFF, syntax: str = d.EXPLICIT) -> bytes:
    records = [
        d.item(d.element(0x00041410, "US", pack("<H", in_use)) + d.element(0x00041500, "CS", file_id))
        for file_id in file_ids
    ]
    meta = CLASS + d.element(0x00020010, "UI", syntax.encode())
    return d.part10(d.sequence(0x00041220, *records), meta=meta)


def listed(data: bytes) -> tuple[tuple[str, ...], ...]:
    return read_directory(BytesIO(data), len(data))


@pytest.mark.parametrize(
    "name", ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-reordered", "TINY_ALPHA/DICOMDIR"]
)
def test_real_directories_list_what_pydicom_finds(name: str) -> None:
    data = (MEDIA / name).read_bytes()
    records = pydicom.dcmread(MEDIA / name).DirectoryRecordSequence
    expected = [tuple(record.ReferencedFileID) for record in records if record.get("ReferencedFileID")]
    assert list(listed(data)) == expected
    assert len(expected) > 30


def test_each_file_is_listed_once_and_inactive_records_are_not() -> None:
    assert listed(dicomdir(b"A\\B", b"A\\C ", b"A\\B")) == (("A", "B"), ("A", "C"))
    assert listed(dicomdir(b"A\\B", in_use=0)) == ()
    assert listed(dicomdir()) == ()


@pytest.mark.parametrize(
    "file_id", [b"..\\A", b"A\\..\\..\\B", b"A/B", b"/etc\\passwd", b"A\\\\B", b".", b"A\0B", b"C:"]
)
def test_a_file_id_may_not_leave_its_medium(file_id: bytes) -> None:
    with pytest.raises(DicomError, match="outside of its medium"):
        listed(dicomdir(b"GOOD", file_id))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (d.instance(), "is no media directory"),
        (b"", "empty"),
        (b"not a directory" * 20, "not a DICOM file"),
        (dicomdir(b"A", syntax=d.DEFLATED), "deflated"),
        (dicomdir(b"A", syntax="1.2.3"), "private or unknown"),
        (dicomdir(b"A")[:-3], "cut short"),
        ((MEDIA / "DICOMDIR-nooffset").read_bytes(), "cut short"),
    ],
)
def test_a_damaged_directory_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(DicomError, match=words):
        listed(data)


def test_a_directory_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "DIRECTORY_MAX_BYTES", 500)
    with pytest.raises(DicomError, match="larger than"):
        listed(dicomdir(*[b"A"] * 20))
