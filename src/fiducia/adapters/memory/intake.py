"""Instances that are held in memory, for tests; same duties as the one over files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from fiducia.errors import DicomError, InputError
from fiducia.records.images import IntakeProblem

Files = Mapping[str, "bytes | InputError"]


@dataclass(frozen=True, slots=True)
class MemorySource:
    """One file of the mapping; opened anew from what the mapping holds then."""

    where: str
    size_bytes: int
    files: Files

    def open(self) -> BinaryIO:
        """Open it for reading. Raises: DicomError (gone, changed)."""
        data = self.files.get(self.where)
        if not isinstance(data, bytes):
            raise DicomError("the file is gone: register it again")
        if len(data) != self.size_bytes:
            raise DicomError("the file changed while it was being read: register it again")
        return io.BytesIO(data)


class MemoryIntake:
    """An `Intake` over a mapping from slash-separated names to bytes, or to why they cannot be taken."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def find(self, paths: Sequence[str]) -> Iterator[MemorySource | IntakeProblem]:
        """Yield the files of these names or folders, sorted. Raises: InputError (no such name, or none)."""
        names: dict[str, None] = {}
        for path in paths:
            folder = path.rstrip("/") + "/"
            found = [name for name in sorted(self._files) if name == path or name.startswith(folder)]
            if not found:
                raise InputError(f"there is nothing at {path}: check the path")
            names.update(dict.fromkeys(found))
        if not names:
            raise InputError("there is nothing to read: give at least one file or folder")
        for name in names:
            data = self._files[name]
            if isinstance(data, bytes):
                yield MemorySource(name, len(data), self._files)
            else:
                yield IntakeProblem(name, data)
