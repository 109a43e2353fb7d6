"""Real files: every one gives a head or a DicomError, and a head agrees with pydicom's own reading."""

from __future__ import annotations

import csv
import json
import logging
import warnings
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import data as pydicom_data
from pydicom.encaps import generate_frames

from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.validation import defects_of, outcome_of
from fiducia.core.formats.frames import FrameLayout
from fiducia.errors import DicomError
from fiducia.records.intake import Outcome

ROOT = Path(__file__).resolve().parents[4]
SHARED = ROOT.parent / "shared" / "data" / "dicom"
WHEEL = Path(pydicom_data.__file__).parent
FILES = {
    f"{name}/{path.relative_to(root)}": path
    for name, root in (("shared", SHARED), ("wheel", WHEEL))
    for path in sorted(root.rglob("*"))
    if path.is_file() and path.suffix not in {".py", ".pyc"}
}


@cache
def outcome(name: str) -> InstanceHead | DicomError:
    """The head of a file, or why there is none; anything else raised fails the test."""
    path = FILES[name]
    with path.open("rb", buffering=0) as stream:
        try:
            return read_head(stream, path.stat().st_size)
        except DicomError as error:
            return error


def heads() -> list[str]:
    return [name for name in FILES if isinstance(outcome(name), InstanceHead)]


def read_by_pydicom(name: str) -> pydicom.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom has much to say about values, which is not our subject
        found = pydicom.dcmread(FILES[name], force=True)
        found.decode()
    return found


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("pydicom"), "disabled", True)


@pytest.mark.parametrize("name", FILES)
def test_every_file_gives_a_head_or_a_dicom_error_that_names_nobody(name: str) -> None:
    found = outcome(name)
    if isinstance(found, DicomError):
        text = read_by_pydicom(name) if FILES[name].stat().st_size > 132 else None
        known = [str(text.get(word, "")) for word in ("PatientID", "PatientName", "StudyInstanceUID")] if text else []
        assert not [value for value in known if len(value) > 3 and value in str(found)]
    else:
        assert json.loads(found.dicom_json())
        assert found.info.size_bytes == FILES[name].stat().st_size


@pytest.mark.parametrize("name", heads())
def test_a_head_agrees_with_pydicom(name: str) -> None:
    head, other = outcome(name), read_by_pydicom(name)
    assert isinstance(head, InstanceHead)
    info = head.info

    def text(word: str) -> str:
        value = other.get(word, "")
        return (value.decode() if isinstance(value, bytes) else str(value)).strip("\0 ")

    assert info.study_instance_uid == text("StudyInstanceUID")
    assert info.series_instance_uid == text("SeriesInstanceUID")
    assert info.sop_instance_uid == text("SOPInstanceUID")
    assert info.sop_class_uid == text("SOPClassUID")
    assert info.identity.patient_id == text("PatientID")
    assert info.modality == text("Modality")
    assert info.transfer_syntax_uid == other.file_meta.TransferSyntaxUID
    assert head.meta_differs == (other.file_meta.get("MediaStorageSOPInstanceUID", "") != info.sop_instance_uid)
    pixels = any(word in other for word in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))
    assert head.frames.frames == (int(other.get("NumberOfFrames", 1) or 1) if pixels else 0)


@pytest.mark.parametrize("name", heads())
def test_frame_ranges_hold_the_frames(name: str) -> None:
    head, other = outcome(name), read_by_pydicom(name)
    assert isinstance(head, InstanceHead)
    data = FILES[name].read_bytes()
    pieces = [data[offset : offset + length] for offset, length in head.frames]
    if "PixelData" not in other or head.frames.layout in (FrameLayout.NONE, FrameLayout.WHOLE):
        assert len(pieces) == (head.frames.layout is FrameLayout.WHOLE) or "FloatPixelData" in other
        return
    assert len(pieces) == head.frames.frames
    if not other.file_meta.TransferSyntaxUID.is_compressed:
        assert other.PixelData.startswith(b"".join(pieces))
        assert len(other.PixelData) - sum(map(len, pieces)) <= 1 or name.endswith(("padded.dcm", "excess_padding.dcm"))
        return
    frames = list(generate_frames(other.PixelData, number_of_frames=head.frames.frames))
    if head.frames.layout is FrameLayout.ITEMS:
        assert [b"".join(_items(piece)) for piece in pieces] == frames
    else:
        assert pieces == frames


def _items(run: bytes) -> list[bytes]:
    """The values of a run of items."""
    values = []
    while run:
        assert run[:4] == b"\xfe\xff\x00\xe0"
        end = 8 + int.from_bytes(run[4:8], "little")
        values.append(run[8:end])
        run = run[end:]
    return values


@pytest.mark.parametrize("name", heads())
def test_the_json_model_agrees_with_pydicom(name: str) -> None:
    head, other = outcome(name), read_by_pydicom(name)
    assert isinstance(head, InstanceHead)
    ours = json.loads(head.dicom_json())
    for element in other:
        tag = f"{int(element.tag):08X}"
        if element.tag.element == 0 or element.tag.group >= 0x7FE0 or tag == "00080005":
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs = json.loads(json.dumps(element.to_json_dict(lambda _: "bulk", 1 << 30)))
            except (TypeError, ValueError, AttributeError):
                continue  # values that pydicom cannot write
        _compare(ours.get(tag), theirs, tag, FILES[name])


