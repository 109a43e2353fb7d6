"""The gateway as viewers and archives use it: a real process, chain and store; dicomweb-client, Orthanc, curl."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from dicomweb_client import DICOMwebClient
from pydicom import data as pydicom_data
from pydicom import dcmread

from fiducia.app.processes import free_ports
from fiducia.app.sample_dicom import Sample, sample_large_study
from fiducia.core.dicom.part10 import read_head
from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, files_of
from tests.support.gateway import parts_in
from tests.support.orthanc import orthanc_binary, running_orthanc
from tests.support.plaintext import find_plaintext
from tests.unit.app.test_processes import wait_for

PUBLISHED = Path(pydicom_data.__file__).parent / "test_files"
SEE = ("--action", "METADATA", "--action", "VIEW")
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, and the clinician's token."""

    cli: Cli
    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicomweb"

    def get(self, path: str, accept: str = "*/*") -> tuple[int, Any, bytes]:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()
        except http.client.IncompleteRead as cut:  # a revoke came while it was sent
            return 0, {}, cut.partial

    def listed(self) -> set[str]:
        status, _, body = self.get("/studies")
        return {item["0020000D"]["Value"][0] for item in json.loads(body)} if status == 200 else set()

    def files(self, study_uid: str) -> list[bytes]:
        status, headers, body = self.get(f"/studies/{study_uid}", AS_STORED)
        assert status == 200, body
        return sorted(content for *_, content in parts_in(headers["Content-Type"], body))

    def client(self) -> DICOMwebClient:
        return DICOMwebClient(self.url, headers={"Authorization": f"Bearer {self.token}"})


@contextmanager
def opened(cli: Cli, *words: str) -> Iterator[Gateway]:
    """Serve hospital B's gateway, with further options, for as long as the block lasts."""
    (port,) = free_ports(1)
    token = cli.ok("gateway", "sign-in", "--purpose", "TREAT")["token"]
    with cli.started("gateway", "serve", "--port", port, *words) as process:
        said: list[str] = []
        for stream in filter(None, (process.stdout, process.stderr)):  # a pipe that nobody reads fills up and stops it
            threading.Thread(target=said.extend, args=(stream,), daemon=True).start()

        def ready() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                    return bool(json.load(answer)["ready"])
            except OSError:
                assert process.poll() is None, said
                return False

        wait_for(ready)
        yield Gateway(cli, port, token)


@pytest.fixture
def gateway(either: Cli) -> Iterator[Gateway]:
    with opened(either) as gateway:
        yield gateway


def uid_of(folder: Path) -> str:
    data = files_of(folder)[0]
    return read_head(BytesIO(data), len(data)).info.study_instance_uid


def test_a_grant_opens_and_a_revoke_ends(gateway: Gateway, samples: SampleFolders, tmp_path: Path) -> None:
    granted, other = samples.make(3, 2), samples.make(1)
    study, _ = gateway.cli.register(granted), gateway.cli.register(other)
    uid, ungranted = uid_of(granted), uid_of(other)
    assert not {uid, ungranted} & gateway.listed()
    grant_id = gateway.cli.grant(study, *SEE)
    wait_for(lambda: uid in gateway.listed())
    assert ungranted not in gateway.listed()
    assert gateway.files(uid) == files_of(granted)
    assert gateway.get(f"/studies/{ungranted}/metadata")[0] == 404
    gateway.cli.ok("grant", "revoke", grant_id, "--as", study["patient_profile"])
    wait_for(lambda: gateway.get(f"/studies/{uid}/metadata")[0] == 404)
    assert uid not in gateway.listed()
    assert gateway.cli.ok("audit", "verify")["findings"] == []


def test_a_revoke_cuts_what_is_being_sent(gateway: Gateway, tmp_path: Path) -> None:
    sample = Sample(study=str(tmp_path), patient_id="SAMPLE-1")
    sample_large_study(tmp_path / "large", 64 << 20, sample)
    study = gateway.cli.register(tmp_path / "large")
    grant_id = gateway.cli.grant(study, *SEE)
    uid = uid_of(tmp_path / "large")
    wait_for(lambda: uid in gateway.listed())
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        lines = [
            f"GET /dicomweb/studies/{uid} HTTP/1.1",
            "Host: gateway",
            f"Authorization: Bearer {gateway.token}",
            f"Accept: {AS_STORED}",
        ]
        stream.sendall("\r\n".join([*lines, "", ""]).encode())
        received = len(stream.recv(1 << 16))
        gateway.cli.ok("grant", "revoke", grant_id, "--as", study["patient_profile"])
        wait_for(lambda: gateway.get(f"/studies/{uid}/metadata")[0] == 404)
        last = b""
        while piece := stream.recv(1 << 20):
            received += len(piece)
            last = (last + piece)[-100:]
    assert received < study["bytes"]
    assert not last.endswith(b"0\r\n\r\n")  # the last chunk of a body that is whole (RFC 9112 section 7.1)


