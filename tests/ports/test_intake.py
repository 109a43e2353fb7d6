"""What every intake does, in memory and over files; then what only files can do to one."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pytest
from pydicom import data as pydicom_data

from fiducia.adapters.dicom_files import FileIntake
from fiducia.adapters.memory.examiner import DirectExaminer
from fiducia.adapters.memory.intake import MemoryIntake
from fiducia.core.dicom.part10 import read_head
from fiducia.errors import DicomError, InputError
from fiducia.ports import InstanceSource, Intake
from fiducia.records.images import IntakeProblem
from tests.support import dicom as d

MEDIA = Path(pydicom_data.__file__).parent / "test_files" / "dicomdirtests"
Make = Callable[[dict[str, bytes]], tuple[Intake, str]]


@pytest.fixture(params=["memory", "files"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes an intake over some files, and the name of the folder that they are in."""

    def memory(files: dict[str, bytes]) -> tuple[Intake, str]:
        return MemoryIntake({f"folder/{name}": data for name, data in files.items()}), "folder"

    def on_disk(files: dict[str, bytes]) -> tuple[Intake, str]:
        write(tmp_path, files)
        return FileIntake(DirectExaminer()), str(tmp_path)

    return memory if request.param == "memory" else on_disk


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def sources(intake: Intake, *paths: str) -> list[InstanceSource]:
    found = list(intake.find(paths))
    assert not [problem for problem in found if isinstance(problem, IntakeProblem)]
    return [source for source in found if not isinstance(source, IntakeProblem)]


def tails(found: list[InstanceSource], root: str) -> list[str]:
    return [os.path.relpath(source.where, root) for source in found]


def test_a_folders_files_are_found_in_a_stable_order(make: Make) -> None:
    intake, root = make({"b/2.dcm": b"22", "b/1.dcm": b"1", "a.dcm": b"333", "c/d/e.dcm": b""})
    found = sources(intake, root)
    assert tails(found, root) == ["a.dcm", "b/1.dcm", "b/2.dcm", "c/d/e.dcm"]
    assert [source.size_bytes for source in found] == [3, 1, 2, 0]


def test_a_source_opens_again_and_again_from_its_start(make: Make) -> None:
    intake, root = make({"a.dcm": b"content"})
    (source,) = sources(intake, root)
    for _ in range(2):
        with source.open() as stream:
            assert stream.read(3) == b"con"
            stream.seek(0)
            assert stream.read() == b"content"


def test_one_file_is_found_by_its_name(make: Make) -> None:
    intake, root = make({"a.dcm": b"1", "b.dcm": b"2"})
    assert tails(sources(intake, f"{root}/b.dcm"), root) == ["b.dcm"]


def test_a_file_that_is_named_twice_is_found_once(make: Make) -> None:
    intake, root = make({"x/a.dcm": b"1", "x/b.dcm": b"2"})
    assert tails(sources(intake, f"{root}/x/b.dcm", root, root), root) == ["x/b.dcm", "x/a.dcm"]


@pytest.mark.parametrize("paths", [["nowhere"], ["", "nowhere"]])
def test_a_path_that_does_not_exist_is_an_error(make: Make, paths: list[str]) -> None:
    intake, root = make({"a.dcm": b"1"})
    with pytest.raises(InputError, match=r"nothing at .*nowhere"):
        list(intake.find([os.path.join(root, path) for path in paths]))


def test_nothing_at_all_is_an_error(make: Make) -> None:
    intake, _ = make({})
    with pytest.raises(InputError, match="nothing to read"):
        list(intake.find([]))


def test_a_file_that_changed_is_not_opened_in_place_of_the_one_found(tmp_path: Path) -> None:
    files: dict[str, bytes] = {"a.dcm": b"before"}
    (source,) = sources(MemoryIntake(files), "a.dcm")
    files["a.dcm"] = b"afterwards"
    with pytest.raises(DicomError, match="changed"):
        source.open()
    del files["a.dcm"]
    with pytest.raises(DicomError, match="gone"):
        source.open()


def test_memory_yields_the_problems_that_it_was_given() -> None:
    problem = InputError("out of reach")
    assert list(MemoryIntake({"a": problem}).find(["a"])) == [IntakeProblem("a", problem)]


# Only over files.


def problems(*paths: Path | str) -> dict[str, str]:
    found = FileIntake(DirectExaminer()).find([str(path) for path in paths])
    return {os.path.basename(item.where): str(item.error) for item in found if isinstance(item, IntakeProblem)}


