"""Installing the viewer: only the package that is pinned, only plain files, whole or not at all."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from fiducia.app.viewer.installed import Installation
from fiducia.app.viewer.package import OHIF, Package
from fiducia.errors import ConfigError, DigestError, FiduciaError, InputError
from tests.support.viewer import FILES, MAIN, archive


def refused(tmp_path: Path, package: Package, kind: type[FiduciaError], match: str) -> None:
    installation = Installation(tmp_path / "cache", package)
    with pytest.raises(kind, match=match):
        installation.install({}, tmp_path / "a.tgz")
    assert not installation.there
    assert list((tmp_path / "cache" / "viewer").iterdir()) == []


def test_what_is_pinned_is_unpacked_and_told_where_it_stands(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "cache", archive(tmp_path / "a.tgz"))
    assert installation.install({}, tmp_path / "a.tgz")
    viewer = installation.viewer()
    assert (viewer.main, viewer.title) == (MAIN, "Stand-in 1.0.0")
    assert set(viewer.files) == {
        MAIN,
        "app.bundle.css",
        "8.bundle.0123456789abcdef.js",
        "0123456789abcdef.wasm",
        "assets/favicon.ico",
    }
    assert b'__webpack_require__.p = "/viewer/"' in viewer.files[MAIN].read_bytes()
    assert b"url(/viewer/0123456789abcdef.woff2)" in viewer.files["app.bundle.css"].read_bytes()
    assert installation.directory.stat().st_mode & 0o077 == 0
    assert not installation.install({}, tmp_path / "not there.tgz")  # it is there: nothing is read


def test_another_package_is_not_opened(tmp_path: Path) -> None:
    archive(tmp_path / "a.tgz")
    refused(tmp_path, OHIF, DigestError, "pinned")


def test_an_archive_that_is_none_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, OHIF, InputError, "cannot be read")
    (tmp_path / "a.tgz").write_bytes(b"no archive")
    package = archive(tmp_path / "b.tgz")
    (tmp_path / "a.tgz").write_bytes((tmp_path / "b.tgz").read_bytes()[:-40])
    refused(tmp_path, package, DigestError, "pinned")


def odd(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "member",
    [
        odd("package/dist/link.js", tarfile.SYMTYPE, "/etc/passwd"),
        odd("package/dist/link.js", tarfile.SYMTYPE, MAIN),
        odd("package/dist/hard.js", tarfile.LNKTYPE, f"package/dist/{MAIN}"),
        odd("package/dist/pipe", tarfile.FIFOTYPE),
        odd("package/dist/device", tarfile.CHRTYPE),
        odd("package/dist/../../outside.js"),
        odd("package/dist/a/../b.js"),
        odd("/package/dist/absolute.js"),
        odd("package/dist//double.js"),
        odd("package/dist/./dot.js"),
        odd("package/dist/.hidden"),
        odd("package/dist/back\\slash.js"),
        odd("package/dist/new\nline.js"),
        odd("package/dist/" + "n" * 200),
        odd("../package/dist/above.js"),
    ],
    ids=lambda member: f"{member.name!r:.40} {member.type!r}",
)
def test_odd_members_refuse_the_whole_archive(tmp_path: Path, member: tarfile.TarInfo) -> None:
    refused(tmp_path, archive(tmp_path / "a.tgz", FILES, member), InputError, "nothing is taken")


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    again = odd(f"package/dist/{MAIN}")
    refused(tmp_path, archive(tmp_path / "a.tgz", FILES, again), InputError, "FileExistsError")


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = archive(tmp_path / "a.tgz")
    monkeypatch.setattr("fiducia.app.viewer.unpacking.MEMBERS_MAX", 3)
    refused(tmp_path, package, InputError, "too many")
    monkeypatch.undo()
    monkeypatch.setattr("fiducia.app.viewer.unpacking.UNPACKED_MAX_BYTES", 60)
    refused(tmp_path, package, InputError, "too large")
    monkeypatch.undo()
    monkeypatch.setattr("fiducia.app.viewer.fetching.ARCHIVE_MAX_BYTES", 60)
    refused(tmp_path, package, DigestError, "pinned")


def test_a_viewer_that_is_built_otherwise_is_refused(tmp_path: Path) -> None:
    package = archive(tmp_path / "a.tgz", {**FILES, f"package/dist/{MAIN}": b"1;"})
    refused(tmp_path, package, InputError, "not built as")


def test_what_is_not_whole_is_told(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "cache", archive(tmp_path / "a.tgz"))
    with pytest.raises(ConfigError, match="viewer install"):
        installation.viewer()
    installation.install({}, tmp_path / "a.tgz")
    (installation.directory / MAIN).unlink()
    with pytest.raises(ConfigError, match="not whole"):
        installation.viewer()


def npm(tmp_path: Path, script: str) -> dict[str, str]:
    """An environment whose npm is a script."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    (tmp_path / "bin" / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin" / "npm").chmod(0o700)
    return {"PATH": f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"}


def test_npm_is_asked_for_the_pinned_version_and_runs_nothing_of_it(tmp_path: Path) -> None:
    package = archive(tmp_path / "a.tgz")
    installation = Installation(tmp_path / "cache", package)
    environment = npm(tmp_path, f'echo "$@" > {tmp_path}/said; cp {tmp_path}/a.tgz "$6"/stand-in-1.0.0.tgz')
    assert installation.install(environment)
    assert (tmp_path / "said").read_text().startswith("pack @stand/in@1.0.0 --ignore-scripts --silent")


@pytest.mark.parametrize("script", ["exit 1", "true"])
def test_an_npm_that_fetches_nothing_is_told(tmp_path: Path, script: str) -> None:
    installation = Installation(tmp_path / "cache", archive(tmp_path / "a.tgz"))
    with pytest.raises(ConfigError, match="did not fetch"):
        installation.install(npm(tmp_path, script))
    with pytest.raises(ConfigError, match="npm is not on PATH"):
        installation.install({"PATH": str(tmp_path)})
    assert not installation.there
