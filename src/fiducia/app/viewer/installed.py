"""The installed viewer: a folder in the cache that is there whole or not at all.

What is served is a list that was made when the server started; a name that is not on it is not looked for, so no URL
leads out of the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fiducia.app.viewer import fetching, unpacking
from fiducia.app.viewer.package import OHIF, Package
from fiducia.errors import ConfigError

BASE = "/viewer/"
"""Where it stands; written into its scripts when they are unpacked."""
FORM = 1
"""Raised when what is unpacked, or how, changes: then it is installed anew."""
_MAIN = re.compile(r"app\.bundle\.[0-9a-f]{16}\.js", re.ASCII)
STYLE = "app.bundle.css"


@dataclass(frozen=True, slots=True)
class Viewer:
    """An installed viewer.

    Attributes:
        title: such as OHIF 3.13.2.
        files: every file, by its name below `BASE`.
        main: the name of the script that begins it.
    """

    title: str
    files: Mapping[str, Path]
    main: str


class Installation:
    """Where a viewer is, or is to be.

    Example:
        ``Installation(settings.cache_directory()).install(environment)``
    """

    def __init__(self, cache: Path, package: Package = OHIF) -> None:
        """Take the cache's directory; nothing is read or made before a method says so."""
        self.package = package
        self.directory = cache / "viewer" / f"{package.title.lower()}-{package.version}-{FORM}"

    @property
    def there(self) -> bool:
        """Whether it is installed."""
        return self.directory.is_dir()

    def viewer(self) -> Viewer:
        """Return what is installed. Raises: ConfigError (nothing, or something that is not whole)."""
        if not self.there:
            raise ConfigError("no viewer is installed: run `fiducia viewer install`")
        files = {str(path.relative_to(self.directory)): path for path in self.directory.rglob("*") if path.is_file()}
        main = [name for name in files if _MAIN.fullmatch(name)]
        if len(main) != 1 or STYLE not in files:
            raise ConfigError(f"the viewer is not whole: remove {self.directory} and run `fiducia viewer install`")
        return Viewer(f"{self.package.title} {self.package.version}", files, main[0])

    def install(self, environment: Mapping[str, str], archive: Path | None = None) -> bool:
        """Install it, or leave it as it is; return whether anything was done.

        It is unpacked beside its place and renamed, so an interrupted installation is never taken for a finished one.

        Args:
            environment: what npm gets; not needed with an archive.
            archive: the package's tarball, instead of asking npm for it.

        Raises:
            ConfigError: no npm, or no place. DigestError: another package. InputError: it cannot be unpacked.
        """
        if self.there:
            return False
        try:
            self.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            room = Path(tempfile.mkdtemp(prefix=".part-", dir=self.directory.parent))
        except OSError as error:
            raise ConfigError(f"{self.directory.parent} cannot be written: {error.strerror}") from error
        try:
            self._install(room, environment, archive)
        finally:
            shutil.rmtree(room, ignore_errors=True)
        return True

    def _install(self, room: Path, environment: Mapping[str, str], archive: Path | None) -> None:
        packed, unpacked = room / "packed", room / "unpacked"
        packed.mkdir()
        unpacked.mkdir(mode=0o700)
        found = archive if archive is not None else fetching.fetch(self.package, packed, environment)
        fetching.check(self.package, found)
        unpacking.unpack(found, unpacked, BASE)
        try:
            os.rename(unpacked, self.directory)
        except OSError as error:
            if not self.there:  # otherwise somebody else was quicker, with the same
                raise ConfigError(f"{self.directory} cannot be made: {error.strerror}") from error
