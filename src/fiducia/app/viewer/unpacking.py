"""Unpacking the viewer: plain files below package/dist, and nothing else.

Stricter than `tarfile`'s data filter: there are no links, devices or odd names in what we take, so any of them refuses
the whole archive, although its digest is checked before. What the viewer never needs here is left out: source maps, a
service worker and log-in pages that speak to strangers, models' run times, its own settings and page.
Its pages expect to stand at a server's root; where they say so, they are told where they stand instead.
"""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from fiducia.errors import InputError

WITHIN = PurePosixPath("package/dist")
MEMBERS_MAX = 5_000
UNPACKED_MAX_BYTES = 1 << 30
_NAME = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9._@+-]{0,127}", re.ASCII)
_LEFT_OUT = {
    "index.html",
    "app-config.js",
    "google.js",
    "init-service-worker.js",
    "manifest.json",
    "oidc-client.min.js",
    "serve.json",
    "silent-refresh.html",
    "sw.js",
    "_headers",
    "_redirects",
}
_FOLDERS_LEFT_OUT = {"ort", "customizations"}
_ROOT_IN_SCRIPT, _ROOT_IN_STYLE = '__webpack_require__.p = "/"', "url(/"


def unpack(archive: Path, into: Path, base: str) -> None:
    """Unpack a package's `dist` into an empty folder, told that it stands at `base` (such as /viewer/).

    Raises:
        InputError: there is something in it that does not belong into such a package, or its root is not found.
    """
    try:
        with tarfile.open(archive, "r:gz") as opened:
            for name, content in _files(opened):
                path = into / name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with path.open("xb") as file:
                    shutil.copyfileobj(content, file)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise InputError(f"the viewer cannot be unpacked: {type(error).__name__}") from error
    if not _moved(into, base):
        raise InputError("this viewer is not built as fiducia knows it: it does not say where its files are")


def _files(opened: tarfile.TarFile) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    left_bytes = UNPACKED_MAX_BYTES
    for number, member in enumerate(opened):
        if number >= MEMBERS_MAX:
            raise InputError("the viewer's archive has too many members")
        if not member.isfile() and not member.isdir():
            raise InputError("the viewer's archive has something in it that is no file: nothing is taken from it")
        parts = member.name.rstrip("/").split("/")
        if not all(_NAME.fullmatch(part) for part in parts):
            raise InputError("the viewer's archive has a name in it that leads elsewhere: nothing is taken from it")
        left_bytes -= member.size
        if left_bytes < 0:
            raise InputError("the viewer's archive is too large")
        path = PurePosixPath(*parts)
        if member.isfile() and path.is_relative_to(WITHIN) and _wanted(path.relative_to(WITHIN)):
            content = opened.extractfile(member)
            assert content is not None, "a plain file has content"
            yield path.relative_to(WITHIN), content


def _wanted(path: PurePosixPath) -> bool:
    return str(path) not in _LEFT_OUT and path.parts[0] not in _FOLDERS_LEFT_OUT and path.suffix != ".map"


def _moved(into: Path, base: str) -> bool:
    """Say in scripts and styles where they stand; return whether a script wanted to know."""
    told = False
    for path in into.rglob("*"):
        if path.suffix == ".js":
            told |= _replaced(path, _ROOT_IN_SCRIPT, f'__webpack_require__.p = "{base}"')
        elif path.suffix == ".css":
            _replaced(path, _ROOT_IN_STYLE, f"url({base}")
    return told


def _replaced(path: Path, old: str, new: str) -> bool:
    content = path.read_bytes()
    found = old.encode() in content
    if found:
        path.write_bytes(content.replace(old.encode(), new.encode()))
    return found