def _compare(ours: Any, theirs: Any, where: str, path: Path) -> None:
    """Attribute by attribute; bulk values are where they are said to lie in the file, or left out."""
    tag = int(where.rsplit("/", 1)[-1], 16)
    if ours is None:
        binary = theirs["vr"] in {"OB", "OW", "OF", "OD", "OL", "OV", "UN", "US", "SS", "UL", "SL", "FL", "FD", "SQ"}
        long = len(json.dumps(theirs)) > 1024
        assert (binary and long) or tag >> 16 == 0x7FE0, where
        return
    if uri := ours.get("BulkDataURI"):
        offset, length = map(int, uri.removeprefix("bulkdata/").split("-"))
        assert length > 1024, where
        if inline := theirs.get("InlineBinary"):
            assert path.read_bytes()[offset : offset + length] == b64decode(inline), where
        return
    if ours["vr"] == "UN" or theirs["vr"] == "UN":
        # Private elements without representation stay unknown; pydicom has a dictionary of makers.
        assert tag & 0x10000 or theirs["vr"] in {"UN", "SQ"}, where
        return
    assert ours["vr"] == theirs["vr"], where
    mine, other = ours.get("Value", []), theirs.get("Value", [])
    if ours["vr"] == "SQ":
        assert len(mine) == len(other), where
        for ours_item, theirs_item in zip(mine, other, strict=True):
            for name, attribute in theirs_item.items():
                if not name.endswith("0000") and name != "00080005":
                    _compare(ours_item.get(name), attribute, f"{where}/{name}", path)
        return
    assert ours.get("InlineBinary", "") == theirs.get("InlineBinary", ""), where
    assert [_plain(value) for value in mine] == [_plain(value) for value in other if other != [None]], where


def _plain(value: Any) -> Any:
    """What is the same in both: no padding, no difference between empty and null, numbers as numbers."""
    if isinstance(value, dict):
        return {name: part.strip() for name, part in value.items()}
    if isinstance(value, str):
        return value.strip("\0 ") or None
    return round(float(value), 9) if isinstance(value, int | float) else value


def test_the_shared_examples_are_judged_as_their_manifest_says(shared: Path) -> None:
    with (SHARED / "MANIFEST.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 200
    for row in rows:
        found = outcome(f"shared/{row['file']}")
        if isinstance(found, DicomError):
            # Refused are those without UIDs, without a patient, or malformed.
            assert (
                row["uids"] != "ok" or "id " not in f" {row['identifiers']}" or row["file"].startswith("malformed/")
            ) or row["transfer_syntax"] == "not stated", row["file"]
            continue
        assert row["uids"] == "ok", row["file"]
        assert found.info.sop_instance_uid == row["sop_uid"]
        assert found.info.series_instance_uid == row["series_uid"]
        assert found.info.study_instance_uid == row["study_uid"]
        assert found.info.transfer_syntax_uid == row["transfer_syntax_uid"]
        assert found.info.modality == row["modality"]
        assert found.info.size_bytes == int(row["bytes"])
        assert found.frames.frames == int(row["frames"] or (1 if row["rows"] else 0))
        assert found.meta_differs == (row["file_meta_sop_matches"] == "False")


@pytest.mark.parametrize("name", heads())
def test_published_instances_are_taken_with_notes_at_most(name: str) -> None:
    head = outcome(name)
    assert isinstance(head, InstanceHead)
    defects = defects_of(head)
    assert outcome_of(defects) is Outcome.ACCEPTED, defects
    known = [head.info.identity.patient_id, head.info.study_instance_uid, head.info.sop_instance_uid]
    assert not [value for value in known for defect in defects if len(value) > 3 and value in defect.detail]


# What the reader refuses, and the one that says less in its header than it should, which is a note.
MALFORMED = {
    "CTImageStorage_bad_meta.dcm": {"meta-incomplete", "preamble-tiff"},
    "ExplVR_LitEndNoMeta.dcm": None,
    "MR_truncated.dcm": None,
    "badVR.dcm": None,
    "meta_missing_tsyntax.dcm": None,
    "no_meta.dcm": None,
    "no_meta_group_length.dcm": None,
    "not_dicom.dcm": None,
    "rtplan_truncated.dcm": None,
    "zero_length.dcm": None,
}


def test_malformed_examples_are_refused(shared: Path) -> None:
    names = {path.name for path in (shared / "data" / "dicom" / "malformed").iterdir()}
    assert names == set(MALFORMED)
    for name, codes in MALFORMED.items():
        found = outcome(f"shared/malformed/{name}")
        if codes is None:
            assert isinstance(found, DicomError), name
        else:
            assert isinstance(found, InstanceHead), name
            assert {defect.code for defect in defects_of(found)} == codes


def test_notes_are_rare_and_known(shared: Path) -> None:
    """A new note on published instances is a false alarm until somebody has looked at it."""
    assert shared.is_dir()
    seen = {
        defect.code
        for name in heads()
        if name.startswith("shared/") and isinstance(head := outcome(name), InstanceHead)
        for defect in defects_of(head)
    }
    assert seen == {
        "meta-incomplete",
        "meta-instance-differs",
        "preamble-tiff",
        "preamble-unknown",
        "private-creator",
        "uid-syntax",
        "value-form",
    }
