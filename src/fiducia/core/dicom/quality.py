"""Quality findings: what the slices of one series, taken together, tell of loss or mixture.

Owns: which findings a series has. Reported is only what the positions themselves show; where a plan of the
scanner explains it as well (views, blocks, repeats in time), nothing is. Other images than slices have none. Pure and
total; n log n. The table is in docs/quality.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from fiducia.core.dicom.geometry import Geometry
from fiducia.core.dicom.spacing import Spacing, spacing_of
from fiducia.core.dicom.stacks import Placed, Slice, by_orientation, columns, off_line, placed, places, slices_of
from fiducia.records.quality import QualityCode, QualityFinding

SIZE_TOLERANCE = 0.001
"""Pixel spacings may differ by 0.1 %: half a pixel across 512. Thicknesses by 1 %."""
THICKNESS_TOLERANCE = 0.01

STACK_MIN = 3
"""Orientations with fewer places are views, as of a localizer or around an axis."""

BLOCK_MAX = 15
BLOCK_RATIO = 5
"""MR is planned in blocks (localizers, discs of a spine): up to 15 places each, none over five times another's."""

_WORDS = {
    "missing": (QualityCode.MISSING_SLICES, "missing between the first and the last, by position"),
    "numbers": (QualityCode.MISSING_NUMBERS, "left out between the first and the last Instance Number (0020,0013)"),
    "duplicate": (QualityCode.DUPLICATE_SLICES, "there again: same position, orientation and acquisition"),
    "size": (QualityCode.INCONSISTENT_GEOMETRY, "of another size than most, Rows (0028,0010) by Columns (0028,0011)"),
    "pixel": (QualityCode.INCONSISTENT_GEOMETRY, "of another Pixel Spacing (0028,0030) than most"),
    "thickness": (QualityCode.INCONSISTENT_GEOMETRY, "of another Slice Thickness (0018,0050) than most"),
    "irregular": (QualityCode.INCONSISTENT_GEOMETRY, "not like most"),
    "shifted": (QualityCode.INCONSISTENT_GEOMETRY, "shifted sideways against the others, as by a tilted gantry"),
    "mixed": (QualityCode.MIXED_ORIENTATION, "turned against the others, Image Orientation (Patient) (0020,0037)"),
}
_THINGS = {
    "numbers": ("number is", "numbers are"),
    "irregular": ("distance between neighbours is", "distances between neighbours are"),
}


@dataclass(slots=True)
class _Notes:
    """How often what was noticed."""

    counts: Counter[str] = field(default_factory=Counter)

    def findings(self) -> tuple[QualityFinding, ...]:
        found = []
        for what, (code, words) in _WORDS.items():
            if count := self.counts[what]:
                one, many = _THINGS.get(what, ("slice is", "slices are"))
                found.append(QualityFinding(code, count, f"{count} {one if count == 1 else many} {words}"))
        return tuple(found)


def quality_of(series: Sequence[Geometry]) -> tuple[QualityFinding, ...]:
    """Return what the images of one series tell together, in a fixed order of codes.

    Args:
        series: one value per instance, in any order. The same instance must not be there twice.

    Returns:
        Nothing for a series that is whole, or of which too little is known.
    """
    notes = _Notes()
    slices = slices_of(series)
    if not slices:
        notes.counts["numbers"] = _missing_numbers(series)
    notes.counts["duplicate"] = _duplicates(slices)
    for _, members in groupby(slices, key=lambda s: s.image.frame_of_reference):
        _judge(list(members), notes.counts)
    return notes.findings()


def _judge(slices: list[Slice], counts: Counter[str]) -> None:
    """Judge the slices of one frame of reference."""
    groups = [placed(group) for group in by_orientation(slices)]
    sizes = [len(places(group)) for group in groups]
    mixed = len(groups) > 1
    if mixed and _is_planned(groups, sizes):
        return
    counts["mixed"] += sum(map(len, groups[1:]))
    for group in groups:
        _compare_images(group, counts)
        for stack in _stacks(group, counts):
            spacing = spacing_of(stack)
            counts["missing"] += spacing.missing
            counts["irregular"] += spacing.irregular