def names(*paths: Path | str) -> list[str]:
    found = FileIntake(DirectExaminer()).find([str(path) for path in paths])
    return [os.path.basename(item.where) for item in found if not isinstance(item, IntakeProblem)]


@pytest.mark.parametrize("change", ["content", "set back", "size", "replaced", "gone", "pipe", "link"])
def test_only_the_file_that_was_found_is_opened(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b"before")
    (source,) = sources(FileIntake(DirectExaminer()), str(tmp_path))
    before = path.stat()
    path.rename(tmp_path / "aside")
    if change == "content":
        path = (tmp_path / "aside").rename(path)
        path.write_bytes(b"affter")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    elif change == "set back":  # the time that everybody can set says nothing
        time.sleep(0.02)  # more than the step of the system's clock
        path = (tmp_path / "aside").rename(path)
        path.write_bytes(b"affter")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "size":
        path = (tmp_path / "aside").rename(path)
        path.write_bytes(b"before and after")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "replaced":
        path.write_bytes(b"before")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "pipe":
        os.mkfifo(path)
    elif change == "link":
        path.symlink_to(tmp_path / "aside")
    with pytest.raises(DicomError, match="gone" if change == "gone" else "changed|cannot be opened"):
        source.open()


def test_an_unreadable_file_is_a_dicom_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.dcm").write_bytes(b"1")
    (source,) = sources(FileIntake(DirectExaminer()), str(tmp_path))

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # tests may run as root, whom no mode keeps out
    with pytest.raises(DicomError, match="may not be read by this account"):
        source.open()


def test_a_folder_that_cannot_be_listed_does_not_stop_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.dcm": b"1", "closed/b.dcm": b"2"})
    original = os.listdir

    def listdir(path: str) -> list[str]:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "listdir", listdir)
    assert names(tmp_path) == ["a.dcm"]
    assert "cannot be read" in problems(tmp_path)["closed"]


def test_hidden_files_and_what_systems_leave_behind_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {".DS_Store": b"", ".hidden/a": b"", "Thumbs.db": b"", "__MACOSX/a.dcm": b"", "desktop.ini": b""})
    with pytest.raises(InputError, match="nothing to read"):
        list(FileIntake(DirectExaminer()).find([str(tmp_path)]))
    write(tmp_path, {"README.txt": b"hello"})
    assert names(tmp_path) == ["README.txt"]
    assert names(tmp_path / ".hidden") == ["a"]


def test_pipes_sockets_and_devices_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # socket paths are short
        listener.bind("socket")
        (tmp_path / "null").symlink_to("/dev/null")
        found = problems(tmp_path)
        assert "not a file" in found["pipe"]
        assert "not a file" in found["socket"]
        assert "out of the folder" in found["null"]
    assert "not a file" in problems("/dev/null")["null"]
    assert "not a file" in problems(tmp_path / "pipe")["pipe"]


def test_links_within_the_folder_are_followed_once(tmp_path: Path) -> None:
    write(tmp_path, {".store/1": b"one", "a/2.dcm": b"two"})
    (tmp_path / "a" / "1.dcm").symlink_to(Path("..") / ".store" / "1")
    (tmp_path / "again.dcm").symlink_to(tmp_path / "a" / "2.dcm")
    (tmp_path / "b").symlink_to("a")
    assert names(tmp_path) == ["1.dcm", "2.dcm"]
    assert problems(tmp_path) == {}


def test_links_out_of_the_folder_are_refused_and_name_where(tmp_path: Path) -> None:
    write(tmp_path, {"outside/secret.dcm": b"1", "in/good.dcm": b"2", "inside/x.dcm": b"3"})
    (tmp_path / "in" / "file.dcm").symlink_to(tmp_path / "outside" / "secret.dcm")
    (tmp_path / "in" / "folder").symlink_to("../outside")
    (tmp_path / "in" / "prefix").symlink_to("../inside")
    (tmp_path / "in" / "DICOMDIR").symlink_to("../outside/secret.dcm")
    assert names(tmp_path / "in") == ["good.dcm"]
    found = problems(tmp_path / "in")
    assert sorted(found) == ["DICOMDIR", "file.dcm", "folder", "prefix"]
    assert {"out of the folder" in message for message in found.values()} == {True}


