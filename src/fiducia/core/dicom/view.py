"""How a frame shall be shown: media type, quality, window and viewport, as a request gives them.

Owns: the query parameters of rendered resources, and where a region of an image lands in a viewport.
Source: PS3.18 section 8.3.5.1 (quality, viewport, window). Others are not looked at, as the section allows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fiducia.core.dicom.voi import VoiWindow, WindowFunction
from fiducia.errors import InputError

JPEG, PNG = "image/jpeg", "image/png"
QUALITY = 90
SIDE_MAX = 8192
_NUMBER = re.compile(r"[+-]?(\d{1,12}(\.\d{0,12})?|\.\d{1,12})([eE][+-]?\d{1,2})?", re.ASCII)
_FUNCTIONS = {
    "linear": WindowFunction.LINEAR,
    "linear-exact": WindowFunction.LINEAR_EXACT,
    "sigmoid": WindowFunction.SIGMOID,
}


@dataclass(frozen=True, slots=True)
class Viewport:
    """Where an image is to be shown, and which region of it.

    Attributes:
        width, height: the viewport, 1..`SIDE_MAX` pixels; the region keeps its proportions and fits into it.
        left, top: where the region begins, in the image's pixels.
        region_width, region_height: how large it is, None to the image's edge.
        mirrored, upside_down: whether it is flipped horizontally, vertically.
    """

    width: int = 128
    height: int = 128
    left: float = 0.0
    top: float = 0.0
    region_width: float | None = None
    region_height: float | None = None
    mirrored: bool = False
    upside_down: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """How one frame shall be shown. `quality` (1..100) is for JPEG; `window` is for grey images."""

    media_type: str = JPEG
    quality: int = QUALITY
    window: VoiWindow | None = None
    viewport: Viewport | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """A region of an image (left, top, right, bottom, in its pixels), and the size at which it is shown."""

    box: tuple[float, float, float, float]
    width: int
    height: int


THUMBNAIL = View(viewport=Viewport())


def view_of(params: Sequence[tuple[str, str]], media_type: str) -> View:
    """Return how a request wants a frame to be shown.

    Args:
        params: its query parameters, decoded, in order.
        media_type: what is to be answered: image/jpeg or image/png.

    Raises:
        InputError: a parameter that stands twice or has no such value, or another media type.
    """
    if media_type not in (JPEG, PNG):
        raise InputError(f"images are shown as {JPEG} or {PNG}: ask for one of them")
    given: dict[str, str] = {}
    for name, value in params:
        if name in given and name in ("quality", "viewport", "window"):
            raise InputError(f"{name} stands twice in the request: give it once")
        given[name] = value
    return View(
        media_type,
        _quality(given["quality"]) if "quality" in given else QUALITY,
        _window(given["window"]) if "window" in given else None,
        _viewport(given["viewport"]) if "viewport" in given else None,
    )


def placed(viewport: Viewport | None, rows: int, columns: int) -> Placement:
    """Return what is shown of an image, and how large: the region, as far as there is one, fitted into the viewport.

    Raises:
        InputError: the region has nothing of the image.
    """
    if viewport is None:
        return Placement((0.0, 0.0, float(columns), float(rows)), columns, rows)
    right = columns if viewport.region_width is None else viewport.left + viewport.region_width
    bottom = rows if viewport.region_height is None else viewport.top + viewport.region_height
    box = (max(0.0, viewport.left), max(0.0, viewport.top), float(min(columns, right)), float(min(rows, bottom)))
    width, height = box[2] - box[0], box[3] - box[1]
    if width <= 0 or height <= 0:
        raise InputError("the viewport's region has nothing of the image: give one inside it")
    scale = min(viewport.width / width, viewport.height / height)
    return Placement(
        box,
        min(viewport.width, max(1, round(width * scale))),
        min(viewport.height, max(1, round(height * scale))),
    )


def _quality(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= 100:
        raise InputError("quality is a whole number, 1 to 100")
    return int(text)


def _window(text: str) -> VoiWindow:
    center, width, named, *more = [*text.split(","), "", ""][:4] if text.count(",") < 3 else ["", "", "", ""]
    function = _FUNCTIONS.get(named.strip().lower() or "linear")
    numbers = _decimal(center), _decimal(width)
    if None in numbers or function is None or any(more):
        raise InputError("window is center,width,function; the function linear, linear-exact or sigmoid")
    found = VoiWindow(numbers[0] or 0.0, numbers[1] or 0.0, function)
    if not found.sound:
        raise InputError("a window's width is at least 1, or for linear-exact and sigmoid more than 0")
    return found


def _viewport(text: str) -> Viewport:
    parts = [part.strip() for part in text.split(",")]
    if not 2 <= len(parts) <= 6 or not all(re.fullmatch(r"[0-9]{1,5}", part) for part in parts[:2]):
        raise InputError("viewport is vw,vh or vw,vh,sx,sy,sw,sh, the first two whole numbers of pixels")
    width, height = int(parts[0]), int(parts[1])
    if not (1 <= width <= SIDE_MAX and 1 <= height <= SIDE_MAX):
        raise InputError(f"a viewport has 1 to {SIDE_MAX} pixels each way")
    region = [_decimal(part) for part in parts[2:]]
    if any(number is None and part for number, part in zip(region, parts[2:], strict=True)):
        raise InputError("a viewport's region is four decimal numbers; one that is left out has its default")
    left, top, region_width, region_height = [*region, None, None, None, None][:4]
    if region_width == 0 or region_height == 0:
        raise InputError("a viewport's region is larger than nothing")
    return Viewport(
        width,
        height,
        left or 0.0,
        top or 0.0,
        abs(region_width) if region_width is not None else None,
        abs(region_height) if region_height is not None else None,
        mirrored=(region_width or 0.0) < 0,
        upside_down=(region_height or 0.0) < 0,
    )


def _decimal(text: str) -> float | None:
    text = text.strip()
    found = float(text) if _NUMBER.fullmatch(text) else None
    return found if found is not None and math.isfinite(found) else None
