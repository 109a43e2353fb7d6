"""Frame tables: every range holds what the layout says, whatever the file's own offset tables claim."""

from __future__ import annotations

from io import BytesIO
from struct import pack

import pytest

from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.pixels import FrameTable
from fiducia.core.formats.frames import FrameLayout
from fiducia.errors import DicomError
from tests.support import dicom as d

Changes = dict[int, tuple[str, bytes] | None]


def native(rows: int, columns: int, pixels: bytes, **more: tuple[str, bytes]) -> bytes:
    elements = d.ct_elements(rows, columns) | {int(tag[1:], 16): value for tag, value in more.items()}
    return d.part10(d.data_set({**elements, 0x7FE00010: ("OW", pixels)}))


def encapsulated(pixels: bytes, frames: int = 1, changes: d.Elements | None = None) -> bytes:
    elements = {**d.ct_elements(), 0x00280008: ("IS", str(frames).encode()), **(changes or {})}
    return d.part10(d.data_set(elements) + pixels, d.JPEG)


def table(data: bytes) -> FrameTable:
    return read_head(BytesIO(data), len(data)).frames


def pieces(data: bytes) -> list[bytes]:
    return [data[offset : offset + length] for offset, length in table(data)]


def test_native_frames_are_cut_by_their_size() -> None:
    data = native(2, 3, b"AAAAAABBBBBBCCCCCCDDDDDD", x00280008=("IS", b"2"))
    assert (table(data).layout, table(data).frames) == (FrameLayout.FRAMES, 2)
    assert pieces(data) == [b"AAAAAABBBBBB", b"CCCCCCDDDDDD"]


def test_padding_after_the_last_native_frame_is_no_frame() -> None:
    data = native(3, 3, b"x" * 9 + b"\0", x00280100=("US", pack("<H", 8)))
    assert pieces(data) == [b"x" * 9]


@pytest.mark.parametrize(
    ("photometric", "samples", "frame_bytes"),
    [(b"RGB", 3, 48), (b"YBR_FULL", 3, 48), (b"YBR_FULL_422", 3, 32), (b"YBR_PARTIAL_420", 3, 24)],
)
def test_colour_frames_have_the_size_of_their_sampling(photometric: bytes, samples: int, frame_bytes: int) -> None:
    more = {
        "x00280002": ("US", pack("<H", samples)),
        "x00280004": ("CS", photometric),
        "x00280100": ("US", pack("<H", 8)),
        "x00280008": ("IS", b"3"),
    }
    data = native(4, 4, bytes(range(frame_bytes * 3)), **more)
    assert pieces(data) == [bytes(range(i * frame_bytes, (i + 1) * frame_bytes)) for i in range(3)]
    with pytest.raises(DicomError, match="fewer pixel bytes"):
        table(native(4, 4, bytes(frame_bytes * 3 - 2), **more))


def test_frames_of_single_bits_have_one_range() -> None:
    data = native(3, 3, b"\xaa" * 4, x00280100=("US", pack("<H", 1)), x00280008=("IS", b"3"))
    assert (table(data).layout, table(data).frames, pieces(data)) == (FrameLayout.WHOLE, 3, [b"\xaa" * 4])


def test_float_pixels_are_frames_too() -> None:
    elements = {**d.ct_elements(1, 2), 0x00280100: ("US", pack("<H", 32)), 0x7FE00008: ("OF", b"floatpix")}
    data = d.part10(d.data_set(elements))
    assert pieces(data) == [b"floatpix"]


def test_what_follows_the_pixels_is_not_read() -> None:
    data = native(1, 2, b"1234") + d.element(0xFFFCFFFC, "OB", bytes(64)) + b"anything"
    assert pieces(data) == [b"1234"]


def test_one_fragment_per_frame_needs_no_table() -> None:
    data = encapsulated(d.fragments(b"frame1", b"second", b"3d"), 3)
    assert (table(data).layout, pieces(data)) == (FrameLayout.FRAMES, [b"frame1", b"second", b"3d"])


def test_an_offset_table_joins_fragments_to_frames() -> None:
    data = encapsulated(d.fragments(b"aa", b"bbbb", b"cc", table=(0, 22)), 2)
    assert table(data).layout is FrameLayout.ITEMS
    assert pieces(data) == [d.item(b"aa") + d.item(b"bbbb"), d.item(b"cc")]


