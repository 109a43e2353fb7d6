"""What changes when an instance's file becomes one in Explicit VR Little Endian, byte by byte."""

from __future__ import annotations

import zlib
from dataclasses import replace
from io import BytesIO
from struct import pack

import pytest

from fiducia.core.dicom import conversion, passages
from fiducia.core.dicom.conversion import outlined
from fiducia.core.dicom.luts import Lut
from fiducia.core.dicom.passages import (
    CONVERTED_MAX_BYTES,
    PIECE_BYTES,
    Coded,
    Passage,
    carry_out,
    require_sound_passages,
    turned,
)
from fiducia.core.dicom.picture import Picture
from fiducia.core.formats.frames import FrameLayout
from fiducia.errors import DicomError
from tests.support import conversions as c
from tests.support import dicom as d

RLE, UNCOMPRESSED, DEFLATED_FRAMES = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1"
ICONS = 0x00880200


def decode(picture: Picture, frame: bytes) -> bytes:
    """A decoder for whom a frame is its decoded self, with its padding."""
    if len(frame) - picture.decoded_bytes not in (0, 1):
        raise DicomError("not this one")
    return frame[: picture.decoded_bytes]


def converted(data: bytes) -> bytes:
    made = require_sound_passages(outlined(BytesIO(data), len(data)), len(data))
    return b"".join(carry_out(made, BytesIO(data), len(data), decode))


def body(data: bytes) -> bytes:
    """What is behind group 0002."""
    return data[144 + int.from_bytes(data[140:144], "little") :]


@pytest.mark.parametrize("syntax", [d.IMPLICIT, d.BIG_ENDIAN, d.DEFLATED, d.EXPLICIT])
def test_the_same_data_set_comes_of_every_native_form(syntax: str) -> None:
    lut = 0x00281201, ("OW", bytes(range(256)) * 9)
    made = converted(d.instance(dict([lut]), syntax))
    assert body(made) == body(d.instance(dict([lut])))
    assert converted(made) == made


def test_numbers_of_every_width_are_turned() -> None:
    numbers = {
        0x00080018: ("UI", b"1.2.3"),
        0x00189219: ("SS", pack(">h", -2)),
        0x00209165: ("AT", pack(">HH", 0x0020, 0x9056)),
        0x00189073: ("FD", pack(">d", 1.5)),
        0x00720074: ("FD", pack(">dd", 0.5, -3) * 200),
        0x00720066: ("OF", pack(">f", 2.5)),
        0x00720078: ("UL", pack(">L", 70_000)),
    }
    data = d.instance({tag: value for tag, value in numbers.items() if tag != 0x00080018}, d.BIG_ENDIAN)
    found = c.read(converted(data))
    assert found[0x00189219].value == -2
    assert found[0x00209165].value == 0x00209056
    assert found[0x00189073].value == 1.5
    assert found[0x00720074].value == [0.5, -3] * 200
    assert found[0x00720066].value == pack("<f", 2.5)
    assert found[0x00720078].value == 70_000


def test_what_implicit_vr_leaves_open_is_decided() -> None:
    extremes = {0x00280103: ("US", pack("<H", 1)), 0x00280106: ("SS", pack("<h", -5))}
    voi = d.sequence(
        0x00283010, d.item(d.element(0x00283002, "SS", pack("<hhh", 1, -2, 16), d.IMPLICIT)), syntax=d.IMPLICIT
    )
    private = {0x00091001: ("UN", b"abc!"), 0x00090010: ("LO", b"MAKER")}
    elements = {**d.ct_elements(), **extremes, **private}
    written = d.data_set(elements, d.IMPLICIT) + voi + d.element(0x7FE00010, "OW", bytes(32), d.IMPLICIT)
    found = c.read(converted(d.part10(written, d.IMPLICIT)))
    assert (found[0x00280106].VR, found[0x00280106].value) == ("SS", -5)
    assert found[0x00283010].value[0][0x00283002].value == [1, -2, 16]
    assert found[0x00091001].value == b"abc!"
    assert found[0x7FE00010].VR == "OW"


def test_a_value_too_long_for_its_representation_is_un() -> None:
    text = b"x" * 70_000
    written = converted(d.instance({0x00081030: ("LO", text)}, d.IMPLICIT))
    assert b"\x08\0\x30\x10UN\0\0" + pack("<I", 70_000) + text in written
    assert c.read(written)[0x00081030].value == text


def test_odd_values_get_their_padding_and_group_lengths_go() -> None:
    odd = d.element(0x00080060, "CS", b"CT ", length=3) + d.element(0x00080070, "LO", b"abc", length=3)
    length = d.element(0x00080000, "UL", pack("<I", 9))
    rest = d.data_set({tag: value for tag, value in d.ct_elements().items() if tag > 0x00080060})
    uids = d.data_set({tag: value for tag, value in d.ct_elements().items() if tag < 0x00080060})
    data = d.part10(length + uids + odd + rest + d.element(0x7FE00010, "OW", bytes(32)))
    found = body(converted(data))
    assert b"\x08\0\x70\0LO\x04\0abc " in found
    assert b"\x08\0\0\0UL" not in found


