"""The DIMSE door with senders that others made: dcmtk's tools and an Orthanc, as processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fiducia.app.intake import Peer, Tls, commitments
from tests.support.certificates import Authority
from tests.support.consortium import HOSPITAL_A, Consortium
from tests.support.dimse import PEER, data_set_of, open_door
from tests.support.needs import unavailable
from tests.unit.app.test_dimse import in_syntax, within
from tests.unit.app.test_intake import door_of

# A virtual environment's own storescu and echoscu are pynetdicom's.
OWN = Path(sys.executable).parent
SYSTEM_PATH = os.pathsep.join(
    [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(part) != OWN]
    + ["/usr/bin", "/usr/sbin"]
)


def program(name: str) -> str:
    found = shutil.which(name, path=SYSTEM_PATH)
    return found or unavailable(f"there is no {name} on this machine")


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [program(name), *map(str, arguments)]
    environment = {**os.environ, "TCP_NODELAY": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


@pytest.fixture
def world() -> Consortium:
    return Consortium()


def kept(world: Consortium) -> list[bytes]:
    return [data_set_of(world.spool.open(each.spool_id).read())[1] for each in world.spool.all()]


def test_dcmtk_asks_whether_anybody_is_there(world: Consortium) -> None:
    with open_door(door_of(world)) as door:
        done = run("echoscu", "-aet", PEER, "-aec", "FIDUCIA", "127.0.0.1", door.port)
        assert (done.returncode, done.stderr) == (0, "")
        assert run("echoscu", "-aet", "OTHER", "-aec", "FIDUCIA", "127.0.0.1", door.port).returncode
        assert run("echoscu", "-aet", PEER, "-aec", "OTHER", "127.0.0.1", door.port).returncode


@pytest.mark.parametrize(
    ("syntax", "proposed"),
    [
        ("1.2.840.10008.1.2", "-xi"),
        ("1.2.840.10008.1.2.1", "-xe"),
        ("1.2.840.10008.1.2.2", "-xb"),
        ("1.2.840.10008.1.2.1.99", "-xd"),
        ("1.2.840.10008.1.2.4.50", "-xy"),
        ("1.2.840.10008.1.2.4.90", "-xv"),
        ("1.2.840.10008.1.2.5", "-xr"),
    ],
)
def test_dcmtk_sends_and_what_comes_is_kept_as_it_was(
    world: Consortium, tmp_path: Path, syntax: str, proposed: str
) -> None:
    files = [in_syntax(file, syntax) for file in world.add_series(3).values()]
    for number, file in enumerate(files):
        (tmp_path / f"{number}.dcm").write_bytes(file)
    with open_door(door_of(world)) as door:
        target = ("127.0.0.1", door.port, *sorted(tmp_path.glob("*.dcm")))
        done = run("storescu", "-R", proposed, "-aet", PEER, "-aec", "FIDUCIA", *target)
    assert done.returncode == 0, done.stderr
    assert {each.examined.info.transfer_syntax_uid for each in world.spool.all()} == {syntax}
    assert len(kept(world)) == 3
    if proposed not in {"-xd", "-xi", "-xe", "-xb"}:  # those it writes anew: other lengths, the same values
        return
    parts = door_of(world)
    assert parts.close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True).problems == ()


def test_dcmtk_sends_over_tls(world: Consortium, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own, theirs = authority.vouch("door"), authority.vouch("modality")
    (file,) = world.add_series(1).values()
    (tmp_path / "1.dcm").write_bytes(file)
    with open_door(door_of(world), tls=Tls(own.certificate, own.key, authority.file)) as door:
        secure = ("+tls", theirs.key, theirs.certificate, "+cf", authority.file)
        target = ("-aet", PEER, "-aec", "FIDUCIA", "127.0.0.1", door.port, tmp_path / "1.dcm")
        done = run("storescu", *secure, *target)
        assert done.returncode == 0, done.stderr
        assert run("storescu", "+tla", "+cf", authority.file, *target).returncode  # no certificate
        assert run("storescu", *target).returncode  # no TLS
    assert len(world.spool.all()) == 1


@dataclass
class Orthanc:
    """A running Orthanc."""

    url: str
    dicom_port: int

    def post(self, path: str, body: Any) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data), timeout=60) as answer:
            return json.load(answer)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def orthanc(folder: Path, door_port: int, dicom_port: int) -> Iterator[Orthanc]:
    binary = program("Orthanc")
    http_port = free_port()
    settings = {
        "Name": "ORTHANC",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "TcpNoDelay": True,
        "Plugins": [],
        "DicomModalities": {
            "fiducia": {"AET": "FIDUCIA", "Host": "127.0.0.1", "Port": door_port, "AllowStorageCommitment": True}
        },
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([binary, str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder)
    try:
        found = Orthanc(f"http://127.0.0.1:{http_port}", dicom_port)

        def is_up() -> bool:
            try:
                return bool(found.get("/system"))
            except OSError:
                return False

        assert within(60, is_up), (folder / "orthanc.log").read_text()
        yield found
    finally:
        process.terminate()
        process.wait(20)


def test_orthanc_sends_and_asks_for_storage_commitment(
    world: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitments, "CHECK_EVERY_S", 0.2)
    parts, report_port = door_of(world), free_port()
    files = list(world.add_series(5).values())
    with (
        open_door(parts, peers=(Peer("ORTHANC", ("127.0.0.1", report_port)),)) as door,
        orthanc(tmp_path, door.port, report_port) as sender,
    ):
        assert sender.post("/modalities/fiducia/echo", {}) == {}
        instances = [sender.post("/instances", file)["ID"] for file in files]
        done = sender.post("/modalities/fiducia/store", {"Resources": instances, "Synchronous": True})
        assert (done["InstancesCount"], done["FailedInstancesCount"]) == (5, 0)
        assert sorted(kept(world)) == sorted(data_set_of(file)[1] for file in files)

        asked = sender.post("/modalities/fiducia/storage-commitment", {"Resources": instances})["ID"]
        time.sleep(1)
        assert sender.get(f"/storage-commitment/{asked}")["Status"] == "Pending"
        assert parts.close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True).problems == ()
        assert within(20, lambda: sender.get(f"/storage-commitment/{asked}")["Status"] != "Pending")
        assert sender.get(f"/storage-commitment/{asked}")["Status"] == "Success"

        unknown = {"DicomInstances": [{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": "1.2.3"}]}
        asked = sender.post("/modalities/fiducia/storage-commitment", unknown)["ID"]
        assert within(20, lambda: sender.get(f"/storage-commitment/{asked}")["Status"] != "Pending")
        told = sender.get(f"/storage-commitment/{asked}")
        assert (told["Status"], [each["FailureReason"] for each in told["Failures"]]) == ("Failure", [0x0112])