def test_loops_and_broken_links_end(tmp_path: Path) -> None:
    write(tmp_path, {"a/1.dcm": b"1"})
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "broken").symlink_to("nowhere")
    assert names(tmp_path) == ["1.dcm"]
    assert sorted(problems(tmp_path)) == ["broken", "round"]


def test_a_link_that_a_person_gives_is_followed(tmp_path: Path) -> None:
    write(tmp_path, {"real/1.dcm": b"1"})
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "file").symlink_to("real/1.dcm")
    assert names(tmp_path / "link") == ["1.dcm"]
    assert names(tmp_path / "file") == ["file"]


def test_a_sparse_file_of_five_gigabytes_is_judged_by_its_head(tmp_path: Path) -> None:
    path = tmp_path / "sparse.dcm"
    with path.open("wb") as file:
        file.truncate(5 << 30)
    (source,) = sources(FileIntake(DirectExaminer()), str(path))
    assert source.size_bytes == 5 << 30
    assert stat.S_ISREG(path.stat().st_mode)
    with source.open() as stream, pytest.raises(DicomError, match="not a DICOM file"):
        read_head(stream, source.size_bytes)


def test_where_can_be_printed_whatever_bytes_a_name_has(tmp_path: Path) -> None:
    for name in (b"a\xff.dcm", b"b\n\x1b[2J.dcm"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(b"1")
    found = sources(FileIntake(DirectExaminer()), str(tmp_path))
    assert [os.path.basename(source.where) for source in found] == ["a\ufffd.dcm", "b\ufffd\ufffd[2J.dcm"]
    for source in found:
        with source.open() as stream:
            assert stream.read() == b"1"


# Media.


@pytest.mark.parametrize("path", [MEDIA, MEDIA / "DICOMDIR"])
def test_a_medium_is_what_its_directory_refers_to(path: Path) -> None:
    found = sources(FileIntake(DirectExaminer()), str(path))
    assert len(found) == 31
    for source in found:
        with source.open() as stream:
            assert read_head(stream, source.size_bytes).info.size_bytes == source.size_bytes


def dicomdir(*file_ids: bytes) -> bytes:
    meta = d.element(0x00020002, "UI", b"1.2.840.10008.1.3.10") + d.element(0x00020010, "UI", d.EXPLICIT.encode())
    used = d.element(0x00041410, "US", pack("<H", 0xFFFF))
    records = [d.item(used + d.element(0x00041500, "CS", file_id)) for file_id in file_ids]
    return d.part10(d.sequence(0x00041220, *records), meta=meta)


def test_a_file_that_a_medium_misses_is_a_problem(tmp_path: Path) -> None:
    write(
        tmp_path, {"DICOMDIR": dicomdir(b"A\\1", b"A\\2", b"B\\3", b"B\\4"), "a/1": b"", "A/2": b"", "viewer.exe": b""}
    )
    (tmp_path / "B").mkdir()
    (tmp_path / "B" / "3").symlink_to("/dev/null")
    assert names(tmp_path) == ["1", "2"]  # 1 lies in small letters, as CDs are often shown
    found = problems(tmp_path)
    assert "out of the folder" in found["3"]
    assert "not there" in found["4"]
    assert list(found) == ["3", "4"]


def test_media_below_a_folder_are_media_too(tmp_path: Path) -> None:
    write(tmp_path, {"disc1/DICOMDIR": dicomdir(b"X"), "disc1/X": b"", "disc1/setup.exe": b"", "disc2/other.dcm": b""})
    assert names(tmp_path) == ["X", "other.dcm"]


@pytest.mark.parametrize("data", [b"", b"no directory at all" * 20, dicomdir(b"..\\..\\A"), dicomdir(b"A")[:-3]])
def test_a_damaged_directory_is_a_problem_and_its_folder_is_read_as_one(tmp_path: Path, data: bytes) -> None:
    write(tmp_path, {"DICOMDIR": data, "a.dcm": b"1"})
    assert names(tmp_path) == ["a.dcm"]
    assert list(problems(tmp_path)) == ["DICOMDIR"]
    assert list(problems(tmp_path / "DICOMDIR")) == ["DICOMDIR"]


def test_an_empty_directory_has_nothing_to_read(tmp_path: Path) -> None:
    write(tmp_path, {"DICOMDIR": dicomdir()})
    with pytest.raises(InputError, match="nothing to read"):
        list(FileIntake(DirectExaminer()).find([str(tmp_path)]))
