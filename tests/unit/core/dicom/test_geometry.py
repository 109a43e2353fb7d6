"""Geometry: what is taken from a head, also from a damaged one."""

from __future__ import annotations

import sys
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.dicom.geometry import FRAMES_MAX, Geometry, geometry_of
from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.quality import quality_of
from tests.support import dicom as d

CLASS = "1.2.840.10008.5.1.4.1.1."
ENHANCED_MR = CLASS + "4.1"
Changes = dict[int, tuple[str, bytes] | None]
PLACED: Changes = {
    0x00080008: ("CS", rb"ORIGINAL\PRIMARY\AXIAL"),
    0x00180050: ("DS", b"2.5 "),
    0x00180088: ("DS", b"-3.0"),
    0x00200032: ("DS", rb"-179.2\-179.2\1.5e1"),
    0x00200037: ("DS", rb"1\0\0\0\0.970296\-.241922"),
    0x00200052: ("UI", b"1.2.3.99.7"),
    0x00280030: ("DS", rb"0.7\0.8"),
}


def geometry(changes: Changes | None = None, syntax: str = d.EXPLICIT) -> Geometry:
    data = d.instance({**PLACED, **(changes or {})}, syntax)
    return geometry_of(read_head(BytesIO(data), len(data)))


@pytest.mark.parametrize("syntax", [d.IMPLICIT, d.EXPLICIT, d.DEFLATED, d.BIG_ENDIAN])
def test_an_image_says_where_it_lies(syntax: str) -> None:
    found = geometry(syntax=syntax)
    (plane,) = found.planes
    assert plane.position == (-179.2, -179.2, 15.0)
    assert plane.orientation == (1, 0, 0, 0, 0.970296, -0.241922)
    assert (found.modality, found.view, found.image_type) == ("CT", False, ("ORIGINAL", "PRIMARY", "AXIAL"))
    assert (found.rows, found.columns, found.pixel_spacing) == (4, 4, (0.7, 0.8))
    assert (found.slice_thickness, found.spacing_between_slices) == (2.5, 3.0)
    assert (found.frames, found.instance_number) == (1, 12)
    assert found == geometry()


def test_nothing_in_it_names_anybody() -> None:
    found = geometry({0x00080032: ("TM", b"115959"), 0x00204000: ("LT", b"SECRET")})
    assert not [word for word in ("1.2.3", "SECRET", "Hidden", "115959") if word in repr(found)]
    assert found.frame_of_reference != geometry({0x00200052: ("UI", b"1.2.3.99.8")}).frame_of_reference
    assert geometry({0x00200052: None}).frame_of_reference == b""


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x00200032, rb"1\2"),
        (0x00200032, rb"1\2\3\4"),
        (0x00200032, rb"1\2\nan"),
        (0x00200032, rb"1\2\1e300"),
        (0x00200032, rb"1\2\1_0"),
        (0x00200032, b""),
        (0x00200032, b"\\" * 600),
        (0x00200037, rb"0\0\0\0\0\0"),
        (0x00200037, rb"1\0\0\1\0\0"),
        (0x00200037, rb"2\0\0\0\2\0"),
        (0x00200037, rb"1\0\0\0\1"),
        (0x00200037, rb"1e308\1e308\0\0\1\0"),
        (0x00200037, b"\xff\xfe\\\0"),
    ],
)
def test_a_damaged_place_is_none(tag: int, value: bytes) -> None:
    assert geometry({tag: ("DS", value)}).planes == ()


@pytest.mark.parametrize(
    ("tag", "vr", "value", "name"),
    [
        (0x00280030, "DS", rb"0\1", "pixel_spacing"),
        (0x00280030, "DS", b"0.7", "pixel_spacing"),
        (0x00180050, "DS", b"thin", "slice_thickness"),
        (0x00180050, "DS", b"0", "slice_thickness"),
        (0x00180088, "DS", rb"1\2", "spacing_between_slices"),
    ],
)
def test_other_damaged_values_are_none_and_the_place_stays(tag: int, vr: str, value: bytes, name: str) -> None:
    found = geometry({tag: (vr, value)})
    assert getattr(found, name) is None
    assert len(found.planes) == 1


@pytest.mark.parametrize("tag", [*PLACED, 0x00280010, 0x00080060])
def test_absent_values_and_items_where_text_belongs_fail_nothing(tag: int) -> None:
    geometry({tag: None})
    geometry({tag: ("SQ", d.item(d.element(0x00080060, "CS", b"CT")))})


@pytest.mark.parametrize(
    ("tag", "vr", "one", "other"),
    [
        (0x00200100, "IS", b"1", b"2"),
        (0x00200012, "IS", b"1", b"2"),
        (0x00180081, "DS", b"4.9", b"9.8"),
        (0x00189087, "FD", bytes(8), bytes(7) + b"\x40"),
        (0x00181060, "DS", b"0", b"40"),
        (0x00080032, "TM", b"120000", b"120001"),
        (0x00080008, "CS", rb"ORIGINAL\PRIMARY\M", rb"ORIGINAL\PRIMARY\P"),
        (0x00180060, "DS", b"80", b"140"),
        (0x0019100C, "IS", b"0", b"1000"),
    ],
)
def test_what_tells_images_at_one_place_apart(tag: int, vr: str, one: bytes, other: bytes) -> None:
    first, second, padded = (geometry({tag: (vr, value)}) for value in (one, other, one + b" "))
    assert first.planes[0].apart != second.planes[0].apart
    assert first.planes[0].apart == (padded if vr != "FD" else first).planes[0].apart


