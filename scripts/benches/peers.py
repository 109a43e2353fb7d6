"""Orthanc as people run it beside a hospital's PACS: what it takes to store and to read the same images in the clear.

Only where Orthanc and DCMTK are installed already. Its rows say how many times faster fiducia is; fiducia seals,
verifies and anchors, Orthanc does not.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fiducia.app.processes import Program, Stack, free_ports, port_is_open

_READY_S = 60.0
_STORE_S = 300.0
_DICOMWEB = "/dicom-web"
_DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")  # where Debian puts it


class Orthanc:
    """A running Orthanc with nothing in it."""

    def __init__(self, storescu: str, environment: Mapping[str, str], dicom_port: int, http_port: int) -> None:
        self._storescu = storescu
        self._environment = dict(environment)
        self._dicom_port = dicom_port
        self._http_port = http_port

    def store(self, folder: Path) -> None:
        """Send a folder by C-STORE, one association, one instance after another."""
        self.send(folder, "ORTHANC", self._dicom_port)

    def send(self, folder: Path, called: str, port: int) -> None:
        """Send a folder to another called AE title and port, in the same way."""
        words = (self._storescu, "--scan-directories", "--recurse", "-aec", called, "127.0.0.1")
        subprocess.run(
            [*words, str(port), str(folder)],
            env=self._environment,
            check=True,
            capture_output=True,
            timeout=_STORE_S,
        )

    def instances(self) -> list[str]:
        """Return the paths of all instances at its DICOMweb door, as a search finds them."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._http_port)) as connection:
            found = json.loads(self._get(connection, f"{_DICOMWEB}/instances?limit=100000"))
        urls = [str(item["00081190"]["Value"][0]) for item in found]
        return [url[url.index(_DICOMWEB) :] for url in urls]

    def read(self, paths: Sequence[str]) -> None:
        """Retrieve instances by WADO-RS, one after another, over one kept connection."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._http_port)) as connection:
            for path in paths:
                self._get(connection, path)

    def clear(self) -> None:
        """Remove all studies."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._http_port)) as connection:
            for identity in json.loads(self._get(connection, "/studies")):
                self._get(connection, f"/studies/{identity}", method="DELETE")

    @staticmethod
    def _get(connection: http.client.HTTPConnection, path: str, method: str = "GET") -> bytes:
        connection.request(method, path)  # accepts anything: an instance comes as multipart/related, as it is stored
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"Orthanc answered {response.status}")
        return body


@contextlib.contextmanager
def running(root: Path, environment: Mapping[str, str]) -> Iterator[Orthanc | str]:
    """Run Orthanc in `root` for as long as the block lasts; yields the reason where that cannot be done."""
    server = shutil.which("Orthanc", path=environment.get("PATH", ""))
    storescu = _find_storescu(environment)
    if server is None or storescu is None or not _DICOMWEB_PLUGIN.is_file():
        yield "Orthanc, its DICOMweb plugin and DCMTK are not all installed"
        return
    dicom_port, http_port = free_ports(2)
    place = root / "orthanc"
    place.mkdir()
    settings = place / "settings.json"
    settings.write_text(json.dumps(_settings(place, dicom_port, http_port)), encoding="utf-8")
    # DCMTK waits for more to send before it sends, unless it is told not to.
    variables = {**environment, "HOME": str(place), "TCP_NODELAY": "1"}
    with Stack() as stack:
        program = Program("orthanc", (server, str(settings)), root / "orthanc.log", variables, place)
        child = stack.start(program)
        child.wait_ready(lambda: port_is_open(http_port), _READY_S)
        yield Orthanc(storescu, variables, dicom_port, http_port)


def _settings(place: Path, dicom_port: int, http_port: int) -> dict[str, Any]:
    return {
        "StorageDirectory": str(place / "storage"),
        "IndexDirectory": str(place / "index"),
        "Plugins": [str(_DICOMWEB_PLUGIN)],
        "DicomPort": dicom_port,
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomCheckCalledAet": False,
        "KeepAlive": True,
        "TcpNoDelay": True,
    }


def _find_storescu(environment: Mapping[str, str]) -> str | None:
    """Return DCMTK's storescu on PATH; a Python package's namesake is none."""
    found = shutil.which("storescu", path=environment.get("PATH", ""))
    if found is None:
        return None
    said = subprocess.run([found, "--version"], env=dict(environment), capture_output=True, timeout=_READY_S)
    return found if b"dcmtk" in said.stdout else None
