"""STOW-RS as a PACS uses it: a real process, a real chain, Orthanc as a sender."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydicom import data as pydicom_data

from fiducia.app.processes import free_ports
from tests.e2e.conftest import SampleFolders
from tests.support import dicom as d
from tests.support.cli import Cli, files_of
from tests.support.orthanc import orthanc_binary, running_orthanc
from tests.unit.app.test_intake import body
from tests.unit.app.test_processes import wait_for

PUBLISHED = Path(pydicom_data.__file__).parent / "test_files"


@dataclass(frozen=True, slots=True)
class Door:
    """A running door, and how to push through it."""

    cli: Cli
    port: int
    token: str
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, files: list[bytes]) -> tuple[int, Any]:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": 'multipart/related; type="application/dicom"; boundary=b1',
        }
        request = urllib.request.Request(f"{self.url}/studies", body(*files), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def studies(self) -> set[str]:
        return {row["study_id"] for row in self.cli.ok("study", "list")}

    def wait_empty(self) -> None:
        wait_for(lambda: self.cli.ok("intake", "list") == [])


@contextmanager
def opened(cli: Cli, **environment: str) -> Iterator[Door]:
    """Serve a hospital's door for as long as the block lasts."""
    (port,) = free_ports(1)
    token = cli.ok("intake", "token")["token"]
    with Cli(cli.home, {**cli.environment, **environment}).started(
        "intake", "serve", "--port", port, "--quiet", 1
    ) as process:
        door = Door(cli, port, token, process)

        def ready() -> bool:
            try:
                with urllib.request.urlopen(f"{door.url}/readyz", timeout=5) as answer:
                    return bool(json.load(answer)["ready"])
            except OSError:
                assert process.poll() is None, process.communicate()
                return False

        wait_for(ready)
        yield door


@pytest.fixture
def door(embedded: Cli) -> Iterator[Door]:
    with opened(embedded) as door:
        yield door


def test_what_is_pushed_is_registered_as_from_a_folder(door: Door, samples: SampleFolders, tmp_path: Path) -> None:
    folder, before = samples.make(2, 1), door.studies()
    files = files_of(folder)
    status, told = door.post(files[:2])
    assert (status, len(told["00081199"]["Value"])) == (200, 2)
    door.wait_empty()
    (study_id,) = door.studies() - before
    assert door.post(files[2:])[0] == 200
    door.wait_empty()
    same = door.cli.register(folder)  # the identity digests are those of this other door
    assert (same["study_id"], same["unchanged"], same["revision"], same["instances"]) == (study_id, True, 2, 3)
    door.cli.grant(same)
    door.cli.ok("study", "fetch", study_id, "--purpose", "TREAT", "--out", tmp_path / "out")
    assert files_of(tmp_path / "out") == files


def test_what_was_answered_for_survives_a_kill(door: Door, samples: SampleFolders) -> None:
    folder = samples.make(3, patient_id="NOT-ENROLLED")
    before = door.studies()
    assert door.post(files_of(folder))[0] == 200
    door.process.kill()
    door.process.wait()
    (row,) = door.cli.ok("intake", "list")
    assert (row["instances"], row["doors"]) == (3, "stow")
    refused = door.cli.fails(5, "intake", "close")
    assert (refused["studies"], len(refused["problems"])) == ([], 1)
    assert len(door.cli.ok("intake", "list")) == 1
    (study,) = door.cli.ok("intake", "close", "--enrol-new")["studies"]
    assert study["study_id"] not in before
    assert door.cli.ok("intake", "list") == []


@pytest.mark.parametrize("point", ["receive.taken", "receive.kept"])
def test_killed_between_two_steps_the_sender_sends_again_and_it_counts_once(
    embedded: Cli, samples: SampleFolders, point: str
) -> None:
    files = files_of(samples.make(1))
    with opened(embedded, FIDUCIA_STOP_AT=point) as door:
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            door.post(files)
        assert door.process.wait(timeout=30) == -signal.SIGKILL
        known = door.studies()
    with opened(embedded) as door:
        assert door.post(files)[0] == 200
        door.wait_empty()
        (study_id,) = door.studies() - known
        assert embedded.ok("study", "show", study_id)["revision"] == 1


def test_orthanc_pushes(door: Door, samples: SampleFolders, tmp_path: Path) -> None:
    orthanc_binary()
    server = {"Url": f"{door.url}/", "HttpHeaders": {"Authorization": f"Bearer {door.token}"}}
    folder = samples.make(3)
    with running_orthanc(tmp_path / "pacs", DicomWeb={"Enable": True, "Servers": {"fiducia": server}}) as orthanc:
        (study,) = orthanc.upload(folder)
        resources = json.dumps({"Resources": [study], "Synchronous": True}).encode()
        orthanc.ask("POST", "/dicom-web/servers/fiducia/stow", resources)
    door.wait_empty()
    same = door.cli.register(folder)
    assert (same["unchanged"], same["instances"]) == (True, 3)


def hostile() -> list[bytes]:
    """What is made to crash, to stall, to fill memory or to mislead."""
    good = d.instance()
    published = [path.read_bytes() for path in sorted(PUBLISHED.rglob("*.dcm"))[:60]]
    cut = [data[: len(data) * part // 7] for data in published[:20] for part in (1, 3, 6)]
    chance = random.Random(5)
    changed = []
    for data in published[:30]:
        bytes_ = bytearray(data)
        for _ in range(20):
            bytes_[chance.randrange(132, len(bytes_))] = chance.randrange(256)
        changed.append(bytes(bytes_))
    nested = (d.element(0x00081140, "SQ", length=d.UNDEFINED) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * 5000
    many = d.instance() + d.element(0x7FE10011, "UN", b"") * 200_000
    bomb = d.part10(bytes(300 << 20), d.DEFLATED)
    begins = (b"MZ", b"\x7fELF", b"PK\x03\x04", b"%PDF-1.7", b"<html>", b"GIF89a")
    disguised = [begin + good[len(begin) :] for begin in begins]
    return [b"", b"\0" * 4096, *cut, *changed, d.part10(nested), many, bomb, *disguised]


def set_aside(door: Door) -> int:
    return sum(row["state"] == "set aside" for row in door.cli.ok("quarantine", "list"))


def test_hostile_uploads_break_nothing_and_honest_ones_go_on(door: Door, samples: SampleFolders) -> None:
    server = psutil.Process(door.process.pid)
    files, known = files_of(samples.make(4)), door.studies()
    assert door.post(files[:1])[0] == 200
    at_first = server.memory_info().rss
    before = set_aside(door)
    for attack in hostile():
        status, told = door.post([attack, files[1]])
        assert status in (200, 202)
        assert len(told["00081199"]["Value"]) >= 1  # the honest one beside it
    assert door.post(files[2:])[0] == 200
    assert door.process.poll() is None
    assert server.memory_info().rss - at_first < 128 << 20
    assert len(server.children()) == 1
    assert set_aside(door) >= before + 6
    wait_for(lambda: door.studies() - known)
    (study_id,) = door.studies() - known  # no patient of the others is known
    assert door.cli.ok("study", "show", study_id)["revision"] >= 1
    door.cli.ok("quarantine", "delete", *(row["id"] for row in door.cli.ok("quarantine", "list")))
