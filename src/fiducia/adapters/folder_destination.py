"""A folder that fetched studies go to, whole or not at all.

Instances are staged in a hidden sibling of the folder (same file system, mode 0700) and shown by renaming:
the whole folder when it did not exist, else series by series. Files already there are never overwritten:
equal ones are left, different ones refuse the whole publication before anything moved.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from fiducia.errors import InputError
from fiducia.ports import Piece


class FolderDestination:
    """`out/series-N/instance-N.dcm`, staged in `.out.fiducia-<label>` beside it."""

    def __init__(self, out: Path, label: str) -> None:
        """Take the final folder, and a label that tells apart fetches into one folder (file name safe)."""
        self._out = out.absolute()
        self._staging = self._out.parent / f".{self._out.name}.fiducia-{label}"

    def staged(self, series: int, instance: int) -> BinaryIO | None:
        """Open what an interrupted run staged, or None."""
        try:
            return self._path(series, instance).open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(error) from error

    def stage(self, series: int, instance: int, pieces: Iterable[Piece]) -> None:
        """Write one instance beside its name, then rename it: a name means a whole file."""
        path = self._path(series, instance)
        partial = path.with_suffix(".partial")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with partial.open("wb", buffering=0) as file:
                    for piece in pieces:
                        _write_all(file, memoryview(piece))
                partial.rename(path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _unusable(error) from error

    def publish(self) -> None:
        """Show everything; durable when this returns."""
        if not self._staging.exists():
            return
        try:
            self._sync()
            if not self._out.exists():
                self._staging.rename(self._out)
            else:
                self._merge()
            _sync_folder(self._out.parent)
        except OSError as error:
            raise _unusable(error) from error

    def discard(self) -> None:
        """Remove what was staged."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def _merge(self) -> None:
        moves = []
        for series in sorted(self._staging.iterdir()):
            target = self._out / series.name
            if not target.exists():
                moves.append((series, target))
            elif not _same(series, target):
                raise InputError(f"{target} holds other files already; give another --out")
        for series, target in moves:
            series.rename(target)
        self.discard()
        _sync_folder(self._out)

    def _sync(self) -> None:
        for folder, _, files in os.walk(self._staging):
            for name in files:
                descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            _sync_folder(Path(folder))

    def _path(self, series: int, instance: int) -> Path:
        return self._staging / f"series-{series}" / f"instance-{instance}.dcm"


def _same(one: Path, other: Path) -> bool:
    names = sorted(os.listdir(one))
    return names == sorted(os.listdir(other)) and not any(filecmp.cmpfiles(one, other, names, shallow=False)[1:])


def _write_all(file: BinaryIO, view: memoryview) -> None:
    while view:
        view = view[file.write(view) :]


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(error: OSError) -> InputError:
    return InputError(f"the output folder cannot be written: {error.strerror}; give another --out or make room")
