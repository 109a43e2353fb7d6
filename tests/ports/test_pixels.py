"""What every decoder of pixels does, in its caller's process and behind a wall; then what only the wall is for."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import textwrap
import time
import warnings
import zlib
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from fiducia.adapters.dicom_pixels import pixels as behind_a_wall
from fiducia.adapters.dicom_pixels.messages import REFUSAL_MAX_BYTES, refusal_text
from fiducia.adapters.dicom_pixels.pixels import ConfinedPixels
from fiducia.adapters.memory.pixels import DirectPixels
from fiducia.core.dicom.luts import Lut
from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.passages import CONVERTED_MAX_BYTES
from fiducia.core.dicom.picture import FRAME_MAX_BYTES, Picture
from fiducia.core.dicom.view import PNG, THUMBNAIL, View, Viewport
from fiducia.core.dicom.voi import VoiWindow, WindowFunction
from fiducia.errors import ConfigError, DicomError, InputError, StoreMissingError
from fiducia.ports import Pixels
from tests.support import conversions as c
from tests.support import pictures as p
from tests.unit.app.test_processes import wait_for

IMAGES = {str(path.relative_to(p.PUBLISHED)): path for path in p.images(p.PUBLISHED)}
PNG_VIEW = View(PNG)
BLACK = Picture(p.EXPLICIT, 2, 2)


@pytest.fixture(scope="module")
def confined() -> Iterator[ConfinedPixels]:
    with ConfinedPixels() as pixels:
        yield pixels


@pytest.fixture(params=["direct", "confined"])
def pixels(request: pytest.FixtureRequest, confined: ConfinedPixels) -> Pixels:
    return DirectPixels() if request.param == "direct" else confined


def seen(pixels: Pixels, picture: Picture, frame: bytes, view: View = PNG_VIEW) -> NDArray[Any]:
    """A rendered frame, as numbers."""
    with Image.open(BytesIO(pixels.render(picture, frame, view))) as image:
        return np.asarray(image).astype(int)


def as_pydicom_has_it(path: Path) -> list[bytes] | None:
    """All frames as pydicom decodes them, native and little endian; None when it does not."""
    found = p.image(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            array = found.pixel_array
        except (RuntimeError, ValueError):
            return None
    each = array if int(found.get("NumberOfFrames", 1) or 1) > 1 else [array]
    return [one.astype(one.dtype.newbyteorder("<")).tobytes() for one in each]


def compare(pixels: Pixels, path: Path) -> None:
    """Every frame of a file as pydicom has it, or refused by both."""
    theirs = as_pydicom_has_it(path)
    for number, frame in enumerate(p.frames(path)[:3], 1):
        picture = p.picture(path, number)
        if theirs is None:
            if picture.transfer_syntax_uid != p.JPEG_12:
                with pytest.raises(DicomError):
                    pixels.decode(picture, frame)
            continue
        mine = pixels.decode(picture, frame)
        if picture.bits_allocated == 1:
            mine = np.unpackbits(np.frombuffer(mine, "u1"), bitorder="little").tobytes()
        if picture.decoded_photometric == "YBR_FULL_422":
            assert mine == frame
        else:
            assert mine == theirs[number - 1]


# -- decoding


@pytest.mark.parametrize("name", IMAGES)
def test_a_published_frame_is_what_pydicom_says(pixels: Pixels, name: str) -> None:
    compare(pixels, IMAGES[name])


def test_many_published_frames_were_compared() -> None:
    assert len(IMAGES) > 70
    assert sum(as_pydicom_has_it(path) is not None for path in IMAGES.values()) > 65


def test_shared_frames_are_what_pydicom_says(confined: ConfinedPixels, shared: Path) -> None:
    compared = 0
    for path in p.images(shared / "data" / "dicom"):
        compare(confined, path)
        compared += 1
    assert compared > 150


def test_extended_jpeg_of_12_bits_is_what_dcmtk_says(pixels: Pixels) -> None:
    path = IMAGES["JPGExtended.dcm"]
    decoded = pixels.decode(p.picture(path), p.frames(path)[0])
    assert hashlib.sha256(decoded).hexdigest() == "d30242775a414c01d616447854ebe3f2b20259822894bcd6891f879bcdcbf313"


def test_extended_jpeg_may_have_8_bits_all_the_same(pixels: Pixels) -> None:
    written = BytesIO()
    Image.fromarray(np.full((9, 9), 77, "u1")).save(written, "JPEG", quality=100)
    picture = Picture(p.JPEG_12, 9, 9, bits_allocated=16, bits_stored=12, high_bit=11)
    assert pixels.decode(picture, written.getvalue()) == b"\x4d\0" * 81


HTJ2K = (
    "/0//UQApQAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJ"
    "CQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAH0AAf+TwAAmGfgFB3QAAMAAEsAAEwDsAQd0ANj+Awd0AMAAE0AAE4A0"
    "/QCCdABoR/sAo1QAwAAVEAAFWBhj/KpwAnUApps2bfrAQgHstgDAACsgABaQiIiIiOfAp6enwngAnj09PT09PT39jGB79jGB7LoA/9k="
)


def test_high_throughput_jpeg_2000(pixels: Pixels) -> None:
    """16 by 16 samples of 12 bits in 16, written with OpenJPH."""
    picture = Picture(p.HTJ2K, 16, 16, bits_allocated=16, bits_stored=16, high_bit=15)
    written = (np.arange(256) * 13 % 4096).astype("<u2").tobytes()
    assert pixels.decode(picture, b64decode(HTJ2K)) == written


def test_deflated_frames_are_native_once_inflated(pixels: Pixels) -> None:
    deflate = zlib.compressobj(wbits=-15)
    picture = Picture(p.DEFLATED_FRAMES, 3, 3)
    frame = deflate.compress(bytes(range(9))) + deflate.flush()
    assert pixels.decode(picture, frame) == bytes(range(9))
    for damaged in (frame[:-3], b"\xff" * 20, zlib.compress(bytes(1 << 20), wbits=-15)):
        with pytest.raises(DicomError):
            pixels.decode(picture, damaged)


def test_planes_become_pixels(pixels: Pixels) -> None:
    picture = Picture(p.EXPLICIT, 1, 2, 3, "RGB", planar_configuration=1)
    assert pixels.decode(picture, bytes([1, 2, 11, 12, 21, 22])) == bytes([1, 11, 21, 2, 12, 22])
    assert seen(pixels, picture, bytes([1, 2, 11, 12, 21, 22])).tolist() == [[[1, 11, 21], [2, 12, 22]]]


def test_big_endian_words_are_turned(pixels: Pixels) -> None:
    sixteen = Picture(p.BIG_ENDIAN, 1, 2, bits_allocated=16, bits_stored=16, high_bit=15)
    assert pixels.decode(sixteen, bytes([1, 2, 3, 4])) == bytes([2, 1, 4, 3])
    eight = Picture(p.BIG_ENDIAN, 1, 3, swapped=True)
    assert pixels.decode(eight, bytes([2, 1, 0, 3])) == bytes([1, 2, 3])
    with pytest.raises(DicomError):
        pixels.decode(eight, bytes([2, 1, 0]))


def coloured_jpeg(extra: bytes, *, jfif: bool) -> tuple[NDArray[Any], bytes]:
    """Squares of colour, and a JPEG of them with or without its JFIF marker, and with another one."""
    squares = np.kron(np.random.default_rng(1).integers(0, 256, (4, 4, 3)), np.ones((16, 16, 1))).astype("u1")
    written = BytesIO()
    Image.fromarray(squares).save(written, "JPEG", quality=95, subsampling=0)
    data = written.getvalue()
    return squares, data[:2] + extra + (data[2:] if jfif else data[4 + int.from_bytes(data[4:6], "big") :])


ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01"


@pytest.mark.parametrize(
    ("extra", "jfif", "photometric"),
    [(b"", True, "YBR_FULL_422"), (b"", True, "RGB"), (b"", False, "YBR_FULL"), (ADOBE, False, "YBR_FULL_422")],
)
def test_a_jpegs_colours_come_out_once(pixels: Pixels, extra: bytes, jfif: bool, photometric: str) -> None:
    squares, frame = coloured_jpeg(extra, jfif=jfif)
    picture = Picture(p.JPEG, 64, 64, 3, photometric)
    assert picture.decoded_photometric == "RGB"
    decoded = np.frombuffer(pixels.decode(picture, frame), "u1").reshape(64, 64, 3).astype(int)
    assert np.abs(decoded - squares).mean() < 2


@pytest.mark.parametrize(
    ("uid", "says"),
    [
        (f"{p.ROOT}.4.102", "video"),
        (f"{p.ROOT}.4.107", "video"),
        (f"{p.ROOT}.4.110", "JPEG XL"),
        ("1.2.3", "not decoded"),
    ],
)
def test_what_is_not_decoded_is_refused_by_name(pixels: Pixels, uid: str, says: str) -> None:
    picture = Picture(uid, 2, 2)
    with pytest.raises(DicomError, match=says):
        pixels.decode(picture, bytes(4))
    with pytest.raises(DicomError, match=says):
        pixels.render(picture, bytes(4), PNG_VIEW)


# -- showing


def grey(values: NDArray[Any], center: float, width: float) -> NDArray[Any]:
    """PS3.3 section C.11.2.1.2.1, as it stands there."""
    out = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    out[values <= center - 0.5 - (width - 1) / 2] = 0
    out[values > center - 0.5 + (width - 1) / 2] = 255
    return out


def test_a_windowed_ct(pixels: Pixels) -> None:
    path = IMAGES["CT_small.dcm"]
    picture, (frame,), found = p.picture(path), p.frames(path), p.image(path)
    values = found.pixel_array * float(found.RescaleSlope) + float(found.RescaleIntercept)
    view = View(PNG, window=VoiWindow(40, 400))
    assert np.abs(seen(pixels, picture, frame, view) - grey(values, 40, 400)).max() <= 0.5
    low, high = values.min(), values.max()
    unwindowed = replace(picture, windows=())
    assert np.abs(seen(pixels, unwindowed, frame) - (values - low) / (high - low) * 255).max() <= 0.5


def test_the_images_own_window_is_the_default(pixels: Pixels) -> None:
    path = IMAGES["MR_small.dcm"]
    picture, (frame,), found = p.picture(path), p.frames(path), p.image(path)
    expected = grey(found.pixel_array.astype(float), float(found.WindowCenter), float(found.WindowWidth))
    assert np.abs(seen(pixels, picture, frame) - expected).max() <= 0.5


@pytest.mark.parametrize("name", ["dicomdirtests/77654033/CR1/6154"])
def test_monochrome1_is_inverted(pixels: Pixels, name: str) -> None:
    path = IMAGES[name]
    picture, (frame,) = p.picture(path), p.frames(path)
    assert picture.inverse
    plain = replace(picture, inverse=False)
    assert np.abs(seen(pixels, picture, frame) + seen(pixels, plain, frame) - 255).max() <= 1


ROW = np.arange(-8, 8)


@pytest.mark.parametrize("function", [WindowFunction.LINEAR_EXACT, WindowFunction.SIGMOID])
def test_other_functions_of_a_window(pixels: Pixels, function: WindowFunction) -> None:
    picture = Picture(p.EXPLICIT, 1, 16, bits_allocated=16, bits_stored=16, high_bit=15, pixel_representation=1)
    picture = replace(picture, windows=(VoiWindow(1, 6, function),))
    if function is WindowFunction.SIGMOID:
        expected = 255 / (1 + np.exp(-4 * (ROW - 1) / 6))
    else:
        expected = np.clip((ROW - 1) / 6 + 0.5, 0, 1) * 255
    assert np.abs(seen(pixels, picture, ROW.astype("<i2").tobytes())[0] - expected).max() <= 0.5


def test_twelve_bits_and_what_else_lies_in_sixteen(pixels: Pixels) -> None:
    """An overlay above the high bit is no part of the value; the sign is that of the twelve bits."""
    frame = ((ROW & 0xFFF) | 0xA000).astype("<u2").tobytes()
    picture = Picture(p.EXPLICIT, 1, 16, bits_allocated=16, bits_stored=12, high_bit=11, pixel_representation=1)
    assert np.abs(seen(pixels, picture, frame)[0] - (ROW + 8) * 17).max() <= 0.5
    assert pixels.decode(picture, frame) == frame


def test_single_bits(pixels: Pixels) -> None:
    picture = Picture(p.EXPLICIT, 3, 3, bits_allocated=1, bits_stored=1, high_bit=0)
    assert seen(pixels, picture, bytes([0b10000001, 1])).tolist() == [[255, 0, 0], [0, 0, 0], [0, 255, 255]]
    assert pixels.decode(picture, bytes([0b10000001, 1])) == bytes([0b10000001, 1])
    assert not seen(pixels, picture, bytes(2)).any()


def test_padding_is_no_part_of_the_range(pixels: Pixels) -> None:
    picture = Picture(p.EXPLICIT, 1, 4, padding=(250, 255))
    assert seen(pixels, picture, bytes([10, 20, 30, 255])).tolist() == [[0, 128, 255, 255]]


def test_larger_samples_go_through_in_bands(pixels: Pixels) -> None:
    picture = Picture(p.EXPLICIT, 3, 1 << 19, bits_allocated=32, bits_stored=32, high_bit=31)
    values = np.linspace(0, 2**32 - 1, 3 << 19).astype("<u4")
    expected = values.astype(float) / (2**32 - 1) * 255
    assert np.abs(seen(pixels, picture, values.tobytes()).reshape(-1) - expected).max() <= 0.51


def test_tables_of_greys(pixels: Pixels) -> None:
    doubling = Lut(2, 16, np.array([0, 100, 200], "<u2").tobytes())
    falling = Lut(0, 10, np.arange(1023, -1, -1).astype("<u2").tobytes())
    picture = Picture(p.EXPLICIT, 1, 4, modality_lut=doubling, voi_lut=falling)
    expected = np.round((1023 - np.array([0, 0, 100, 200])) / 1023 * 255)
    assert np.abs(seen(pixels, picture, bytes([0, 2, 3, 9]))[0] - expected).max() <= 0.5


def test_a_palette_becomes_rgb(pixels: Pixels) -> None:
    path = IMAGES["examples_palette.dcm"]
    found = p.image(path)
    tables = [
        np.frombuffer(found[f"{hue}PaletteColorLookupTableData"].value, "<u2") for hue in ("Red", "Green", "Blue")
    ]
    expected = np.stack([table[found.pixel_array] >> 8 for table in tables], axis=-1)
    assert np.array_equal(seen(pixels, p.picture(path), p.frames(path)[0]), expected)


@pytest.mark.parametrize(
    "name", ["SC_ybr_full_422_uncompressed.dcm", "SC_rgb_dcmtk_+eb+cy+s2.dcm", "examples_jpeg2k.dcm"]
)
def test_ybr_becomes_rgb(pixels: Pixels, name: str) -> None:
    path = IMAGES[name]
    assert np.abs(seen(pixels, p.picture(path), p.frames(path)[0]) - p.image(path).pixel_array.astype(int)).max() <= 1


def test_colours_of_sixteen_bits(pixels: Pixels) -> None:
    path = IMAGES["SC_rgb_rle_16bit.dcm"]
    expected = p.image(path).pixel_array / 65535 * 255
    assert np.abs(seen(pixels, p.picture(path), p.frames(path)[0]) - expected).max() <= 0.5


def test_a_thumbnail_keeps_its_proportions(pixels: Pixels) -> None:
    path = IMAGES["examples_palette.dcm"]  # 350 rows, 800 columns
    data = pixels.render(p.picture(path), p.frames(path)[0], THUMBNAIL)
    with Image.open(BytesIO(data)) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (128, 56), "RGB")


def test_quality_makes_a_difference(pixels: Pixels) -> None:
    path = IMAGES["CT_small.dcm"]
    good, bad = (pixels.render(p.picture(path), p.frames(path)[0], View(quality=quality)) for quality in (95, 5))
    assert len(good) > 2 * len(bad)


def test_a_region_is_cut_out_fitted_and_flipped(pixels: Pixels) -> None:
    frame = np.arange(16).reshape(4, 4).astype("u1").tobytes()
    picture = Picture(p.EXPLICIT, 4, 4, windows=(VoiWindow(127.5, 255, WindowFunction.LINEAR_EXACT),))
    view = Viewport(2, 2, 1, 2, 2, 2)
    assert seen(pixels, picture, frame, View(PNG, viewport=view)).tolist() == [[9, 10], [13, 14]]
    flipped = replace(view, mirrored=True, upside_down=True)
    assert seen(pixels, picture, frame, View(PNG, viewport=flipped)).tolist() == [[14, 13], [10, 9]]
    with pytest.raises(InputError, match="region"):
        pixels.render(picture, frame, View(PNG, viewport=Viewport(2, 2, 4, 4)))


# -- converting whole instances


def converted(pixels: Pixels, data: bytes) -> bytes:
    return b"".join(pixels.convert(BytesIO(data), len(data)))


def readable(folder: Path) -> dict[str, Path]:
    """All files of a folder that fiducia takes."""
    found = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        with path.open("rb", buffering=0) as stream, suppress(DicomError):
            read_head(stream, path.stat().st_size)
            found[str(path.relative_to(folder))] = path
    return found


INSTANCES = readable(p.PUBLISHED)


@pytest.mark.parametrize("name", INSTANCES)
def test_a_published_instance_stays_the_same_one(pixels: Pixels, name: str) -> None:
    data = INSTANCES[name].read_bytes()
    if name == "JPEG2000-embedded-sequence-delimiter.dcm":
        with pytest.raises(DicomError, match="another size"):
            pixels.convert(BytesIO(data), len(data))
    else:
        c.require_same(data, converted(pixels, data))


def test_shared_instances_stay_the_same_ones(confined: ConfinedPixels, shared: Path) -> None:
    found = readable(shared / "data" / "dicom")
    assert len(found) > 200
    for path in found.values():
        c.require_same(path.read_bytes(), converted(confined, path.read_bytes()))


def test_what_is_no_instance_is_refused(pixels: Pixels) -> None:
    for data in (b"", bytes(200), INSTANCES["MR_small.dcm"].read_bytes()[:4000]):
        with pytest.raises(DicomError):
            pixels.convert(BytesIO(data), len(data))


def test_an_instance_over_the_bound_is_refused_unread(pixels: Pixels) -> None:
    with pytest.raises(DicomError, match="2048 MiB"):
        pixels.convert(BytesIO(), CONVERTED_MAX_BYTES + 1)


def test_a_later_frame_that_is_damaged_ends_it(pixels: Pixels) -> None:
    data = INSTANCES["SC_rgb_rle_2frame.dcm"].read_bytes()
    second = data.rindex(p.frames(IMAGES["SC_rgb_rle_2frame.dcm"])[1][:64])
    pieces = pixels.convert(BytesIO(stream := data[:second] + bytes(64) + data[second + 64 :]), len(stream))
    with pytest.raises(DicomError, match="cannot be decoded"):
        list(pieces)


class Failing(BytesIO):
    """A stream that cannot be read to its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Fail, as a store does."""
        raise StoreMissingError("gone")


def test_what_the_stream_raises_is_raised(pixels: Pixels) -> None:
    with pytest.raises(StoreMissingError):
        pixels.convert(Failing(), 1000)
    assert pixels.decode(BLACK, bytes(4)) == bytes(4)


def test_damaged_instances_are_refused_or_converted(confined: ConfinedPixels) -> None:
    dice = random.Random(2)
    files = [INSTANCES[name].read_bytes() for name in ("MR_small_RLE.dcm", "CT_small.dcm", "MR_small_bigendian.dcm")]
    for data in (*files, c.written_as(INSTANCES["MR_small.dcm"], p.DEFLATED)):
        for _ in range(20):
            damaged = bytearray(data)
            for _ in range(dice.choice((1, 3, 30))):
                damaged[dice.randrange(2000)] = dice.randrange(256)
            with suppress(DicomError):
                converted(confined, bytes(damaged))
        assert converted(confined, data)


# -- hostile frames

CODED = {
    "RLE": "MR_small_RLE.dcm",
    "JPEG": "SC_rgb_jpeg_dcmtk.dcm",
    "JPEG of 12 bits": "JPGExtended.dcm",
    "JPEG Lossless": "SC_rgb_jpeg_gdcm.dcm",
    "JPEG-LS": "MR_small_jpeg_ls_lossless.dcm",
    "JPEG 2000": "MR_small_jp2klossless.dcm",
}


def outcome(pixels: Pixels, picture: Picture, frame: bytes) -> bool:
    """Whether it was decoded; anything raised but a refusal fails the test."""
    try:
        return len(pixels.decode(picture, frame)) == picture.decoded_bytes
    except DicomError:
        return False


@pytest.mark.parametrize("coding", CODED)
def test_damaged_frames_are_refused_or_decoded(confined: ConfinedPixels, coding: str) -> None:
    path = IMAGES[CODED[coding]]
    picture, frame, dice = p.picture(path), p.frames(path)[0], random.Random(1)
    assert outcome(confined, picture, frame)
    for part in (0, 1, 2, 30, len(frame) // 4, len(frame) // 2):
        outcome(confined, picture, frame[:part])
    assert not outcome(confined, picture, frame[:20])
    assert not outcome(confined, picture, dice.randbytes(500))
    for _ in range(40):
        damaged = bytearray(frame)
        for _ in range(dice.choice((1, 3, 30))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        outcome(confined, picture, bytes(damaged))
    assert outcome(confined, picture, frame)


def claiming(name: str, marker: bytes, skip: int, claim: bytes) -> tuple[Picture, bytes]:
    """A frame whose header says another size."""
    frame = bytearray(p.frames(IMAGES[name])[0])
    at = frame.index(marker) + skip
    frame[at : at + len(claim)] = claim
    return p.picture(IMAGES[name]), bytes(frame)


SIXTY_THOUSAND = (60_000).to_bytes(2, "big") * 2
CLAIMS = {
    "JPEG": ("SC_rgb_jpeg_dcmtk.dcm", b"\xff\xc0", 5, SIXTY_THOUSAND),
    "JPEG of 12 bits": ("JPGExtended.dcm", b"\xff\xc1", 5, SIXTY_THOUSAND),
    "JPEG Lossless": ("SC_rgb_jpeg_gdcm.dcm", b"\xff\xc3", 5, SIXTY_THOUSAND),
    "JPEG-LS": ("MR_small_jpeg_ls_lossless.dcm", b"\xff\xf7", 5, SIXTY_THOUSAND),
    "JPEG 2000": ("MR_small_jp2klossless.dcm", b"\xff\x4f\xff\x51", 8, (60_000).to_bytes(4, "big") * 2),
}


@pytest.mark.parametrize("coding", CLAIMS)
def test_a_codestream_that_claims_to_be_huge_is_refused_at_once(pixels: Pixels, coding: str) -> None:
    picture, frame = claiming(*CLAIMS[coding])
    began = time.monotonic()
    with pytest.raises(DicomError, match="another size"):
        pixels.decode(picture, frame)
    with pytest.raises(DicomError, match="256 MiB"):
        pixels.decode(replace(picture, rows=60_000, columns=60_000), frame)
    assert time.monotonic() - began < 5


def test_claims_within_bounds_may_fail_but_break_nothing(confined: ConfinedPixels) -> None:
    """16,000 by 16,000 samples from a few KiB: all the memory that there is, and no more."""
    size = 16_000
    frames = {coding: claiming(name, mark, skip, b"") for coding, (name, mark, skip, _) in CLAIMS.items()}
    for coding in ("JPEG 2000", "JPEG-LS"):
        name, marker, skip, _ = CLAIMS[coding]
        claim = size.to_bytes(4 if coding == "JPEG 2000" else 2, "big") * 2
        picture, frame = claiming(name, marker, skip, claim)
        picture = replace(picture, rows=size, columns=size, bits_allocated=16)
        outcome(confined, picture, frame)
        assert outcome(confined, *frames[coding])


@pytest.mark.parametrize(
    ("picture", "frame"),
    [
        (Picture(p.EXPLICIT, 2, 2), bytes(3)),
        (Picture(p.EXPLICIT, 2, 2), bytes(6)),
        (Picture(p.EXPLICIT, 2, 2), b""),
        (Picture(p.RLE, 2, 2), b""),
        (Picture(p.JPEG, 2, 2), b""),
        (Picture(p.JPEG_2000, 2, 2), bytes(100)),
        (Picture(p.RLE, 9, 9, bits_allocated=1, bits_stored=1, high_bit=0), bytes(64)),
    ],
)
def test_what_does_not_fit_is_refused(pixels: Pixels, picture: Picture, frame: bytes) -> None:
    with pytest.raises(DicomError):
        pixels.decode(picture, frame)
    with pytest.raises(DicomError):
        pixels.render(picture, frame, PNG_VIEW)


def test_a_frame_over_the_bound_is_refused(pixels: Pixels) -> None:
    with pytest.raises(DicomError, match="256 MiB"):
        pixels.decode(Picture(p.JPEG_2000, 40_000, 40_000), b"")
    with pytest.raises(DicomError, match="256 MiB"):
        pixels.render(Picture(p.RLE, 1, 1), bytes(FRAME_MAX_BYTES + 1), PNG_VIEW)


# -- the wall

PROBE = """
    import os, socket, sys
    from fiducia.adapters.confined.confinement import confine
    from fiducia.adapters.dicom_pixels.__main__ import CPU_S, MEMORY_BYTES
    from fiducia.adapters.dicom_pixels.warming import warm
    warm()
    filtered = confine(memory_bytes=MEMORY_BYTES, cpu_s=CPU_S)

    def refused(act):
        try:
            act()
        except (OSError, MemoryError, RuntimeError):
            return True
        return False

    warm()
    import threading
    found = [refused(lambda: bytearray(MEMORY_BYTES))]
    if filtered:
        found += [
            refused(lambda: os.open("/dev/null", os.O_RDONLY)),
            refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
            refused(lambda: os.execv("/bin/true", ["true"])),
            refused(lambda: os.kill(os.getppid(), 0)),
            refused(lambda: os.stat("/")),
            refused(lambda: threading.Thread(target=print).start()),
        ]
    sys.stdout.write(f"{int(filtered)} {found}\\n")
    sys.stdout.flush()