@pytest.mark.parametrize(
    "offsets", [(0, 10, 24), (0, 10, 22, 30), (2, 10, 22), (22, 10, 0), (0, 0, 0), (0, 10, 1 << 31)]
)
def test_an_offset_table_that_does_not_fit_is_passed_over(offsets: tuple[int, ...]) -> None:
    data = encapsulated(d.fragments(b"aa", b"bbbb", b"cc", table=offsets), 3)
    assert (table(data).layout, pieces(data)) == (FrameLayout.FRAMES, [b"aa", b"bbbb", b"cc"])


def test_several_fragments_of_one_frame_are_its_items() -> None:
    data = encapsulated(d.fragments(b"aa", b"bbbb"))
    assert (table(data).layout, pieces(data)) == (FrameLayout.ITEMS, [d.item(b"aa") + d.item(b"bbbb")])


@pytest.mark.parametrize("frames", [2, 30])
def test_fragments_that_nobody_can_assign_are_one_range(frames: int) -> None:
    data = encapsulated(d.fragments(b"aa", b"bbbb", b"cc"), frames)
    assert (table(data).layout, table(data).frames) == (FrameLayout.WHOLE, frames)
    assert pieces(data) == [d.item(b"aa") + d.item(b"bbbb") + d.item(b"cc")]


def extended(offsets: list[int], lengths: list[int]) -> d.Elements:
    return {
        0x7FE00001: ("OV", pack(f"<{len(offsets)}Q", *offsets)),
        0x7FE00002: ("OV", pack(f"<{len(lengths)}Q", *lengths)),
    }


def test_an_extended_offset_table_gives_exact_lengths() -> None:
    data = encapsulated(d.fragments(b"abc\0", b"de"), 2, extended([0, 12], [3, 2]))
    assert (table(data).layout, pieces(data)) == (FrameLayout.FRAMES, [b"abc", b"de"])


@pytest.mark.parametrize(
    ("offsets", "lengths"),
    [
        ([0, 11], [3, 2]),
        ([0, 12], [9, 2]),
        ([0, 12], [1, 2]),
        ([0], [3]),
        ([0, 12, 99], [3, 2, 1]),
        ([0, 1 << 63], [3, 2]),
    ],
)
def test_an_extended_offset_table_that_does_not_fit_is_passed_over(offsets: list[int], lengths: list[int]) -> None:
    data = encapsulated(d.fragments(b"abc\0", b"de"), 2, extended(offsets, lengths))
    assert pieces(data) == [b"abc\0", b"de"]


def test_an_extended_offset_table_of_many_frames_is_read_where_it_lies() -> None:
    frames = [b"%03d\0" % number for number in range(300)]
    offsets = [12 * number for number in range(300)]
    data = encapsulated(d.fragments(*frames), 300, extended(offsets, [3] * 300))
    assert pieces(data) == [frame[:3] for frame in frames]


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (d.fragments(), "only an empty offset table"),
        (d.fragments(b"aa", end=False), "cut short"),
        (d.fragments(b"aa", end=False)[:-1], "cut short"),
        (d.element(0x7FE00010, "OB", d.item(b"")[:6], length=d.UNDEFINED), "cut short"),
        (d.element(0x7FE00010, "OB", pack("<HHI", 0xFFFE, 0xE0DD, 0), length=d.UNDEFINED), "is missing"),
        (d.element(0x7FE00010, "OB", d.item(b"") + b"garbage!", length=d.UNDEFINED), "between fragments"),
        (d.element(0x7FE00010, "OB", d.item(b"") + d.item(b"a", undefined=True), length=d.UNDEFINED), "cut short"),
        (d.element(0x7FE00010, "OB", b"not fragments"), "as the transfer syntax says"),
    ],
)
def test_damaged_fragments_are_refused(pixels: bytes, words: str) -> None:
    with pytest.raises(DicomError, match=words):
        table(encapsulated(pixels))


@pytest.mark.parametrize("pixels", [d.element(0x7FE00010, "OW", bytes(8)), d.fragments(b"icon")])
def test_an_icon_is_no_frame(pixels: bytes) -> None:
    icon: Changes = {0x00880200: ("SQ", d.item(d.element(0x00280010, "US", b"\2\0") + pixels))}
    data = d.instance(icon)
    assert list(table(data)) == [(len(data) - 32, 32)]


def test_fragments_are_stepped_over() -> None:
    stream = d.Counting(encapsulated(d.fragments(*(bytes(100_000) for _ in range(50))), 50))
    assert len(read_head(stream, len(stream.getvalue())).frames) == 50
    assert stream.count < 64 << 10
