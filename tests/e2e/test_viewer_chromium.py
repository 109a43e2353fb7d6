"""The viewer in a real Chromium: a granted study is painted, another one is not there, a revoke ends what was open.

The viewer is optional: without Chromium, or where its package cannot be had, these tests are skipped, also in a CI.
"""

from __future__ import annotations

import base64
import json
import re
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import data as pydicom_data
from pydicom.uid import generate_uid

from fiducia.app.sample_dicom import Sample, sample_ct_series
from fiducia.app.settings import load
from fiducia.app.viewer.installed import Installation
from fiducia.errors import ConfigError
from tests.e2e.test_gateway import SEE, Gateway, opened
from tests.support.chromium import Browser, running_chromium
from tests.support.cli import running_stack
from tests.unit.app.test_processes import wait_for

PUBLISHED = Path(pydicom_data.__file__).parent / "test_files"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "dicom"
GRAPHICS = ("--enable-unsafe-swiftshader", "--window-size=1280,900")
LOOK_S = 60
ALIKE, GREYS_APART = 0.97, 12.0
"""What is painted and what is to be seen: their correlation, and their mean difference of 255 greys."""
_CANVAS = "document.querySelector('canvas.cornerstone-canvas')"
_LISTED = "(document.body.innerText.match(/study-[0-9]+/g) ?? []).sort().join(' ')"
_NOT_FOUND = "document.querySelector('[data-cy=study-not-found-message]')?.parentElement.innerText"


@dataclass
class Ward:
    """A consortium with a gateway and a browser in which the clinician is signed in."""

    gateway: Gateway
    browser: Browser
    directory: Path
    live: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.gateway.port}"

    def folder(self) -> Path:
        return self.directory / f"study-{next(self._numbers):03}"

    def register(self, folder: Path) -> dict[str, Any]:
        return self.gateway.cli.register(folder)

    def grant(self, folder: Path) -> tuple[str, str]:
        """Register and grant a study; return its UID and the grant's id."""
        grant_id = self.gateway.cli.grant(self.register(folder), *SEE)
        uid = uid_of(folder)
        self.live.append(grant_id)
        wait_for(lambda: uid in self.gateway.listed())
        return uid, grant_id

    def revoke(self, grant_id: str) -> None:
        self.gateway.cli.ok("grant", "revoke", grant_id)
        self.live.remove(grant_id)

    def lists(self, *folders: Path) -> None:
        """Open the list, and wait until it shows these studies and no other; their descriptions are folders' names."""
        self.browser.go(f"{self.origin}/viewer/")
        self.browser.wait(f"{_LISTED} === {json.dumps(' '.join(sorted(each.name for each in folders)))}", LOOK_S)

    def open(self, study_uid: str) -> None:
        self.browser.go(f"{self.origin}/viewer/viewer?StudyInstanceUIDs={study_uid}")

    def not_found(self, study_uid: str) -> str:
        """Open a study that is not there; return what the viewer says."""
        self.open(study_uid)
        return str(self.browser.wait(_NOT_FOUND, LOOK_S))

    def status(self, path: str) -> int:
        """What the page is answered when it asks the gateway for something."""
        return int(self.browser.run(f"fetch('/dicomweb{path}').then(answer => answer.status)"))

    def painted(self, pixels: np.ndarray) -> None:
        """Wait until the canvas agrees with one of the reference pictures, (pictures, rows, columns)."""
        self.browser.wait(f"!!{_CANVAS}", LOOK_S)
        deadline = time.monotonic() + LOOK_S
        while True:
            canvas = self.canvas()
            correlation, difference = max(agreement(canvas, each) for each in pixels)
            if correlation > ALIKE:
                assert difference < GREYS_APART
                turned = max(agreement(canvas, each[::-1, ::-1]) for each in pixels)
                assert turned[0] < ALIKE, "an image that is turned round agrees as well: this shows nothing"
                return
            if time.monotonic() > deadline:
                (self.directory / "not-painted.png").write_bytes(self.browser.picture())
                raise AssertionError(
                    f"correlation {correlation:.3f}, mean difference {difference:.1f}: {self.directory}"
                )
            time.sleep(0.5)

    def canvas(self) -> Image.Image:
        url = self.browser.run(f"{_CANVAS}.toDataURL('image/png')")
        return Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L")


def uid_of(folder: Path) -> str:
    return str(pydicom.dcmread(next(folder.rglob("*.dcm")), stop_before_pixels=True).StudyInstanceUID)


