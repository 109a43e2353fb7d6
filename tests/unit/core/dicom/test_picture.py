"""What decoding and showing a frame takes, read from DICOM JSON."""

from __future__ import annotations

import json
from base64 import b64encode
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.dicom.codestream import require_fitting
from fiducia.core.dicom.luts import Lut
from fiducia.core.dicom.picture import FRAME_MAX_BYTES, Picture, picture_of, require_bounded
from fiducia.core.dicom.voi import VoiWindow, WindowFunction
from fiducia.errors import DicomError
from tests.support import pictures as p

Model = dict[str, Any]


def model(photometric: str = "MONOCHROME2", **more: Any) -> Model:
    """The smallest image, 4 rows by 2 columns of 16 bits, with more attributes named T and their tag."""
    found: Model = {
        "00280002": {"vr": "US", "Value": [1]},
        "00280004": {"vr": "CS", "Value": [photometric]},
        "00280010": {"vr": "US", "Value": [4]},
        "00280011": {"vr": "US", "Value": [2]},
        "00280100": {"vr": "US", "Value": [16]},
        "00280101": {"vr": "US", "Value": [12]},
        "00280102": {"vr": "US", "Value": [11]},
        "00280103": {"vr": "US", "Value": [0]},
    }
    found |= {
        tag[1:]: value if isinstance(value, dict) else {"vr": "DS", "Value": value} for tag, value in more.items()
    }
    return found


def no_bulk(uri: str) -> bytes:
    raise AssertionError(uri)


def read(found: Model, uid: str = p.EXPLICIT, frame: int = 1) -> Picture:
    return picture_of(found, uid, frame=frame, bulk=no_bulk)


def sequence(*items: Model) -> Model:
    return {"vr": "SQ", "Value": list(items)}


def test_a_grey_image() -> None:
    found = read(model(T00281052=[-1024], T00281053=[2], T00281050=[40, 300], T00281051=[400, 1500]))
    assert found == Picture(
        p.EXPLICIT,
        4,
        2,
        bits_allocated=16,
        bits_stored=12,
        high_bit=11,
        slope=2.0,
        intercept=-1024.0,
        windows=(VoiWindow(40, 400), VoiWindow(300, 1500)),
    )
    assert found.decoded_bytes == 16


def test_a_function_and_windows_that_show_nothing() -> None:
    sigmoid = {"vr": "CS", "Value": ["SIGMOID"]}
    found = read(model(T00281050=[1, 2, "x"], T00281051=[0, 3, 4], T00281056=sigmoid))
    assert found.windows == ()  # one center is no number: nothing is paired by guessing
    found = read(model(T00281050=[1, "2"], T00281051=[0, 3], T00281056=sigmoid))
    assert found.windows == (VoiWindow(2, 3, WindowFunction.SIGMOID),)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverse"),
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
    ],
)
def test_inversion(photometric: str, shape: str | None, inverse: bool) -> None:
    more = {"T20500020": {"vr": "CS", "Value": [shape]}} if shape else {}
    assert read(model(photometric, **more)).inverse is inverse


def test_tables_of_greys_inline_and_as_numbers() -> None:
    entries = pack("<3H", 7, 8, 9)
    inline = {"vr": "OW", "InlineBinary": b64encode(entries).decode()}
    descriptor = {"vr": "US", "Value": [3, 0xFFFE, 12]}
    item = {"00283002": descriptor, "00283006": inline}
    numbered = {"00283002": descriptor, "00283006": {"vr": "US", "Value": [7, 8, 9]}}
    found = read(model(T00283000=sequence(item), T00283010=sequence(numbered), T00280103=[1]))
    assert found.modality_lut == found.voi_lut == Lut(-2, 12, entries)
    assert (found.slope, found.intercept) == (1.0, 0.0)


