"""Mutated real files: whatever was cut, flipped, put in or taken out, a head can be judged, or it is a DicomError."""

from __future__ import annotations

import json
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import data as pydicom_data

from fiducia.core.dicom.directory import read_directory
from fiducia.core.dicom.geometry import geometry_of
from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.quality import quality_of
from fiducia.core.dicom.validation import defects_of
from fiducia.errors import DicomError
from tests.support import dicom as d

FILES = Path(pydicom_data.__file__).parent / "test_files"
NAMES = [
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_rle_2frame.dcm",
    "image_dfl.dcm",
    "rtplan.dcm",
    "reportsi.dcm",
    "nested_priv_SQ.dcm",
    "UN_sequence.dcm",
    "dicomdirtests/DICOMDIR",
]
SEEDS = {name: (FILES / name).read_bytes()[:20_000] for name in NAMES}
SEEDS["sequences"] = d.instance(
    {
        0x00081111: ("SQ", d.item(d.sequence(0x00081140, d.item(b"", undefined=True), undefined=True), undefined=True)),
        0x00880200: ("SQ", d.item(d.fragments(b"icon"))),
    }
)
SEEDS["fragments"] = d.part10(
    d.data_set({**d.ct_elements(), 0x00280008: ("IS", b"2"), 0x7FE00001: ("OV", bytes(8) + b"\x0c" + bytes(7))})
    + d.fragments(b"abcd", b"ef", table=(0, 12)),
    d.JPEG,
)
NASTY = [b"\xff\xff\xff\xff", b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"SQ", b"UN", b"\0\0\0\0"]


def survive(data: bytes) -> None:
    """Read it in every way; anything but a DicomError is a failure."""
    try:
        head = read_head(BytesIO(data), len(data))
    except DicomError:
        pass
    else:
        json.loads(head.dicom_json())
        defects = defects_of(head)
        assert len({defect.code for defect in defects}) == len(defects) <= 20
        assert all(defect.detail.isprintable() and len(defect.detail) < 300 for defect in defects)
        quality_of([geometry_of(head)])
        for offset, length in head.frames:
            assert head.info.header_bytes <= offset
            assert 0 <= length <= len(data) - offset
    with suppress(DicomError):
        read_directory(BytesIO(data), len(data))


@pytest.mark.parametrize("name", SEEDS)
def test_cut_anywhere(name: str) -> None:
    data = SEEDS[name]
    step = max(1, len(data) // 1500)
    for size in [*range(0, len(data), step), len(data)]:
        survive(data[:size])


MUTATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), st.floats(0, 1), st.integers(1, 255).map(lambda bits: bytes([bits]))),
        st.tuples(
            st.just("put"), st.floats(0, 1), st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(NASTY))
        ),
        st.tuples(st.just("write"), st.floats(0, 1), st.sampled_from(NASTY)),
        st.tuples(st.just("take"), st.floats(0, 1), st.binary(min_size=1, max_size=8)),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=1500)
@given(st.sampled_from(sorted(SEEDS)), MUTATIONS)
def test_changed_anywhere(name: str, mutations: list[tuple[str, float, bytes]]) -> None:
    data = bytearray(SEEDS[name])
    # Most of a file is pixels; what is mutated is mostly the head.
    for kind, place, value in mutations:
        at = int(place * (min(len(data), 3000) - 1))
        if kind == "flip":
            data[at] ^= value[0]
        elif kind == "put":
            data[at:at] = value
        elif kind == "write":
            data[at : at + len(value)] = value
        else:
            del data[at : at + len(value)]
    survive(bytes(data))


@given(st.binary(max_size=600), st.sampled_from([d.EXPLICIT, d.IMPLICIT, d.BIG_ENDIAN, d.DEFLATED, d.JPEG]))
def test_any_data_set(body: bytes, syntax: str) -> None:
    survive(d.part10(body, syntax))