def agreement(canvas: Image.Image, reference: np.ndarray) -> tuple[float, float]:
    """Correlation and mean difference of grey levels with what is in the middle of a canvas, as large as it fits."""
    rows, columns = reference.shape
    scale = min(canvas.width / columns, canvas.height / rows)
    wide, high = scale * columns, scale * rows
    left, top = (canvas.width - wide) / 2, (canvas.height - high) / 2
    # Between the middles of pixels the viewer interpolates; there it shows what they are.
    how = Image.Resampling.NEAREST if scale >= 2 else Image.Resampling.BOX
    cut = canvas.resize((columns, rows), how, (left, top, left + wide, top + high))
    seen, wanted = np.asarray(cut, float), reference.astype(float)
    if not seen.std():
        return 0.0, 255.0
    return float(np.corrcoef(seen.ravel(), wanted.ravel())[0, 1]), float(np.abs(seen - wanted).mean())


def greys(path: Path) -> np.ndarray:
    """Every frame of a file as it should be seen, (frames, rows, columns), 0 to 255; by pydicom."""
    found = pydicom.dcmread(path)
    pixels = found.pixel_array
    if found.SamplesPerPixel == 3:
        pixels = pixels if pixels.ndim == 4 else pixels[None]
        return np.stack([np.asarray(Image.fromarray(each).convert("L")) for each in pixels])
    pixels = pixels if pixels.ndim == 3 else pixels[None]
    values = pixels * float(found.get("RescaleSlope", 1)) + float(found.get("RescaleIntercept", 0))
    center, width = window_of(found) or ((values.min() + values.max()) / 2, np.ptp(values))
    low, high = center - width / 2, center + width / 2
    return np.asarray(np.clip((values - low) / (high - low), 0, 1) * 255)


def window_of(found: pydicom.Dataset) -> tuple[float, float] | None:
    """The window that a file has for its first frame, wherever it has it."""
    groups = [*found.get("PerFrameFunctionalGroupsSequence", [])[:1], *found.get("SharedFunctionalGroupsSequence", [])]
    places = [found, *(item for group in groups for item in group.get("FrameVOILUTSequence", []))]
    place = next((place for place in places if "WindowCenter" in place), None)
    return (float(place.WindowCenter), float(place.WindowWidth)) if place is not None else None