"""


def test_everything_is_loaded_before_the_wall_and_nothing_goes_over_it() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(PROBE)], capture_output=True, text=True, timeout=60
    )
    filtered, _, found = done.stdout.partition(" ")
    assert filtered in {"0", "1"}, done.stderr
    assert "False" not in found, found
    if sys.platform == "linux":
        assert filtered == "1", done.stderr


def processes() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "dicom_pixels" in " ".join(each.cmdline())]


def test_the_worker_is_confined_and_replaced_when_it_dies() -> None:
    before = {each.pid for each in processes()}
    with ConfinedPixels() as pixels:
        assert pixels.decode(BLACK, bytes(4)) == bytes(4)
        (worker,) = (each for each in processes() if each.pid not in before)
        status = Path(f"/proc/{worker.pid}/status")
        if status.exists():
            assert "\nSeccomp:\t2\n" in status.read_text()
        worker.kill()
        with pytest.raises(DicomError, match="broke the process"):
            pixels.decode(BLACK, bytes(4))
        assert pixels.decode(BLACK, bytes(4)) == bytes(4)
    wait_for(lambda: {each.pid for each in processes()} <= before)


def test_a_worker_is_replaced_after_many_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind_a_wall, "FRAMES_PER_WORKER", 2)
    before = {each.pid for each in processes()}
    seen_pids = set()
    with ConfinedPixels() as pixels:
        for _ in range(5):
            pixels.decode(BLACK, bytes(4))
            seen_pids |= {each.pid for each in processes()} - before
    assert len(seen_pids) == 3


ROGUES = {
    "silent": "time.sleep(60)",
    "gone": "sys.exit()",
    "too long": "channel.sendall(ANSWER.pack(1, 1 << 40)); time.sleep(60)",
    "longer than the frame": "channel.sendall(ANSWER.pack(1, 100_005) + bytes(100_005))",
    "nothing": "channel.sendall(ANSWER.pack(1, 0))",
    "cut short": "channel.sendall(ANSWER.pack(1, 4) + b'abc')",
    "another kind": "channel.sendall(ANSWER.pack(7, 4) + b'abcd')",
    "a long refusal": "channel.sendall(ANSWER.pack(0, 1 << 30)); time.sleep(60)",
}
ROGUE = """
    import os, socket, sys, time
    from fiducia.adapters.dicom_pixels.messages import ANSWER, QUESTION
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=int(sys.argv[1]))
    channel.sendall(b"\\1")
    while True:
        ask, frame = QUESTION.unpack(channel.recv(12))
        left, frame_bytes = ask + frame, b""
        while left:
            piece = channel.recv(left)
            left, frame_bytes = left - len(piece), (frame_bytes + piece)[-frame:]
        ACT
