"""A real Orthanc for tests, with its DICOMweb plug-in: Debian's orthanc and orthanc-dicomweb."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fiducia.app.processes import free_ports

PLUGINS = Path("/usr/share/orthanc/plugins")
_START_S = 30


def orthanc_binary() -> str:
    """Where Orthanc is; skips, saying so, where it is not."""
    binary = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if binary is None or not (PLUGINS / "libOrthancDicomWeb.so").exists():
        pytest.skip("Orthanc with its DICOMweb plug-in is not here: Debian's orthanc-dicomweb makes this run")
    return binary


@dataclass(frozen=True, slots=True)
class Orthanc:
    """Its REST API."""

    url: str
    dicom_port: int

    def ask(self, method: str, path: str, body: bytes = b"", *, timeout_s: float = 60) -> Any:
        """Ask, and return what is answered; fails on any error."""
        data = self.read(path, method, body, timeout_s=timeout_s)
        return json.loads(data) if data else None

    def read(self, path: str, method: str = "GET", body: bytes = b"", *, timeout_s: float = 60) -> bytes:
        """Ask, and return the answer's bytes."""
        credentials = base64.b64encode(b"test:test").decode()
        request = urllib.request.Request(
            f"{self.url}{path}", body or None, {"Authorization": f"Basic {credentials}"}, method=method
        )
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return bytes(answer.read())

    def upload(self, folder: Path) -> list[str]:
        """Give it every file below a folder; returns the ids of its studies."""
        studies = {
            self.ask("POST", "/instances", path.read_bytes())["ParentStudy"]
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        return sorted(studies)


@contextmanager
def running_orthanc(root: Path, **settings: Any) -> Iterator[Orthanc]:
    """Run one in a folder of its own, on loopback, for as long as the block lasts."""
    http_port, dicom_port = free_ports(2)
    configuration = {
        "Name": "test",
        "StorageDirectory": str(root / "orthanc"),
        "IndexDirectory": str(root / "orthanc"),
        "Plugins": [str(PLUGINS / "libOrthancDicomWeb.so")],
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"test": "test"},
        "OverwriteInstances": True,
        **settings,
    }
    root.mkdir(exist_ok=True)
    (root / "orthanc.json").write_text(json.dumps(configuration))
    with subprocess.Popen(
        [orthanc_binary(), str(root / "orthanc.json")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        orthanc = Orthanc(f"http://127.0.0.1:{http_port}", dicom_port)
        try:
            _wait(orthanc, process)
            yield orthanc
        finally:
            process.terminate()


def _wait(orthanc: Orthanc, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            orthanc.ask("GET", "/system", timeout_s=2)
            return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, "Orthanc ended"
            assert time.monotonic() < until, "Orthanc does not answer"
            time.sleep(0.1)