def of_the_home(source: Path, path: Path) -> None:
    """Write an instance as one of the home's own patient, in a study that can be told from others in the list."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom has much to say about values, which is not our subject
        found = pydicom.dcmread(source)
        found.PatientID, found.StudyDescription = "SAMPLE-1", path.parent.name
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):  # of its own, in each folder
            found[name].value = generate_uid(entropy_srcs=[str(path.parent), found[name].value])
        found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
        path.parent.mkdir(parents=True, exist_ok=True)
        found.save_as(path)


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    directory = tmp_path_factory.mktemp("viewer")
    settings = load()
    with running_chromium(directory, *GRAPHICS) as browser:
        try:
            Installation(settings.cache_directory()).install(settings.npm_environment())
        except ConfigError as error:
            pytest.skip(f"the viewer cannot be had here, and is optional: {error}")
        with running_stack(directory / "home", "embedded") as cli, opened(cli, "--viewer") as gateway:
            browser.watch()
            ward = Ward(gateway, browser, directory)
            sign_in(ward)
            yield ward


def sign_in(ward: Ward) -> None:
    """Sign in as a person does: open the viewer, be sent to the page, type the token."""
    browser = ward.browser
    browser.go(f"{ward.origin}/viewer/")
    assert browser.run("location.pathname") == "/sign-in"
    browser.run(f"document.getElementById('token').value = {json.dumps(ward.gateway.token)}")
    browser.run("document.getElementById('token').form.querySelector('button').click()")
    browser.wait("location.pathname === '/viewer/'", LOOK_S)


@pytest.fixture(autouse=True)
def _stays_at_home(ward: Ward) -> Iterator[None]:
    """Nothing was asked for elsewhere, in the page or a worker; nothing hit the walls; no URL has the token."""
    yield
    for grant_id in [*ward.live]:
        ward.revoke(grant_id)
    urls = {sent["request"]["url"] for sent in ward.browser.params_of("Network.requestWillBeSent")}
    ours = re.compile(rf"(blob:)?{re.escape(ward.origin)}/|data:|about:blank")
    assert {url for url in urls if not ours.match(url)} == set()
    assert not any(ward.gateway.token in url for url in urls)
    told = [entry["entry"]["text"] for entry in ward.browser.params_of("Log.entryAdded")]
    assert [text for text in told if "Content Security Policy" in text] == []


def ct(ward: Ward, *slices: int) -> Path:
    """Make a CT study of so many series."""
    folder = ward.folder()
    for number, many in enumerate(slices, 1):
        sample = Sample(study=str(folder), patient_id="SAMPLE-1", series_number=number, rows=64, columns=64)
        for path in sample_ct_series(ward.directory / "made" / folder.name, many, sample):
            of_the_home(path, folder / f"series-{number}-{path.name}")
    return folder


def all_greys(folder: Path) -> np.ndarray:
    return np.concatenate([greys(path) for path in sorted(folder.glob("*.dcm"))])


def test_a_granted_study_is_painted_and_another_one_is_not_listed(ward: Ward) -> None:
    granted, other = ct(ward, 5), ct(ward, 3)
    ward.register(other)
    uid, _ = ward.grant(granted)
    ward.lists(granted)
    ward.open(uid)
    ward.painted(all_greys(granted))
    assert ward.not_found(uid_of(other)) == ward.not_found("1.2.3.4")


def test_a_revoke_while_viewing_ends_it(ward: Ward) -> None:
    folder, stays = ct(ward, 3, 3), ct(ward, 2)
    uid, grant_id = ward.grant(folder)
    ward.grant(stays)
    ward.lists(folder, stays)
    ward.open(uid)
    ward.painted(all_greys(folder))
    second = pydicom.dcmread(sorted(folder.glob("*.dcm"))[-1])
    path = f"/studies/{uid}/series/{second.SeriesInstanceUID}/instances/{second.SOPInstanceUID}/frames/1"
    assert ward.status(path) == 200
    ward.revoke(grant_id)
    wait_for(lambda: ward.status(path) == 404)
    # What is on the screen goes, too: the page leaves for the list by itself.
    ward.browser.wait("location.pathname === '/viewer/' && !location.search.includes('StudyInstanceUIDs')", LOOK_S)
    assert ward.status(f"/studies/{uid}/metadata") == 404
    assert ward.not_found(uid) == ward.not_found("1.2.3.4")
    ward.lists(stays)


def test_the_cookie_is_out_of_reach_and_signing_out_ends_it(ward: Ward) -> None:
    browser = ward.browser
    kept = {each["name"]: each for each in browser.call("Network.getCookies", urls=[f"{ward.origin}/"])["cookies"]}
    assert (kept["fiducia"]["httpOnly"], kept["fiducia"]["sameSite"]) == (True, "Strict")
    assert "fiducia" not in browser.run("document.cookie")
    assert ward.gateway.token not in browser.run("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    browser.go(f"{ward.origin}/sign-in")
    browser.run("document.querySelector('form button').click()")
    browser.wait("!!document.getElementById('token')", LOOK_S)
    assert ward.gateway.get("/studies")[0] == 401
    browser.go(f"{ward.origin}/viewer/")
    assert browser.run("location.pathname") == "/sign-in"
    ward.gateway = replace(ward.gateway, token=ward.gateway.cli.ok("gateway", "sign-in", "--purpose", "TREAT")["token"])
    sign_in(ward)


def published(name: str) -> Path:
    """One of pydicom's own files, or one of the larger collection, which is not everywhere."""
    found = next((path for path in (PUBLISHED / name, SHARED / name) if path.exists()), None)
    return found or pytest.skip(f"{name} is not here: the collection of published files lies beside the repository")


KINDS = {
    "multi-frame ultrasound": "examples_ybr_color.dcm",
    "JPEG 2000 ultrasound": "examples_jpeg2k.dcm",
    "enhanced MR": "multiframe/mr_enhanced_small_10f.dcm",
    "enhanced MR in JPEG-LS": "compressed/emri_small_jpeg_ls_lossless.dcm",
    "enhanced MR in RLE": "compressed/emri_small_RLE.dcm",
}


@pytest.mark.parametrize("name", KINDS.values(), ids=KINDS)
def test_frames_of_other_kinds_are_painted(ward: Ward, name: str) -> None:
    folder = ward.folder()
    of_the_home(published(name), folder / "file.dcm")
    uid, _ = ward.grant(folder)
    ward.lists(folder)
    ward.open(uid)
    ward.painted(all_greys(folder))


def test_reports_and_segmentations_do_not_break_the_list(ward: Ward) -> None:
    names = ("reportsi.dcm", "test-SR.dcm", "liver_1frame.dcm", "rtdose.dcm")
    folders = [ward.folder() for _ in names]
    for name, folder in zip(names, folders, strict=True):
        of_the_home(published(name), folder / "file.dcm")
    good = ct(ward, 2)
    granted = [ward.grant(folder) for folder in (*folders, good)]
    ward.lists(*folders, good)
    for (uid, _), folder in zip(granted, folders, strict=False):
        ward.open(uid)
        assert ward.status(f"/studies/{uid}/metadata") == 200, folder.name
        ward.lists(*folders, good)  # whatever the viewer made of it: some reports are too odd for it
    ward.open(granted[-1][0])
    ward.painted(all_greys(good))