def test_what_follows_the_pixels_is_kept_if_it_is_elements() -> None:
    padded = d.instance() + d.element(0xFFFCFFFC, "OB", bytes(6))
    assert body(converted(padded)) == body(padded)
    assert body(converted(d.instance() + b"rubbish")) == body(d.instance())
    longer = d.instance({0x7FE00010: ("OW", bytes(90))}, d.IMPLICIT)
    assert len(c.read(converted(longer)).PixelData) == 90


def test_an_instance_without_pixels_is_rewritten() -> None:
    report = {0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.88.11"), 0x00280100: None, 0x7FE00010: None}
    for syntax in (d.IMPLICIT, RLE):
        assert body(converted(d.instance(report, syntax))) == body(d.instance(report))


# -- frames


def coded(*values: bytes, syntax: str = RLE, table: tuple[int, ...] = (), changes: d.Elements | None = None) -> bytes:
    """An image of 3 by 3 samples of 8 bits, but for changes, whose frames are in fragments."""
    elements = {**d.ct_elements(3, 3), 0x00280100: ("US", pack("<H", 8)), **(changes or {})}
    return d.part10(d.data_set(elements) + d.fragments(*values, table=table), syntax)


RGB = {0x00280002: ("US", pack("<H", 3)), 0x00280004: ("CS", b"YBR_FULL")}
BITS = {0x00280100: ("US", pack("<H", 1))}
TWO = {0x00280008: ("IS", b"2")}


def test_frames_in_fragments_become_native() -> None:
    one, two = bytes(range(9)), bytes(range(9, 18))
    assert c.read(converted(coded(one + b"\0"))).PixelData == one + b"\0"
    found = c.read(converted(coded(one + b"\0", two + b"\0", changes=TWO)))
    assert found.PixelData == one + two
    assert found[0x7FE00010].VR == "OB"
    pieces = coded(one[:4], one[4:8], one[8:] + b"\0", two + b"\0", table=(0, 34), changes=TWO)
    assert c.read(converted(pieces)).PixelData == one + two


def test_compressed_colours_become_rgb_by_pixel() -> None:
    found = c.read(converted(coded(bytes(27) + b"\0", changes=RGB | {0x00280006: ("US", pack("<H", 1))})))
    assert (found.PhotometricInterpretation, found.PlanarConfiguration) == ("RGB", 0)
    bare = c.read(converted(coded(bytes(27) + b"\0", changes=RGB)))
    assert bare.PlanarConfiguration == 0
    native = c.read(converted(coded(bytes(27) + b"\0", syntax=UNCOMPRESSED, changes=RGB)))
    assert native.PhotometricInterpretation == "YBR_FULL"


def test_what_says_that_there_was_loss_stays_and_offset_tables_go() -> None:
    lossy = {0x00282110: ("CS", b"01"), 0x00282114: ("CS", b"ISO_10918_1 ")}
    tables = {0x7FE00001: ("OV", pack("<Q", 0)), 0x7FE00002: ("OV", pack("<Q", 9))}
    found = c.read(converted(coded(bytes(9) + b"\0", changes=lossy | tables)))
    assert (found.LossyImageCompression, found.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert "ExtendedOffsetTable" not in found
    assert "ExtendedOffsetTableLengths" not in found


def icon(value: bytes) -> bytes:
    return d.sequence(ICONS, d.item(d.data_set({**image_of(2, 2)}) + value, undefined=True), undefined=True)


def image_of(rows: int, columns: int) -> d.Elements:
    described = {tag: value for tag, value in d.ct_elements(rows, columns).items() if tag >> 16 == 0x0028}
    return described | {0x00280100: ("US", pack("<H", 8))}


def test_an_icon_is_an_image_too() -> None:
    attributes = d.data_set({**d.ct_elements(3, 3), 0x00280100: ("US", pack("<H", 8))})
    frames = d.fragments(bytes(range(9)) + b"\0")
    found = c.read(converted(d.part10(attributes + icon(d.fragments(b"icon")) + frames, RLE)))
    (item,) = found[ICONS].value
    assert (item.PixelData, found.PixelData) == (b"icon", bytes(range(9)) + b"\0")
    native = icon(d.element(0x7FE00010, "OB", b"icon"))
    (item,) = c.read(converted(d.part10(attributes + native + frames, RLE)))[ICONS].value
    assert item.PixelData == b"icon"
    odd = d.data_set(d.ct_elements()) + icon(d.fragments(b"icon")) + d.element(0x7FE00010, "OW", bytes(32))
    with pytest.raises(DicomError, match="icon"):
        converted(d.part10(odd))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (coded(bytes(10), syntax="1.2.840.10008.1.2.4.102"), "video"),
        (coded(bytes(10), syntax="1.2.840.10008.1.2.4.110"), "JPEG XL"),
        (coded(bytes(10), bytes(10), bytes(10), changes=TWO), "told apart"),
        (coded(bytes(10), changes={0x00280004: ("CS", b"HSV")}), "meant"),
        (coded(bytes(10), changes=BITS), "one bit"),
        (
            coded(b"\0\0", b"\0\0", syntax=UNCOMPRESSED, changes=TWO | {0x00280100: ("US", pack("<H", 1))}),
            "single bits",
        ),
        (coded(b"12", changes=dict.fromkeys((0x00280010, 0x00280011), ("US", b"\xff\xff"))), "256 MiB"),
        (d.instance()[:-3], "cut short|fewer"),
    ],
)
def test_what_cannot_be_converted_is_refused_before_a_frame_is_read(data: bytes, says: str) -> None:
    with pytest.raises(DicomError, match=says):
        outlined(BytesIO(data), len(data))