def test_dicomweb_client_reads_everything(gateway: Gateway, samples: SampleFolders) -> None:
    folder = samples.make(2, 1)
    study = gateway.cli.register(folder)
    gateway.cli.grant(study, *SEE)
    uid = uid_of(folder)
    wait_for(lambda: uid in gateway.listed())
    client = gateway.client()
    (found,) = client.search_for_studies(search_filters={"StudyInstanceUID": uid})
    assert found["00201208"]["Value"] == [3]
    assert len(client.search_for_series(uid)) == 2
    metadata = client.retrieve_study_metadata(uid)
    assert len(metadata) == len(client.search_for_instances(uid)) == 3
    sent = client.retrieve_study(uid, media_types=(("application/dicom", "*"),))
    originals = {each.SOPInstanceUID: each for each in map(dcmread, folder.rglob("*.dcm"))}
    assert {each.SOPInstanceUID: each for each in sent} == originals
    for item in metadata:
        series, instance = item["0020000E"]["Value"][0], item["00080018"]["Value"][0]
        (frame,) = client.retrieve_instance_frames(uid, series, instance, [1])
        assert frame == originals[instance].PixelData
        picture = client.retrieve_instance_rendered(uid, series, instance, media_types=("image/png",))
        assert picture[:4] == b"\x89PNG"


def test_orthanc_retrieves_what_was_registered(gateway: Gateway, samples: SampleFolders, tmp_path: Path) -> None:
    orthanc_binary()
    folder = samples.make(2, 2)
    gateway.cli.grant(gateway.cli.register(folder), *SEE)
    uid = uid_of(folder)
    wait_for(lambda: uid in gateway.listed())
    server = {"Url": f"{gateway.url}/", "HttpHeaders": {"Authorization": f"Bearer {gateway.token}"}}
    with running_orthanc(tmp_path / "pacs", DicomWeb={"Enable": True, "Servers": {"fiducia": server}}) as orthanc:
        asked = json.dumps({"Uri": "/studies", "Arguments": {"StudyInstanceUID": uid}}).encode()
        assert len(orthanc.ask("POST", "/dicom-web/servers/fiducia/qido", asked)) == 1
        wanted = json.dumps({"Resources": [{"Study": uid}], "Synchronous": True}).encode()
        orthanc.ask("POST", "/dicom-web/servers/fiducia/retrieve", wanted)
        held = [orthanc.read(f"/instances/{each}/file") for each in orthanc.ask("GET", "/instances")]
    assert sorted(held) == files_of(folder)


def test_curl_with_a_token_from_a_file(gateway: Gateway, samples: SampleFolders, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    folder = samples.make(1)
    gateway.cli.grant(gateway.cli.register(folder), *SEE)
    uid = uid_of(folder)
    wait_for(lambda: uid in gateway.listed())
    (tmp_path / "header").write_text(f"Authorization: Bearer {gateway.token}\n")
    words = ["curl", "-sS", "--fail", "-H", f"@{tmp_path / 'header'}", f"{gateway.url}/studies/{uid}/metadata"]
    said = subprocess.run(words, capture_output=True, check=True, timeout=60)
    assert json.loads(said.stdout)[0]["0020000D"]["Value"] == [uid]


def test_nothing_of_it_lies_in_plaintext_and_nothing_is_logged(gateway: Gateway, samples: SampleFolders) -> None:
    folder = samples.make(3)
    gateway.cli.grant(gateway.cli.register(folder), *SEE)
    uid = uid_of(folder)
    wait_for(lambda: uid in gateway.listed())
    assert gateway.files(uid) == files_of(folder)
    pixels = files_of(folder)[1][-4096:-2048]
    needles: dict[str, str | bytes] = {"uid": uid, "token": gateway.token, "pixels": pixels}
    assert find_plaintext(gateway.cli.home, needles) == ()
    kept = list(gateway.cli.paths.member("hospital-b").cache.rglob("*.0"))
    assert bool(kept) == gateway.cli.paths.kubo_repository.exists()  # the embedded store's directory is near enough