"""


def rogue(act: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-c", textwrap.dedent(ROGUE).replace("ACT", act))


@pytest.mark.parametrize("act", ROGUES)
def test_a_rogue_worker_is_not_believed_and_ends(act: str) -> None:
    with ConfinedPixels(command=rogue(ROGUES[act]), answer_s=1.0) as pixels:
        with pytest.raises(DicomError, match="have it looked at"):
            pixels.decode(BLACK, bytes(4))
        with pytest.raises(DicomError, match="have it looked at"):
            pixels.render(BLACK, bytes(4), PNG_VIEW)
    wait_for(lambda: not [each for each in psutil.Process().children() if "ANSWER" in " ".join(each.cmdline())])


MIB = 1 << 20
LIES = {
    "no passages": "body = b'abc'",
    "a range beyond the file": "body = encode_passages([Passage(offset=5, length=(1 << 20) - 4)])",
    "gigabytes": "body = encode_passages([Passage(length=1 << 20)] * 3000)",
    "a range of nobody": "channel.sendall(wanted(1 << 63, 5)); body = b''",
    "a range of everything": "channel.sendall(wanted(0, 1 << 30)); body = b''",
    "a cut range": "channel.sendall(ANSWER.pack(2, 5) + bytes(5)); body = b''",
    "too long an outline": "channel.sendall(ANSWER.pack(1, 1 << 28)); time.sleep(60); body = b''",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_rogue_outline_is_not_believed(lie: str) -> None:
    imports = "from fiducia.adapters.dicom_pixels.messages import encode_passages, wanted"
    passage = "from fiducia.core.dicom.passages import Passage"
    act = f"{imports}; {passage}; {LIES[lie]}; channel.sendall(ANSWER.pack(1, len(body)) + body)"
    with ConfinedPixels(command=rogue(act), answer_s=10.0) as pixels, pytest.raises(DicomError, match=r"looked at|MiB"):
        pixels.convert(BytesIO(bytes(MIB)), MIB)


def test_frames_without_a_stream_give_nothing_away() -> None:
    act = "from fiducia.adapters.dicom_pixels.messages import wanted; channel.sendall(wanted(0, 5)); time.sleep(60)"
    with ConfinedPixels(command=rogue(act), answer_s=10.0) as pixels, pytest.raises(DicomError, match="looked at"):
        pixels.decode(BLACK, bytes(4))


# -- several at once

SLOW = "time.sleep(frame_bytes[0] / 10); channel.sendall(ANSWER.pack(1, 4) + os.getpid().to_bytes(4, 'big'))"


def slow(tenths: int) -> bytes:
    return bytes([tenths, 0, 0, 0])


def asked(pixels: ConfinedPixels, tenths: int) -> int | None:
    """Which process answered, or none."""
    with suppress(DicomError):
        return int.from_bytes(pixels.decode(BLACK, slow(tenths)), "big")
    return None


def test_slow_frames_do_not_wait_for_each_other() -> None:
    with ConfinedPixels(command=rogue(SLOW), workers=2) as pixels, ThreadPoolExecutor(3) as threads:
        assert list(threads.map(partial(asked, pixels), (1, 1)))  # started
        began = time.monotonic()
        one, two, three = threads.map(partial(asked, pixels), (20, 20, 0))
        took = time.monotonic() - began
        assert one != two
        assert three in (one, two)
        assert 2 <= took < 3.9


def test_workers_start_when_all_others_are_busy() -> None:
    with ConfinedPixels(command=rogue(SLOW), workers=3) as pixels:
        assert len({asked(pixels, 0) for _ in range(5)}) == 1
        with ThreadPoolExecutor(2) as threads:
            assert len(set(threads.map(partial(asked, pixels), (10, 10)))) == 2
        before = rogues()
        assert len(before) == 2
    wait_for(lambda: not before & rogues())


def rogues() -> set[int]:
    return {each.pid for each in psutil.Process().children() if "ANSWER" in " ".join(each.cmdline())}


def test_a_dying_worker_harms_no_other() -> None:
    with ConfinedPixels(command=rogue(SLOW), workers=2) as pixels, ThreadPoolExecutor(2) as threads:
        one, two = threads.map(partial(asked, pixels), (10, 10))
        assert None not in (one, two)
        assert one != two
        answers = [threads.submit(asked, pixels, 20) for _ in range(2)]
        time.sleep(0.5)
        psutil.Process(one).kill()
        assert {answer.result() for answer in answers} == {None, two}
        assert {asked(pixels, 0), *threads.map(partial(asked, pixels), (10, 10))} > {two}


def test_what_is_no_image_of_its_kind_is_not_believed() -> None:
    act = "channel.sendall(ANSWER.pack(1, 4) + b'\\x89PNG')"
    with ConfinedPixels(command=rogue(act), answer_s=1.0) as pixels:
        for view in (PNG_VIEW, View()):
            with pytest.raises(DicomError, match="have it looked at"):
                pixels.render(BLACK, bytes(4), view)
        assert pixels.decode(BLACK, bytes(4)) == b"\x89PNG"  # a lie that the frame's author could have told


def test_a_worker_that_does_not_start_is_a_matter_of_set_up() -> None:
    broken = ConfinedPixels(command=(sys.executable, "-I", "-c", "raise SystemExit(1)"))
    with broken as pixels, pytest.raises(ConfigError, match="does not start"):
        pixels.decode(BLACK, bytes(4))


def test_a_refusal_is_shown_as_one_printable_line() -> None:
    shown = refusal_text(b"a\x1b[2J\nb\xff" * (REFUSAL_MAX_BYTES // 8))
    assert shown.startswith("a[2Jb")
    assert shown.isprintable()
    assert len(shown) <= 400