# -- bounds


def test_a_file_over_the_bound_is_not_even_read() -> None:
    stream = d.Counting(d.instance())
    with pytest.raises(DicomError, match="2048 MiB"):
        outlined(stream, CONVERTED_MAX_BYTES + 1)
    assert stream.count == 0


def test_a_few_coded_bytes_do_not_become_gigabytes() -> None:
    large = {0x00280010: ("US", pack("<H", 16_000)), 0x00280011: ("US", pack("<H", 16_000))}
    frames = [b"12"] * 9
    outlined(BytesIO(data := coded(*frames[:8], changes=large | {0x00280008: ("IS", b"8")})), len(data))
    with pytest.raises(DicomError, match="2048 MiB"):
        outlined(BytesIO(data := coded(*frames, changes=large | {0x00280008: ("IS", b"9")})), len(data))


def test_what_was_deflated_is_held_only_if_it_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    data = d.instance({0x00420011: ("OB", bytes(1 << 20))}, d.DEFLATED)
    assert len(data) < 1 << 16 < len(converted(data))
    monkeypatch.setattr(conversion, "INFLATED_MAX_BYTES", 1 << 20)
    with pytest.raises(DicomError, match="inflates"):
        converted(data)


GOOD = Coded(Picture(RLE, 3, 3), FrameLayout.FRAMES, pack(">QQ", 10, 90))


@pytest.mark.parametrize(
    "passage",
    [
        Passage(offset=-1),
        Passage(offset=50, length=51),
        Passage(offset=101),
        Passage(length=-1),
        Passage(length=100, word_bytes=3),
        Passage(coded=replace(GOOD, ranges=pack(">QQ", 10, 91))),
        Passage(coded=replace(GOOD, ranges=b"123")),
        Passage(coded=replace(GOOD, layout=FrameLayout.WHOLE)),
        Passage(coded=replace(GOOD, layout=77)),
        Passage(coded=replace(GOOD, picture=Picture(RLE, -1, 3))),
        Passage(coded=replace(GOOD, picture=Picture("1.2.3", 3, 3))),
        Passage(coded=replace(GOOD, picture=Picture(RLE, 3, 3, voi_lut=Lut(0, 8, bytes(2))))),
        Passage(coded=replace(GOOD, picture=Picture(RLE, 60_000, 60_000))),
    ],
)
def test_passages_that_cannot_be_true_are_not_carried_out(passage: Passage) -> None:
    require_sound_passages([Passage(b"new", 50, 50, 8), Passage(coded=GOOD)], 100)
    with pytest.raises(DicomError):
        require_sound_passages([passage], 100)


def test_copies_are_made_in_pieces_and_words_stay_whole() -> None:
    data = bytes(range(256)) * 8200
    made = list(carry_out([Passage(b"a" * 3, 7, PIECE_BYTES + 8, 8)], BytesIO(data), len(data), decode))
    assert [len(piece) for piece in made] == [3, PIECE_BYTES, 8]
    assert made[2] == data[7 + PIECE_BYTES : 15 + PIECE_BYTES][::-1]
    assert turned(b"abcde", 2) == b"badce"


def test_the_first_frame_of_the_image_is_decoded_before_anything_is_handed_on() -> None:
    data = b"0123456789"
    frames = Coded(Picture(RLE, 1, 2), FrameLayout.FRAMES, pack(">QQQQ", 0, 2, 2, 3))
    pieces = carry_out([Passage(b"head"), Passage(coded=frames)], BytesIO(data), 10, decode)
    assert next(pieces) + next(pieces) == b"head01"
    bad = replace(frames, ranges=pack(">QQQQ", 0, 5, 2, 2))
    with pytest.raises(DicomError, match="not this one"):
        carry_out([Passage(b"head"), Passage(coded=bad)], BytesIO(data), 10, decode)


def test_large_frames_are_handed_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages, "PIECE_BYTES", 4)
    frames = Coded(Picture(RLE, 3, 3), FrameLayout.FRAMES, pack(">QQ", 0, 9))
    pieces = carry_out([Passage(coded=frames)], BytesIO(b"012345678"), 9, decode)
    assert list(pieces) == [b"0123", b"4567", b"8"]


def test_deflated_frames_are_outlined() -> None:
    deflate = zlib.compressobj(wbits=-15)
    frame = deflate.compress(bytes(9)) + deflate.flush()
    data = coded(frame + b"\0" * (len(frame) % 2), syntax=DEFLATED_FRAMES)
    made = outlined(BytesIO(data), len(data))
    assert [each.coded.frames for each in made if each.coded] == [1]
