"""Bad files by the command line: a typed error that says what to do, exit 5, and nothing half-registered.

Every case is tried twice: alone, when store, directory and ledger stay exactly as they were, and among good
neighbours, which are registered all the same. No identity or UID is ever printed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.altered import altered
from tests.support.cli import Cli
from tests.support.dicom import instance, named
from tests.support.images import PATIENT, small_series
from tests.support.stack import Development, Ran
from tests.support.truths import assert_named, assert_same_files, assert_whole, objects_of, state_of

NAME = b"Hidden^Person"
SECRETS = ("HIDDEN-1", "OTHER-2", "Hidden", "1.2.3.99", "1.2.77", "2.25.", PATIENT)

Write = Callable[[Path], None]


@pytest.fixture
def development(embedded: Cli) -> Development:
    """The consortium that is up for all tests, looked into from Python."""
    return Development(embedded.home.parent)


@dataclass(frozen=True, slots=True)
class Bad:
    """Something that is not taken.

    Attributes:
        write: makes it in a folder.
        says: words of the reason, in any of the problems.
        kind: of the first problem.
        count: how many problems it makes.
    """

    write: Write
    says: str
    kind: str = "dicom"
    count: int = 1


def file(name: str, data: bytes) -> Write:
    return lambda folder: void(folder.joinpath(name).write_bytes(data))


def void(_: object) -> None:
    """Forget a result."""


def sparse(name: str, data: bytes = b"") -> Write:
    def write(folder: Path) -> None:
        folder.joinpath(name).write_bytes(data)
        os.truncate(folder / name, 5 << 30)

    return write


def link(name: str, target: Callable[[Path], Path]) -> Write:
    return lambda folder: folder.joinpath(name).symlink_to(target(folder))


def outside(folder: Path) -> Path:
    path = folder.parent / f"{folder.name}-outside.dcm"
    path.write_bytes(image())
    return path


def outside_folder(folder: Path) -> Path:
    return outside(folder).parent / "elsewhere"


def listening(folder: Path) -> None:
    here = os.getcwd()
    os.chdir(folder)  # a socket's path may be short only
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.bind("door.dcm")
    finally:
        os.chdir(here)


def image(series: str = "1.2.77.1", sop: str = "1.2.77.1.1", **more: str) -> bytes:
    return named("1.2.77", series, sop, more.pop("patient_id", "HIDDEN-1"), **more)


def two(first: bytes, second: bytes) -> Write:
    def write(folder: Path) -> None:
        folder.joinpath("one.dcm").write_bytes(first)
        folder.joinpath("two.dcm").write_bytes(second)

    return write


BAD = {
    "not DICOM": Bad(file("letter.dcm", b"Dear colleague, " * 40), "DICOM"),
    "a picture of another kind": Bad(file("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(4000)), "DICOM"),
    "cut in the preamble": Bad(file("cut.dcm", image()[:100]), "DICOM"),
    "cut in the header": Bad(file("cut.dcm", image()[:200]), ""),
    "cut in the data set": Bad(file("cut.dcm", image()[:-90]), ""),
    "cut in the pixels": Bad(file("cut.dcm", image()[:-5]), ""),
    "0 bytes": Bad(file("empty.dcm", b""), "empty"),
    "5 GB of nothing": Bad(sparse("sparse.dcm"), "DICOM"),
    "5 GB behind an image": Bad(sparse("sparse.dcm", image()), "damaged"),
    "no pixels": Bad(file("bare.dcm", instance({0x7FE00010: None})), "no pixel data"),
    "no study": Bad(file("bare.dcm", instance({0x0020000D: None})), ""),
    "a pipe": Bad(lambda folder: os.mkfifo(folder / "pipe.dcm"), "pipe, socket or device", "input"),
    "a socket": Bad(listening, "pipe, socket or device", "input"),
    "a device": Bad(link("zero.dcm", lambda folder: Path("/dev/zero")), "leads out of the folder", "input"),
    "a link that leads nowhere": Bad(link("gone.dcm", lambda folder: folder / "nothing"), "leads nowhere", "input"),
    "a link out of the folder": Bad(link("out.dcm", outside), "leads out of the folder", "input"),
    "a patient that disagrees": Bad(two(image(), image(sop="1.2.77.1.2", patient_id="OTHER-2")), "patient", count=2),
    "an instance twice with other bytes": Bad(two(image(), image(pixel="y")), "", count=2),
    "an unknown patient": Bad(file("new.dcm", image()), "--enrol-new", "input"),
}


@contextmanager
def unchanged(development: Development) -> Iterator[None]:
    """Store, directory and ledger are the same after the block."""

    def everything() -> tuple[object, ...]:
        with development.house() as house:
            state = state_of(house)
            return (
                objects_of(development),
                {study.study_id: study.revision for study in state.studies()},
                {subject.subject for subject in state.subjects()},
                {entry.study_id: entry for entry in house.studies("hospital-a").all()},
                {entry.subject for entry in house.patients("hospital-a").all()},
                set(house.vault("hospital-a").names("")),
            )

    before = everything()
    yield
    assert everything() == before


def check_problems(ran: Ran, bad: Bad) -> None:
    """The reasons are typed, say what to do, and give nobody away."""
    problems: list[dict[str, Any]] = ran["problems"]
    assert len(problems) == bad.count, problems
    assert problems[0]["kind"] == bad.kind
    assert any(bad.says in problem["detail"] for problem in problems), problems
    for problem in problems:
        assert problem["where"]
        assert len(problem["detail"]) > 20
    assert_silent(ran)


def assert_silent(ran: Ran) -> None:
    """Neither answer nor error names a person or a UID."""
    said = f"{ran.said}{ran.errors}"
    assert [secret for secret in SECRETS if secret in said] == []


@pytest.mark.parametrize("case", BAD)
def test_what_is_bad_is_named_and_leaves_nothing(development: Development, tmp_path: Path, case: str) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    BAD[case].write(folder)
    with unchanged(development):
        ran = development.register(folder, expect=5)
    assert ran["studies"] == []
    check_problems(ran, BAD[case])


@pytest.mark.parametrize("case", BAD)
def test_good_neighbours_of_what_is_bad_are_registered(development: Development, tmp_path: Path, case: str) -> None:
    folder = tmp_path / "given"
    good = small_series(folder, f"beside {case}")
    BAD[case].write(folder)
    objects = objects_of(development)
    ran = development.register(folder, expect=5)
    (study,) = ran["studies"]
    assert (study["instances"], study["revision"]) == (len(good), 1)
    check_problems(ran, BAD[case])
    own = ("--purpose", "PATRQT", "--as", study["patient_profile"])
    development.fiducia("study", "fetch", study["study_id"], "--out", str(tmp_path / "out"), *own)
    assert_same_files(tmp_path / "out", good)
    assert_named(development, objects_of(development) - objects)


def test_all_of_it_at_once_costs_the_good_ones_nothing(development: Development, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    good = small_series(folder / "good", "beside everything", slices=3)
    for number, bad in enumerate(BAD.values()):
        place = folder / f"bad-{number}"
        place.mkdir()
        bad.write(place)
    ran = development.register(folder, expect=5)
    (study,) = ran["studies"]
    assert study["instances"] == len(good)
    assert len(ran["problems"]) >= len(BAD)
    assert_silent(ran)
    again = development.register(folder, expect=5)
    assert [each["unchanged"] for each in again["studies"]] == [True]
    assert again["problems"] == ran["problems"]


@pytest.mark.parametrize("case", ["an empty folder", "a folder of empty folders", "nothing there"])
def test_nothing_to_read_is_an_error_of_its_own(development: Development, tmp_path: Path, case: str) -> None:
    folder = tmp_path / "given"
    if case != "nothing there":
        folder.mkdir()
    if case == "a folder of empty folders":
        folder.joinpath("in", "it").mkdir(parents=True)
    with unchanged(development):
        ran = development.register(folder, expect=5)
    assert ran["type"] == "urn:fiducia:problem:input"
    assert "there is nothing" in ran["detail"]


def test_an_anchored_instance_with_other_bytes_is_refused_and_new_ones_are_taken(
    development: Development, tmp_path: Path
) -> None:
    first = small_series(tmp_path / "first", "contradicted")
    (study,) = development.register(tmp_path / "first")["studies"]
    (tmp_path / "changed").mkdir()
    (tmp_path / "changed" / "slice.dcm").write_bytes(altered(first[0].read_bytes()))
    with unchanged(development):
        ran = development.register(tmp_path / "changed", expect=5)
    assert "anchored already with other contents" in ran["problems"][0]["detail"]
    assert_silent(ran)
    more = small_series(tmp_path / "changed" / "more", "contradicted", slices=3)
    ran = development.register(tmp_path / "changed", expect=5)
    assert [(each["study_id"], each["revision"]) for each in ran["studies"]] == [(study["study_id"], 2)]
    own = ("--purpose", "PATRQT", "--as", "patient", "--out", str(tmp_path / "out"))
    development.fiducia("study", "fetch", study["study_id"], *own)
    assert_same_files(tmp_path / "out", more)


def test_a_study_that_moved_to_another_patient_is_refused(development: Development, tmp_path: Path) -> None:
    small_series(tmp_path / "given", "moved")
    development.register(tmp_path / "given")
    small_series(tmp_path / "given", "moved", slices=3, patient="SOMEBODY-ELSE")
    with unchanged(development):
        ran = development.register(tmp_path / "given", expect=5)
    assert "SOMEBODY" not in f"{ran.said}{ran.errors}"
    assert_silent(ran)


def test_a_file_that_is_cut_behind_its_head_is_found_while_it_is_sealed(
    development: Development, tmp_path: Path
) -> None:
    """What only reading to the end shows: the rest of its series is registered, and it is registered once mended."""
    good = small_series(tmp_path / "given", "cut late", slices=3)
    whole = good[1].read_bytes()
    good[1].write_bytes(whole[:-7])
    ran = development.register(tmp_path / "given", expect=5)
    assert [(each["instances"], each["revision"]) for each in ran["studies"]] == [(2, 1)]
    good[1].write_bytes(whole)
    ran = development.register(tmp_path / "given")
    assert [(each["instances"], each["revision"]) for each in ran["studies"]] == [(3, 2)]
    with development.house() as house:
        assert_whole(house)
