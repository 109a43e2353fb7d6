"""What stands before a data set that came without a file, as pydicom and fiducia itself read it."""

from __future__ import annotations

import io
import uuid

import pytest
from pydicom import dcmread

from fiducia.core.dicom.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, file_head
from fiducia.errors import DicomError

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("instance", ["1.2.3", "1.2.34", "1." + "2" * 62])
def test_a_reader_finds_what_was_said(instance: str) -> None:
    head = file_head(CT, instance, EXPLICIT)
    found = dcmread(io.BytesIO(head))
    assert found.preamble == bytes(128)
    meta = {element.keyword: element.value for element in found.file_meta}
    assert meta == {
        "FileMetaInformationGroupLength": len(head) - 144,
        "FileMetaInformationVersion": b"\0\1",
        "MediaStorageSOPClassUID": CT,
        "MediaStorageSOPInstanceUID": instance,
        "TransferSyntaxUID": EXPLICIT,
        "ImplementationClassUID": IMPLEMENTATION_CLASS_UID,
        "ImplementationVersionName": IMPLEMENTATION_VERSION_NAME,
    }
    assert len(head) % 2 == 0


@pytest.mark.parametrize(
    ("sop_class", "instance", "syntax"),
    [
        ("", "1.2", EXPLICIT),
        (CT, "", EXPLICIT),
        (CT, "1." + "2" * 63, EXPLICIT),
        (CT, "1.2\0", EXPLICIT),
        (CT, "name", EXPLICIT),
        (CT, "1.2", "1.2.3"),
        (CT, "1.2", "1.2.840.10008.1.2.4.94"),
    ],
)
def test_what_is_no_uid_is_refused(sop_class: str, instance: str, syntax: str) -> None:
    with pytest.raises(DicomError):
        file_head(sop_class, instance, syntax)


def test_the_implementation_is_named_by_its_uuid() -> None:
    number = uuid.UUID("8f6a1f0e-5b1c-4d53-9a34-6f2d1c6b7e21").int
    assert f"2.25.{number}" == IMPLEMENTATION_CLASS_UID
    assert len(IMPLEMENTATION_CLASS_UID) <= 64
    assert len(IMPLEMENTATION_VERSION_NAME) <= 16
