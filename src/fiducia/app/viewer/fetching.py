"""Getting the viewer's package: npm's own client, or a tarball that somebody brought along."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from fiducia.app.viewer.package import Package
from fiducia.errors import ConfigError, DigestError, InputError

ARCHIVE_MAX_BYTES = 256 << 20
FETCH_S = 600.0
_PIECE_BYTES = 1 << 20


def fetch(package: Package, into: Path, environment: Mapping[str, str]) -> Path:
    """Have npm put the package's tarball into a folder; nothing of the package is run.

    Args:
        package: which.
        into: an empty folder.
        environment: where npm is found, and what it is configured with; no secret of ours.

    Raises:
        ConfigError: there is no npm, or it does not get the package.
    """
    npm = shutil.which("npm", path=environment.get("PATH", ""))
    if npm is None:
        raise ConfigError(f"npm is not on PATH: install Node.js, or bring `npm pack {package.spec}` along with --from")
    command = [npm, "pack", package.spec, "--ignore-scripts", "--silent", "--pack-destination", str(into)]
    try:
        # Its own folder, so that no .npmrc or package.json of wherever we are says what to fetch.
        done = subprocess.run(
            command, cwd=into, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=FETCH_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"npm did not fetch {package.spec}: {type(error).__name__}") from error
    found = sorted(into.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        raise ConfigError(f"npm did not fetch {package.spec}: try it by hand, and give the file with --from")
    return found[0]


def check(package: Package, archive: Path) -> None:
    """Compare a tarball with the package's digest.

    Raises:
        DigestError: it is another file. InputError: it cannot be read.
    """
    digest, size_bytes = hashlib.sha512(), 0
    try:
        with archive.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                size_bytes += len(piece)
                if size_bytes > ARCHIVE_MAX_BYTES:
                    break
                digest.update(piece)
    except OSError as error:
        raise InputError(f"{archive} cannot be read: {error.strerror}") from error
    if size_bytes > ARCHIVE_MAX_BYTES or base64.b64encode(digest.digest()).decode() != package.sha512:
        raise DigestError(f"this is not {package.spec} as it is pinned here: nothing of it was unpacked")
