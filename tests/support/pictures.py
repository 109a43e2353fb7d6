"""Pictures and frames of files, read as the gateway does it, for tests of pixels."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom import data as pydicom_data
from pydicom.encaps import generate_frames

from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.picture import Picture, picture_of
from fiducia.errors import DicomError

PUBLISHED = Path(pydicom_data.__file__).parent / "test_files"
ROOT = "1.2.840.10008.1.2"
EXPLICIT, BIG_ENDIAN, DEFLATED_FRAMES, RLE = f"{ROOT}.1", f"{ROOT}.2", f"{ROOT}.8.1", f"{ROOT}.5"
DEFLATED = f"{ROOT}.1.99"
JPEG, JPEG_12, JPEG_LOSSLESS = f"{ROOT}.4.50", f"{ROOT}.4.51", f"{ROOT}.4.70"
JPEG_LS, JPEG_2000, HTJ2K = f"{ROOT}.4.80", f"{ROOT}.4.90", f"{ROOT}.4.201"


@cache
def image(path: Path) -> pydicom.Dataset:
    """A file as pydicom reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pydicom.dcmread(path)
        found.decode()
    return found


def model_of(path: Path) -> dict[str, Any]:
    """A file's DICOM JSON model, with its bulk data named by their tags."""
    with path.open("rb", buffering=0) as stream:
        model: dict[str, Any] = json.loads(read_head(stream, path.stat().st_size).dicom_json())
    for element in image(path):
        tag = f"{int(element.tag):08X}"
        if tag not in model and isinstance(element.value, bytes) and element.tag.element:
            model[tag] = {"vr": element.VR, "BulkDataURI": tag}
    return model


def picture(path: Path, frame: int = 1) -> Picture:
    """The picture of one frame of a file."""
    found = image(path)
    return picture_of(
        model_of(path),
        found.file_meta.TransferSyntaxUID,
        frame=frame,
        bulk=lambda uri: bytes(found[int(uri, 16)].value),
    )


def frames(path: Path) -> list[bytes]:
    """All frames of a file, as they are coded."""
    found = image(path)
    count = int(found.get("NumberOfFrames", 1) or 1)
    if found.file_meta.TransferSyntaxUID.is_encapsulated:
        return list(generate_frames(found.PixelData, number_of_frames=count))
    size = picture(path).decoded_bytes
    if count == 1:
        return [found.PixelData[: size + size % 2]]
    return [found.PixelData[size * number : size * (number + 1)] for number in range(count)]


def images(folder: Path) -> Iterator[Path]:
    """The files of a folder, and of those in it, that have pixels which are no floating-point numbers."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        try:
            with path.open("rb", buffering=0) as stream:
                read_head(stream, path.stat().st_size)
        except DicomError:
            continue
        if "PixelData" in image(path):
            yield path