def test_a_damaged_table_is_refused() -> None:
    for descriptor in ([3, 0], [3, 0, 7], [3, 0, 17], [4, 0, 16]):
        item = {"00283002": {"vr": "US", "Value": descriptor}, "00283006": {"vr": "US", "Value": [7, 8, 9]}}
        with pytest.raises(DicomError, match="lookup table"):
            read(model(T00283010=sequence(item)))


def palette(descriptor: list[int], data: str = "0028120", bulk: bool = True) -> Model:
    found = model("PALETTE COLOR")
    for number in "123":
        found[f"0028110{number}"] = {"vr": "US", "Value": descriptor}
        found[f"{data}{number}"] = {"vr": "OW", "BulkDataURI": f"at {number}"}
    return found


def test_a_palette_from_bulk_data() -> None:
    tables = {f"at {number}": bytes([number]) * 1200 for number in (1, 2, 3)}
    found = picture_of(palette([600, 0, 16]), p.EXPLICIT, bulk=tables.__getitem__)
    assert found.palette == tuple(Lut(0, 16, bytes([number]) * 1200) for number in (1, 2, 3))
    packed = picture_of(palette([1200, 3, 8]), p.EXPLICIT, bulk=tables.__getitem__)
    assert packed.palette is not None
    assert packed.palette[1] == Lut(3, 8, b"\2\0" * 1200)
    whole = picture_of(palette([0, 0, 16]), p.EXPLICIT, bulk=lambda _: bytes(1 << 17))
    assert whole.palette is not None
    assert len(whole.palette[0].entries) == 1 << 17


def segmented(*words: int) -> Picture:
    data = pack(f"<{len(words)}H", *words)
    return picture_of(palette([8, 0, 16], "0028122"), p.EXPLICIT, bulk=lambda _: data)


def test_a_segmented_palette_is_written_out() -> None:
    discrete, linear, again = (0, 2, 5, 10), (1, 4, 30), (2, 1, 0, 0)
    found = segmented(*discrete, *linear, *again)
    assert found.palette is not None
    assert found.palette[0].entries == pack("<8H", 5, 10, 15, 20, 25, 30, 5, 10)


@pytest.mark.parametrize(
    "words",
    [
        (0, 9, 1),
        (1, 2, 3),
        (3, 1, 1),
        (0, 1, 1, 2, 1, 6, 0),
        (0, 1, 1, 2, 9, 100, 0),
        (0, 2, 1, 1, 1, 65535, 9),
        (0, 1, 5),
    ],
)
def test_a_damaged_segmented_palette_is_refused(words: tuple[int, ...]) -> None:
    with pytest.raises(DicomError):
        segmented(*words)