def test_uids_and_numbers_tell_no_images_apart() -> None:
    copy = {0x00080018: ("UI", b"1.2.3.99.2"), 0x00200013: ("IS", b"13"), 0x00080012: ("DA", b"20200101")}
    assert geometry(copy).planes == geometry().planes  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00080008, "CS", rb"ORIGINAL\PRIMARY\LOCALIZER"),
        (0x00080008, "CS", rb"DERIVED\SECONDARY\projection image"),
        (0x00080008, "CS", rb"ORIGINAL\PRIMARY\M\ND\MOSAIC"),
        (0x0008103E, "LO", b"3-Plane Loc"),
        (0x0008103E, "LO", b"AAHead_Scout_64ch"),
        (0x00181030, "LO", b"Localiser (knee)"),
    ],
)
def test_localizers_projections_and_mosaics_are_views(tag: int, vr: str, value: bytes) -> None:
    assert geometry({tag: (vr, value)}).view


@pytest.mark.parametrize("name", [b"T2 local shim", b"Block 3", b"Velocity", b"stopover"])
def test_other_names_are_no_localizers(name: bytes) -> None:
    assert not geometry({0x0008103E: ("LO", name)}).view


@pytest.mark.parametrize("sop_class", ["1", "1.1.2", "1.2", "3.1", "6.1", "7", "12.1", "20", "66.4", "88.11", "481.2"])
def test_images_that_are_no_slices_have_no_place(sop_class: str) -> None:
    assert geometry({0x00080016: ("UI", f"{CLASS}{sop_class}".encode())}) == Geometry(instance_number=12)


# -- frames


def frame(z: float, *more: bytes) -> bytes:
    position = d.sequence(0x00209113, d.item(d.element(0x00200032, "DS", b"0\\0\\%g" % z)))
    return d.item(b"".join(more) + position)


def enhanced(*frames: bytes, shared: bytes | None = None) -> Geometry:
    if shared is None:
        orientation = d.sequence(0x00209116, d.item(d.element(0x00200037, "DS", rb"1\0\0\0\1\0")))
        measures = d.element(0x00180050, "DS", b"2") + d.element(0x00280030, "DS", rb"1.5\1.5")
        shared = orientation + d.sequence(0x00289110, d.item(measures))
    elements: d.Elements = {
        **d.ct_elements(),
        0x00080016: ("UI", ENHANCED_MR.encode()),
        0x00280008: ("IS", str(len(frames)).encode()),
        0x52009229: ("SQ", d.item(shared)),
        0x52009230: ("SQ", b"".join(frames)),
        0x7FE00010: ("OW", bytes(32 * len(frames))),
    }
    data = d.part10(d.data_set(elements))
    return geometry_of(read_head(BytesIO(data), len(data)))


def test_frames_lie_where_their_functional_groups_say() -> None:
    found = enhanced(frame(0), frame(2), frame(6), frame(8))
    assert (found.modality, found.frames, found.pixel_spacing, found.slice_thickness) == ("MR", 4, (1.5, 1.5), 2)
    assert [plane.position[2] for plane in found.planes] == [0, 2, 6, 8]
    assert len({plane.apart for plane in found.planes}) == 1
    assert len({id(plane.orientation) for plane in found.planes}) == 1


def test_what_a_frame_says_of_itself_tells_it_from_others() -> None:
    contents = [d.sequence(0x00209111, d.item(d.element(0x00209128, "UL", bytes([n, 0, 0, 0])))) for n in (1, 2)]
    found = enhanced(frame(0), *(frame(0, content) for content in [*contents, contents[0]]))
    assert len({plane.apart for plane in found.planes}) == 3


def test_one_frame_without_a_place_leaves_none() -> None:
    assert enhanced(frame(0), d.item(b""), frame(2)).planes == ()
    assert enhanced(frame(0), frame(2), shared=b"").planes == ()


def test_very_many_frames_are_not_kept() -> None:
    assert len(enhanced(*(frame(0) for _ in range(FRAMES_MAX))).planes) == FRAMES_MAX
    assert enhanced(*(frame(0) for _ in range(FRAMES_MAX + 1))).planes == ()


def test_an_image_costs_some_hundred_bytes() -> None:
    found = geometry()
    parts: list[object] = [found, found.planes, found.planes[0], found.planes[0].position, found.pixel_spacing]
    parts += [*found.planes[0].position, found.planes[0].apart, found.frame_of_reference]
    assert sum(map(sys.getsizeof, parts)) < 1000


@given(st.dictionaries(st.sampled_from([*PLACED, 0x00280008, 0x52009230, 0x00200100]), st.binary(max_size=40)))
def test_any_bytes_have_a_geometry(values: dict[int, bytes]) -> None:
    head = read_head(BytesIO(data := d.instance(dict(PLACED))), len(data))
    elements = {tag: (tag, vr, value) for tag, vr, value in head.elements}
    elements |= {tag: (tag, "UN", value) for tag, value in values.items()}
    object.__setattr__(head, "elements", [elements[tag] for tag in sorted(elements)])
    found = geometry_of(head)
    assert len(found.planes) <= 1
    assert quality_of([found] * 3) is not None
