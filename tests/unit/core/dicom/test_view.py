"""How a request wants a frame to be shown, and where it then lies."""

from __future__ import annotations

import pytest

from fiducia.core.dicom.view import JPEG, PNG, QUALITY, THUMBNAIL, Placement, View, Viewport, placed, view_of
from fiducia.core.dicom.voi import VoiWindow, WindowFunction
from fiducia.errors import InputError


def test_without_parameters_all_is_shown() -> None:
    assert view_of([], JPEG) == View(JPEG, QUALITY, None, None)
    assert view_of([("annotation", "patient"), ("iccprofile", "no")], PNG) == View(PNG)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("40,400,linear", VoiWindow(40, 400)),
        ("40,400", VoiWindow(40, 400)),
        ("-1000.5,1,linear", VoiWindow(-1000.5, 1)),
        ("0, .5, linear-exact", VoiWindow(0, 0.5, WindowFunction.LINEAR_EXACT)),
        ("1e3,2E+2,SIGMOID", VoiWindow(1000, 200, WindowFunction.SIGMOID)),
    ],
)
def test_windows(text: str, window: VoiWindow) -> None:
    assert view_of([("window", text)], JPEG).window == window


@pytest.mark.parametrize(
    "text",
    ["", "40", "40,", ",400,linear", "40,0.5,linear", "40,0,sigmoid", "40,-1", "nan,1", "inf,1,linear", "1_0,20"],
)
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(InputError, match="window"):
        view_of([("window", text)], JPEG)


@pytest.mark.parametrize("text", ["40,400,linear,1", "40,400,linear,", "40,400,gamma", "1" * 20 + ",2", "1e999,2"])
def test_what_is_no_window_either(text: str) -> None:
    with pytest.raises(InputError, match="window"):
        view_of([("window", text)], JPEG)


@pytest.mark.parametrize(
    ("text", "viewport"),
    [
        ("512,256", Viewport(512, 256)),
        ("512,256,", Viewport(512, 256)),
        ("512,256,10,20.5,30,40", Viewport(512, 256, 10, 20.5, 30, 40)),
        ("512,256,,,30,40", Viewport(512, 256, 0, 0, 30, 40)),
        ("512,256,10,20", Viewport(512, 256, 10, 20)),
        ("512,256,10,20,-30,40", Viewport(512, 256, 10, 20, 30, 40, mirrored=True)),
        ("512,256,10,20,30,-40", Viewport(512, 256, 10, 20, 30, 40, upside_down=True)),
    ],
)
def test_viewports(text: str, viewport: Viewport) -> None:
    assert view_of([("viewport", text)], JPEG).viewport == viewport


@pytest.mark.parametrize(
    "text",
    ["", "512", "0,5", "5,0", "9999,1", "-5,5", "1.5,5", "5,5,a", "5,5,0,0,0,5", "5,5,0,0,5,0", "5,5,0,0,5,5,5", "٥,5"],
)
def test_what_is_no_viewport(text: str) -> None:
    with pytest.raises(InputError, match="viewport"):
        view_of([("viewport", text)], JPEG)


@pytest.mark.parametrize("text", ["1", "100", "090"])
def test_quality(text: str) -> None:
    assert view_of([("quality", text)], JPEG).quality == int(text)


@pytest.mark.parametrize("text", ["", "0", "101", "-1", "5.0", "high", "1000"])
def test_what_is_no_quality(text: str) -> None:
    with pytest.raises(InputError, match="quality"):
        view_of([("quality", text)], JPEG)


def test_what_stands_twice_and_other_media_types_are_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        view_of([("quality", "1"), ("quality", "1")], JPEG)
    with pytest.raises(InputError, match="image/jpeg or image/png"):
        view_of([], "image/gif")


@pytest.mark.parametrize(
    ("viewport", "expected"),
    [
        (None, Placement((0, 0, 200, 100), 200, 100)),
        (Viewport(50, 50), Placement((0, 0, 200, 100), 50, 25)),
        (Viewport(800, 800), Placement((0, 0, 200, 100), 800, 400)),
        (Viewport(10, 10, 20, 30, 10, 20), Placement((20, 30, 30, 50), 5, 10)),
        (Viewport(10, 10, 190, 90, 100, 100), Placement((190, 90, 200, 100), 10, 10)),
        (Viewport(10, 10, -5, -5, 10, 10), Placement((0, 0, 5, 5), 10, 10)),
        (Viewport(8000, 1, 0, 0, 1, 100), Placement((0, 0, 1, 100), 1, 1)),
    ],
)
def test_a_region_keeps_its_proportions(viewport: Viewport | None, expected: Placement) -> None:
    assert placed(viewport, 100, 200) == expected


@pytest.mark.parametrize("viewport", [Viewport(9, 9, 200), Viewport(9, 9, 0, 100), Viewport(9, 9, -50, 0, 40, 40)])
def test_a_region_beside_the_image_is_refused(viewport: Viewport) -> None:
    with pytest.raises(InputError, match="region"):
        placed(viewport, 100, 200)


def test_a_thumbnail_is_a_small_view() -> None:
    assert placed(THUMBNAIL.viewport, 512, 512) == Placement((0, 0, 512, 512), 128, 128)
