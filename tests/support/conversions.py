"""What an instance's file and its conversion have in common, as pydicom reads both."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset

from fiducia.core.dicom.file_meta import IMPLEMENTATION_CLASS_UID
from tests.support import pictures as p

PIXELS = {"PixelData"}
COLOURS = {"PhotometricInterpretation", "PlanarConfiguration"}
TABLES = {"ExtendedOffsetTable", "ExtendedOffsetTableLengths"}


def read(data: bytes) -> FileDataset:
    """A file as pydicom reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(BytesIO(data))


def written_as(path: Path, transfer_syntax_uid: str = "", **changes: str) -> bytes:
    """A file of native pixels as pydicom writes it otherwise, or any with some attributes changed."""
    image = read(path.read_bytes())
    for keyword, value in changes.items():
        setattr(image, keyword, value)
    image.file_meta.TransferSyntaxUID = pydicom.uid.UID(transfer_syntax_uid or image.file_meta.TransferSyntaxUID)
    written = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.save_as(written, enforce_file_format=True)
    return written.getvalue()


def differences(before: Dataset, after: Dataset) -> set[str]:
    """Which elements are not the same, at any depth; group lengths do not count."""
    found = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag in before.keys() | after.keys():
            if tag.element and not _same(before, after, tag):
                found.add(pydicom.datadict.keyword_for_tag(tag) or str(tag))
    return found


def _same(before: Dataset, after: Dataset, tag: Any) -> bool:
    if tag not in before or tag not in after:
        return False
    old, new = before[tag], after[tag]
    if old.VR != "SQ" or new.VR != "SQ":
        return bool(old.VR == new.VR and old.value == new.value)
    pairs = zip(old.value, new.value, strict=True)
    return len(old.value) == len(new.value) and not any(differences(*pair) for pair in pairs)


def require_same(before: bytes, after: bytes) -> None:
    """Fail unless `after` is the same instance in Explicit VR Little Endian: its elements, and its pixels."""
    old, new = read(before), read(after)
    stored = old.file_meta.TransferSyntaxUID
    assert new.file_meta.TransferSyntaxUID == p.EXPLICIT
    assert new.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
    coloured = stored.is_encapsulated and old.get("SamplesPerPixel") == 3
    changed = PIXELS | TABLES if stored.is_encapsulated else PIXELS if stored == p.BIG_ENDIAN else set()
    assert differences(old, new) <= changed | (COLOURS if coloured else set())
    if coloured:
        assert (new.PhotometricInterpretation, new.PlanarConfiguration) == ("RGB", 0)
    assert ("PixelData" in old) == ("PixelData" in new)
    if "PixelData" in old and (expected := pixels(old)) is not None:
        found = pixels(new)
        assert found is not None
        np.testing.assert_array_equal(found, expected)


def pixels(image: Dataset) -> Any:
    """The pixels as pydicom decodes them; None when it does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return image.pixel_array
        except (AttributeError, RuntimeError, ValueError):
            return None