def _is_planned(groups: Sequence[Sequence[Placed]], sizes: Sequence[int]) -> bool:
    """Tell whether orientations look as if somebody planned them: views, or the blocks of an MR examination."""
    most, least = max(sizes), min(sizes)
    if most < STACK_MIN:
        return True
    magnetic = any(each.slice.image.modality == "MR" for group in groups for each in group)
    return magnetic and most <= BLOCK_MAX and most <= BLOCK_RATIO * least


def _stacks(group: list[Placed], counts: Counter[str]) -> list[list[Placed]]:
    """One orientation's stacks; slices beside the line of a single one are counted."""
    side_by_side = columns(group)
    depths = [len(places(column)) for column in side_by_side]
    if len(depths) > 1:
        shared = sum(depths) > len(places(group))  # different slices at one depth: stations of a larger field
        if shared or (min(depths) >= STACK_MIN and spacing_of(group) != Spacing()):
            return side_by_side
    if len(places(group)) >= STACK_MIN:
        longest = max(side_by_side, key=len)
        counts["shifted"] += off_line(group, longest[0])
    return [group]


def _compare_images(group: Sequence[Placed], counts: Counter[str]) -> None:
    """Compare the images of one orientation, each kind with its own."""
    kinds: dict[Hashable, dict[int, Geometry]] = {}
    for each in group:
        image = each.slice.image
        kinds.setdefault(image.image_type, {})[id(image)] = image
    for images in kinds.values():
        sizes = [(i.rows, i.columns) for i in images.values() if i.rows and i.columns]
        counts["size"] += len(sizes) - max(Counter(sizes).values(), default=0)
        pixels = [i.pixel_spacing for i in images.values() if i.pixel_spacing]
        counts["pixel"] += max(_others((p[at] for p in pixels), SIZE_TOLERANCE) for at in (0, 1))
        thick = (i.slice_thickness for i in images.values() if i.slice_thickness)
        counts["thickness"] += _others(thick, THICKNESS_TOLERANCE)


def _others(lengths: Iterable[float], tolerance: float) -> int:
    """How many lengths depart from the one that most have."""
    ordered = sorted(lengths)
    if not ordered:
        return 0
    usual, _ = Counter(ordered).most_common(1)[0]
    return sum(abs(length - usual) > tolerance * usual for length in ordered)


def _duplicates(slices: Iterable[Slice]) -> int:
    """Slices that repeat another one's place and everything that may tell them apart.

    With an Instance Number of its own a repeat may be of a kind that nothing here knows. Then it counts only as
    an exception: where more than half of the places have repeats, they are meant.
    """
    found: dict[Hashable, Counter[int | None]] = {}
    for each in slices:
        number = each.image.instance_number if len(each.image.planes) == 1 else None  # frames share theirs
        found.setdefault(_place(each), Counter())[number] += 1
    copies = sum(sum(n - 1 for number, n in at.items() if number is not None) for at in found.values())
    repeats = [len(at) - 1 + (at[None] - 1 if at[None] else 0) for at in found.values()]
    meant = 2 * sum(repeat > 0 for repeat in repeats) > len(repeats)
    return copies + (0 if meant else sum(repeats))


def _place(each: Slice) -> Hashable:
    """What duplicates have in common; rounded as `stacks.SAME_MM`."""
    plane, image = each.plane, each.image
    position = tuple(round(value, 2) for value in plane.position)
    orientation = tuple(round(value, 3) for value in plane.orientation)
    return image.frame_of_reference, position, orientation, plane.apart, image.rows, image.columns, image.pixel_spacing


def _missing_numbers(series: Iterable[Geometry]) -> int:
    """Instance Numbers left out in a series of single slices without positions, when most follow each other."""
    images = [image for image in series if image.modality and not image.view]
    numbers = sorted({i.instance_number for i in images if i.instance_number is not None and i.frames == 1})
    steps = [b - a for a, b in pairwise(numbers)]
    missing = sum(step - 1 for step in steps)
    return missing if steps.count(1) > 1 and len(steps) <= 2 * steps.count(1) and missing <= len(numbers) else 0
