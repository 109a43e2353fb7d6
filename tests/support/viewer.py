"""A small stand-in for the viewer's package, and a gateway that serves it."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from starlette.testclient import TestClient

from fiducia.app.gateway.application import create_app
from fiducia.app.viewer.installed import Installation, Viewer
from fiducia.app.viewer.package import Package
from tests.support.consortium import Consortium
from tests.support.gateway import parts_of

MAIN = "app.bundle.0123456789abcdef.js"
FILES: Mapping[str, bytes] = {
    f"package/dist/{MAIN}": b'(() => { __webpack_require__.p = "/"; })();',
    "package/dist/app.bundle.css": b"@font-face{src:url(/0123456789abcdef.woff2)}",
    "package/dist/8.bundle.0123456789abcdef.js": b"1;",
    "package/dist/0123456789abcdef.wasm": b"\0asm",
    "package/dist/assets/favicon.ico": b"icon",
    "package/dist/index.html": b"theirs",
    "package/dist/app-config.js": b"theirs",
    "package/dist/sw.js": b"theirs",
    "package/dist/ort/ort.js": b"left out",
    "package/dist/a.js.map": b"left out",
    "package/package.json": b"{}",
}


def archive(path: Path, files: Mapping[str, bytes] = FILES, *odd: tarfile.TarInfo) -> Package:
    """Write a package's tarball, with odd members if there are any; return its pin."""
    with tarfile.open(path, "w:gz") as made:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
        for each in odd:
            made.addfile(each)
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    return Package("Stand-in", "@stand/in", "1.0.0", digest)


def stand_in(directory: Path) -> Viewer:
    """Install the stand-in below a directory."""
    installation = Installation(directory / "cache", archive(directory / "stand-in.tgz"))
    installation.install({}, directory / "stand-in.tgz")
    return installation.viewer()


@contextmanager
def serving(world: Consortium, viewer: Viewer, base_url: str = "http://gateway.test") -> Iterator[TestClient]:
    """Serve a gateway with a viewer; nobody is signed in, and redirections are not followed."""
    app = create_app(replace(parts_of(world), viewer=viewer))
    with TestClient(app, base_url=base_url, follow_redirects=False) as client:
        yield client
