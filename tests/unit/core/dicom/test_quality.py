"""Quality findings: each with neighbours that look like it and are not."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from math import gcd
from time import perf_counter
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fiducia.core.dicom.geometry import Geometry, Plane
from fiducia.core.dicom.quality import quality_of
from fiducia.records.quality import QualityCode as Code
from tests.support.slices import AXIAL, CORONAL, SAGITTAL, a_slice, at, in_time, stack, turned

MR: dict[str, Any] = {"modality": "MR", "image_type": ("ORIGINAL", "PRIMARY", "OTHER")}


def found(series: list[Geometry]) -> list[tuple[Code, int]]:
    return [(finding.code, finding.count) for finding in quality_of(series)]


def without(series: list[Geometry], *left_out: int) -> list[Geometry]:
    return [image for i, image in enumerate(series) if i not in left_out]


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, turned(14), turned(-70)])
@pytest.mark.parametrize("spacing", [0.05, 0.625, 1, 3.3, 10])
def test_a_regular_stack_has_no_finding(orientation: tuple[float, ...], spacing: float) -> None:
    assert found(stack(40, spacing, orientation=orientation, slice_thickness=spacing)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("series", [[], stack(1), stack(2), at([0, 7, 8])])
def test_few_slices_say_nothing(series: list[Geometry]) -> None:
    assert found(series) == []


# -- missing


def test_missing_slices_are_counted() -> None:
    (finding,) = quality_of(without(stack(20), 4, 5, 11))
    assert (finding.code, finding.count) == (Code.MISSING_SLICES, 3)
    assert finding.detail == "3 slices are missing between the first and the last, by position"


def test_numbers_and_positions_together_tell_more_than_half_missing() -> None:
    assert found(without(stack(20), *range(2, 16))) == [(Code.MISSING_SLICES, 14)]
    assert found(without(stack(4), 1)) == [(Code.MISSING_SLICES, 1)]


def test_without_numbers_positions_are_enough() -> None:
    assert found(without(at(range(20), numbered=False), 7, 8)) == [(Code.MISSING_SLICES, 2)]


def test_the_stated_spacing_helps_where_nothing_else_is_regular() -> None:
    places = [0, 2, 5, 6, 10]
    stated = at(places, numbered=False, spacing_between_slices=1.0)
    assert found(stated) == [(Code.MISSING_SLICES, 6)]
    assert found(at(places, numbered=False)) == [(Code.INCONSISTENT_GEOMETRY, 4)]


def test_ends_that_are_missing_leave_no_trace() -> None:
    assert found(stack(20)[3:15]) == []


def test_every_second_slice_in_a_series_of_its_own_is_whole() -> None:
    assert found(stack(20)[::2]) == []


def test_a_slice_is_missed_in_no_phase_while_another_phase_has_it() -> None:
    phases = list(in_time(stack(10), 3))
    assert found(without(phases, 4)) == []
    assert found(without(phases, 4, 14, 24)) == [(Code.MISSING_SLICES, 1)]


def test_a_hole_in_a_mixed_stack_is_found_beside_the_mixture() -> None:
    series = without(stack(12), 5) + stack(1, orientation=CORONAL)
    assert found(series) == [(Code.MISSING_SLICES, 1), (Code.MIXED_ORIENTATION, 1)]


def test_numbers_that_go_on_over_a_gap_say_that_nothing_was_lost() -> None:
    base_of_skull = [5.0 * i for i in range(6)]
    assert found(at([*base_of_skull, 35, 45])) == [(Code.INCONSISTENT_GEOMETRY, 2)]
    assert found(at([*base_of_skull, 35, 45], numbered=False)) == [(Code.MISSING_SLICES, 2)]


def test_two_joints_in_one_series_are_two_blocks() -> None:
    assert found(at([3 * i for i in range(8)] + [100 + 3 * i for i in range(8)], **MR)) == []


def test_a_gap_larger_than_the_stack_needs_numbers_to_be_believed() -> None:
    ranges = [*range(5), *range(200, 205)]
    assert found(at(ranges, numbered=False)) == [(Code.INCONSISTENT_GEOMETRY, 1)]
    images = [replace(image, instance_number=int(z) + 1) for z, image in zip(ranges, at(ranges), strict=True)]
    assert found(images) == [(Code.MISSING_SLICES, 195)]


# -- numbers


def numbered(*numbers: int | None, **about: object) -> list[Geometry]:
    return [replace(a_slice((0, 0, 0), number), planes=(), **about) for number in numbers]  # type: ignore[arg-type]


def test_without_positions_numbers_are_all_there_is() -> None:
    (finding,) = quality_of(numbered(1, 2, 3, 6, 7))
    assert (finding.code, finding.count) == (Code.MISSING_NUMBERS, 2)
    assert finding.detail == "2 numbers are left out between the first and the last Instance Number (0020,0013)"


@pytest.mark.parametrize(
    "series",
    [
        numbered(4, 5, 6),
        numbered(1, 3, 5, 7, 9),
        numbered(1, 2, 900),
        numbered(None, None, 3),
        numbered(1, 2, 3, 6, 7, modality=""),
        numbered(1, 2, 3, 6, 7, view=True),
        numbered(1, 2, 3, 6, 7, frames=30),
        [*numbered(1, 2, 3, 9), a_slice((0, 0, 0), 4)],
    ],
    ids=["whole", "every second", "sparse", "none", "other images", "views", "loops", "a position"],
)
def test_numbers_alone_are_believed_with_caution(series: list[Geometry]) -> None:
    assert found(series) == []


# -- duplicates


def test_a_slice_that_is_there_again_is_counted() -> None:
    series = stack(10)
    assert found([*series, series[3], replace(series[3], instance_number=11)]) == [(Code.DUPLICATE_SLICES, 2)]
    (finding,) = quality_of([*series, replace(series[0])])
    assert finding.detail == "1 slice is there again: same position, orientation and acquisition"


def test_a_whole_series_sent_twice_is_counted() -> None:
    assert found([*stack(10), *stack(10)]) == [(Code.DUPLICATE_SLICES, 10)]


def test_repeats_in_time_echo_or_diffusion_are_meant() -> None:
    assert found(list(in_time(stack(10), 5))) == []


def test_repeats_of_a_kind_that_is_not_known_are_meant_when_most_places_have_them() -> None:
    again = [replace(image, instance_number=i) for i, image in enumerate(stack(10), 11)]
    assert found([*stack(10), *again]) == []
    assert found([*stack(10), *again[:5]]) == [(Code.DUPLICATE_SLICES, 5)]


@pytest.mark.parametrize(
    "change",
    [{"pixel_spacing": (0.4, 0.4)}, {"rows": 256}, {"frame_of_reference": b"another"}, {"view": True}],
)
def test_another_picture_of_the_same_place_is_no_duplicate(change: dict[str, object]) -> None:
    series = stack(10)
    other = replace(series[3], **change)  # type: ignore[arg-type]
    assert Code.DUPLICATE_SLICES not in dict(found([*series, other]))


# -- inconsistent geometry


@pytest.mark.parametrize(
    ("change", "tag"),
    [
        ({"rows": 256}, "(0028,0010)"),
        ({"columns": 511}, "(0028,0011)"),
        ({"pixel_spacing": (0.7, 0.71)}, "(0028,0030)"),
        ({"slice_thickness": 5.0}, "(0018,0050)"),
    ],
)
def test_images_unlike_the_others_are_counted(change: dict[str, object], tag: str) -> None:
    series = stack(10)
    series[2:4] = [replace(image, **change) for image in series[2:4]]  # type: ignore[arg-type]
    (finding,) = quality_of(series)
    assert (finding.code, finding.count) == (Code.INCONSISTENT_GEOMETRY, 2)
    assert tag in finding.detail


@pytest.mark.parametrize(
    "change",
    [
        {"pixel_spacing": (0.7000001, 0.6999)},
        {"slice_thickness": 2.51},
        {"slice_thickness": None},
        {"rows": None},
        {"rows": 256, "image_type": ("DERIVED", "SECONDARY", "T2 MAP")},
    ],
)
def test_rounding_and_other_kinds_are_not_unlike(change: dict[str, object]) -> None:
    series = stack(10)
    series[2] = replace(series[2], **change)  # type: ignore[arg-type]
    assert found(series) == []


def test_a_distance_unlike_the_others_is_counted() -> None:
    assert found(at([0, 2, 4, 6.7, 8, 10, 12])) == [(Code.INCONSISTENT_GEOMETRY, 2)]
    assert found(at([0, 2, 4, 6.08, 8, 10, 12])) == []
    assert found(at([0, 0.2, 0.4, 0.67, 0.8, 1.0, 1.2], slice_thickness=0.2)) == [(Code.INCONSISTENT_GEOMETRY, 2)]


def test_no_distance_at_all_is_irregular_unless_planes_were_chosen() -> None:
    chosen = [0, 7, 20, 22, 51]
    assert found(at(chosen)) == [(Code.INCONSISTENT_GEOMETRY, 4)]
    assert found(list(in_time(at(chosen), 20))) == []


def test_a_head_that_moved_between_volumes_is_no_stack() -> None:
    assert found(at([0.013 * i * i for i in range(30)], slice_thickness=4.0, **MR)) == []


def test_a_tilted_gantry_shifts_the_stack_sideways() -> None:
    tilted = [a_slice((0, 0, 5.0 * i), i + 1, orientation=turned(-14)) for i in range(10)]
    (finding,) = quality_of(tilted)
    assert (finding.code, finding.count) == (Code.INCONSISTENT_GEOMETRY, 9)
    assert "shifted sideways" in finding.detail
    assert found(without(tilted, 4)) == [(Code.MISSING_SLICES, 1), (Code.INCONSISTENT_GEOMETRY, 8)]


def test_a_small_tilt_of_thin_slices_is_seen_over_the_whole_stack() -> None:
    assert found([a_slice((0, 0, 0.5 * i), i + 1, orientation=turned(2)) for i in range(100)]) != []


@pytest.mark.parametrize("by", [9, -9])
@pytest.mark.parametrize("strays", [(4,), (3, 4, 5)])
def test_slices_beside_the_line_are_counted(strays: tuple[int, ...], by: float) -> None:
    series = stack(20)
    for i in strays:
        (plane,) = series[i].planes
        x, y, z = plane.position
        series[i] = replace(series[i], planes=(replace(plane, position=(x + by, y, z)),))
    assert found(series) == [(Code.INCONSISTENT_GEOMETRY, len(strays))]


def test_stations_side_by_side_are_stacks_of_their_own() -> None:
    stations = [
        a_slice((-250, -50 + 5.0 * i + offset, -400.0 * station), 100 * station + i, orientation=CORONAL, **MR)
        for station, offset in enumerate([0, 0, 0])
        for i in range(12)
    ]
    assert found(stations) == []
    bent = [
        a_slice((-250, -50 + 5.0 * i + 1.3 * station, -400.0 * station), 100 * station + i, orientation=CORONAL, **MR)
        for station in range(3)
        for i in range(12)
    ]
    assert found(bent) == []
    assert found(without(bent, 17)) == [(Code.MISSING_SLICES, 1)]


# -- mixed orientation


def test_another_orientation_among_slices_is_counted() -> None:
    series = [*stack(10), *stack(4, orientation=SAGITTAL)]
    (finding,) = quality_of(series)
    assert (finding.code, finding.count) == (Code.MIXED_ORIENTATION, 4)
    assert "(0020,0037)" in finding.detail
    assert found([*stack(30, **MR), *stack(22, orientation=SAGITTAL, **MR)]) == [(Code.MIXED_ORIENTATION, 22)]
    assert found([*stack(12, **MR), *stack(1, orientation=SAGITTAL, **MR)]) == [(Code.MIXED_ORIENTATION, 1)]
    assert found([*stack(3), *stack(1, orientation=SAGITTAL)]) == [(Code.MIXED_ORIENTATION, 1)]
    assert found([*stack(2), *stack(1, orientation=SAGITTAL)]) == []


def _turned_in_place(image: Geometry, degrees: float) -> Geometry:
    (plane,) = image.planes
    return replace(image, planes=(replace(plane, orientation=turned(degrees)),))


@pytest.mark.parametrize(
    "series",
    [
        [*stack(40), *stack(1, orientation=SAGITTAL, view=True), *stack(1, orientation=CORONAL, view=True)],
        [*stack(1), *stack(1, orientation=SAGITTAL), *stack(1, orientation=CORONAL)],
        [*stack(3, **MR), *stack(15, orientation=SAGITTAL, **MR), *stack(3, 11, orientation=CORONAL, **MR)],
        [image for i in range(5) for image in stack(4, orientation=turned(9 * i), **MR)],
        [image for i in range(36) for image in in_time(stack(1, orientation=turned(5 * i), **MR), 25)],
        [*stack(10), *stack(10, orientation=turned(0.3), frame_of_reference=b"other")],
        [_turned_in_place(image, i / 20) for i, image in enumerate(stack(9))],
    ],
    ids=["scouts", "three views", "localizer", "discs", "radial cine", "two frames of reference", "rounding"],
)
def test_planned_views_are_not_mixed(series: list[Geometry]) -> None:
    assert Code.MIXED_ORIENTATION not in dict(found(series))


# -- images that are no slices, and whatever else


def test_other_images_have_no_findings() -> None:
    other = Geometry(instance_number=7)
    assert found([other, other, replace(other, instance_number=70)]) == []


def test_frames_are_slices() -> None:
    planes = tuple(plane for image in without(stack(20), 4) for plane in image.planes)
    assert found([replace(stack(1)[0], planes=planes, frames=19)]) == [(Code.MISSING_SLICES, 1)]
    again = replace(stack(1)[0], planes=(*planes, planes[0]), frames=20)
    assert found([again]) == [(Code.MISSING_SLICES, 1), (Code.DUPLICATE_SLICES, 1)]
    odd, even = (replace(stack(2)[n], planes=(*planes[n:6:2], *planes[8 + n :: 2])) for n in (0, 1))
    assert found([odd, even]) == [(Code.MISSING_SLICES, 3)]  # the numbers of objects say nothing about frames
    twice = replace(stack(1)[0], planes=planes[:4] * 2, frames=8)
    assert found([twice]) == []  # every place again: of a kind that the frames do not say


COORDINATE = st.floats(-1e6, 1e6, allow_nan=False)
PLANES = st.builds(
    Plane,
    st.tuples(COORDINATE, COORDINATE, COORDINATE),
    st.sampled_from([AXIAL, CORONAL, SAGITTAL, turned(3), turned(0.5)]),
    st.sampled_from([b"", b"a"]),
)
IMAGES = st.builds(
    Geometry,
    modality=st.sampled_from(["", "CT", "MR", "PT"]),
    view=st.booleans(),
    rows=st.none() | st.integers(0, 3),
    columns=st.none() | st.integers(0, 3),
    pixel_spacing=st.none() | st.tuples(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300)),
    slice_thickness=st.none() | st.floats(1e-300, 1e300),
    spacing_between_slices=st.none() | st.floats(5e-324, 1e300),
    instance_number=st.none() | st.integers(-(10**11), 10**11),
    planes=st.lists(PLANES, max_size=4).map(tuple),
)


@given(st.lists(IMAGES, max_size=12), st.randoms(use_true_random=False))
def test_any_values_have_an_answer_that_does_not_depend_on_their_order(
    series: list[Geometry], order: random.Random
) -> None:
    answer = quality_of(series)
    assert all(finding.count > 0 and str(finding.count) in finding.detail for finding in answer)
    shuffled = list(series)
    order.shuffle(shuffled)
    assert quality_of(shuffled) == answer


@given(
    st.integers(3, 60),
    st.floats(0.1, 12),
    st.floats(-60, 60),
    st.data(),
)
def test_removed_slices_are_missing_and_repeated_ones_are_duplicates(
    count: int, spacing: float, tilt: float, data: st.DataObject
) -> None:
    series = stack(count, spacing, orientation=turned(tilt), slice_thickness=spacing)
    left_out = data.draw(st.sets(st.integers(1, count - 2), max_size=count - 3))
    kept = [i for i in range(count) if i not in left_out]
    assume(gcd(*(b - a for a, b in pairwise(kept))) == 1)  # no regular part of it by itself
    again = data.draw(st.lists(st.sampled_from(kept), max_size=5))
    given_in = data.draw(st.permutations([*kept, *again]))
    expected = {Code.MISSING_SLICES: len(left_out), Code.DUPLICATE_SLICES: len(again)}
    assert dict(found([series[i] for i in given_in])) == {code: n for code, n in expected.items() if n}


def test_ten_thousand_slices_take_no_time() -> None:
    series = list(in_time(stack(500, 0.6), 20))
    random.Random(1).shuffle(series)
    begin = perf_counter()
    assert found(series) == []
    assert perf_counter() - begin < 5
    turning = [image for i in range(2000) for image in stack(1, orientation=turned(i / 12))]
    begin = perf_counter()
    quality_of(turning)
    assert perf_counter() - begin < 5