def test_functional_groups_of_the_frame_come_first() -> None:
    def group(center: float, intercept: float) -> Model:
        return {
            "00289132": sequence({"00281050": {"vr": "DS", "Value": [center]}, "00281051": {"vr": "DS", "Value": [9]}}),
            "00289145": sequence({"00281052": {"vr": "DS", "Value": [intercept]}}),
        }

    shared, second = group(1, 10), group(2, 20)
    found = model(T52009229=sequence(shared), T52009230=sequence({}, second), T00280008=[3], T00281050=[7])
    for frame, center in ((1, 1), (2, 2), (3, 1)):
        picture = read(found, frame=frame)
        assert (picture.windows, picture.intercept) == ((VoiWindow(center, 9),), center * 10.0)
    for frame in (0, 4):
        with pytest.raises(DicomError, match="no such frame"):
            read(found, frame=frame)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"00280010": None}, "no image"),
        ({"00280010": [0]}, "rows"),
        ({"00280011": [65536]}, "columns"),
        ({"00280002": [2]}, "samples per pixel"),
        ({"00280004": None}, "how its samples are meant"),
        ({"00280004": ["CMYK"]}, "how its samples are meant"),
        ({"00280004": ["YBR_PARTIAL_420"], "00280002": [3]}, "how its samples are meant"),
        ({"00280100": [12]}, "not decoded"),
        ({"00280100": None}, "bits allocated"),
        ({"00280101": [17]}, "bits stored"),
        ({"00280102": [10]}, "high bit"),
        ({"00280103": [2]}, "pixel representation"),
        ({"00280100": [32], "00280101": None}, "floating-point"),
        ({"7FE00008": ["x"]}, "floating-point"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(changes: Model, says: str) -> None:
    found = model()
    for tag, value in changes.items():
        found.pop(tag, None)
        if value is not None:
            found[tag] = {"vr": "US", "Value": value}
    with pytest.raises(DicomError, match=says):
        read(found)


def test_lengths_of_decoded_frames() -> None:
    assert Picture(p.EXPLICIT, 3, 3, bits_allocated=1, bits_stored=1, high_bit=0).decoded_bytes == 2
    assert Picture(p.EXPLICIT, 2, 2, 3, "YBR_FULL_422").decoded_bytes == 8
    assert Picture(p.JPEG, 2, 2, 3, "YBR_FULL_422").decoded_bytes == 12
    assert Picture(p.JPEG, 2, 2, 3, "YBR_FULL_422").decoded_photometric == "RGB"
    assert Picture(p.JPEG_2000, 2, 2, 3, "YBR_RCT").decoded_photometric == "RGB"
    assert Picture(p.BIG_ENDIAN, 2, 2, 3, "YBR_FULL").decoded_photometric == "YBR_FULL"


def test_bounds() -> None:
    require_bounded(Picture(p.EXPLICIT, 16384, 16384), b"")
    with pytest.raises(DicomError, match="256 MiB"):
        require_bounded(Picture(p.EXPLICIT, 16384, 16385), b"")
    with pytest.raises(DicomError, match="256 MiB"):
        require_bounded(Picture(p.EXPLICIT, 1, 1), bytes(FRAME_MAX_BYTES + 1))


@pytest.mark.parametrize("uid", [p.JPEG, p.JPEG_LOSSLESS, p.JPEG_LS, p.JPEG_2000])
@given(frame=st.binary(max_size=200))
def test_no_codestream_of_chance_fits(uid: str, frame: bytes) -> None:
    picture = Picture(uid, 2, 2)
    for start in (b"", b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "):
        with pytest.raises(DicomError):
            require_fitting(picture, start + frame)


def test_a_codestream_in_a_jp2_box() -> None:
    size = pack(">HHIIIIIIIIH3B", 41, 0, 2, 2, 0, 0, 2, 2, 0, 0, 1, 7, 1, 1)
    stream = b"\xff\x4f\xff\x51" + size
    boxed = pack(">I4sI", 12, b"jP  ", 0x0D0A870A) + pack(">I4s", 8, b"free") + pack(">I4s", 0, b"jp2c") + stream
    for frame in (stream, boxed):
        require_fitting(Picture(p.JPEG_2000, 2, 2), frame)
        with pytest.raises(DicomError, match="another size"):
            require_fitting(Picture(p.JPEG_2000, 2, 3), frame)
    deep = stream.replace(b"\0\1\7\1\1", b"\0\1\x0b\1\1")
    with pytest.raises(DicomError, match="larger samples"):
        require_fitting(Picture(p.JPEG_2000, 2, 2), deep)
    with pytest.raises(DicomError, match="differ in size"):
        require_fitting(Picture(p.JPEG_2000, 2, 2), stream.replace(b"\0\1\7\1\1", b"\0\1\7\2\1"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["vr", "Value", "InlineBinary", "00281050"]), inner)
        ),
        max_leaves=6,
    ),
    st.sampled_from(sorted([*model(), "00281050", "00281052", "00283000", "00283010", "52009229", "00280120"])),
)
def test_any_json_gives_a_picture_or_a_refusal(value: Any, tag: str) -> None:
    found = model() | {tag: json.loads(json.dumps(value)) if value == value else value}
    try:
        picture = read(found)
    except DicomError:
        return
    assert picture.decoded_bytes > 0
