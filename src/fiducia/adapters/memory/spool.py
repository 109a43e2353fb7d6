"""A spool that forgets when the process ends; same duties as the one in a folder otherwise."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import BinaryIO

from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.spooled import Spooled, Taken
from fiducia.errors import DicomError
from fiducia.ports import Piece
from fiducia.records.intake import Defect


class MemorySpool:
    """A `Spool` in a dict."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Spooled] = {}
        self._files: dict[bytes, bytes] = {}
        self._came = 0

    def take(self, pieces: Iterable[Piece]) -> Taken:
        """Hold an instance's file; see `fiducia.ports.Spool.take`."""
        data = b"".join(bytes(piece) for piece in pieces)
        self._came += 1
        taken = Taken(self._came.to_bytes(16, "big"), len(data))
        self._files[taken.spool_id] = data
        return taken

    def keep(
        self, taken: Taken, examined: Examined, *, waiting: bool, door: str, at: int, defects: Sequence[Defect]
    ) -> Spooled:
        """Make a taken instance count; see `fiducia.ports.Spool.keep`."""
        spooled = Spooled(taken.spool_id, waiting, at, door, examined, tuple(defects))
        self._kept[spooled.spool_id] = spooled
        return spooled

    def find(self, spool_id: bytes) -> Spooled | None:
        """Return one, by its id; see `fiducia.ports.Spool.find`."""
        return self._kept.get(spool_id)

    def all(self) -> tuple[Spooled, ...]:
        """Return all, in the order in which they came; see `fiducia.ports.Spool.all`."""
        return tuple(self._kept[spool_id].listed() for spool_id in sorted(self._kept))

    def open(self, spool_id: bytes) -> BinaryIO:
        """Open an instance's file; see `fiducia.ports.Spool.open`."""
        if spool_id not in self._files:
            raise DicomError("the instance is not in the spool any more")
        return io.BytesIO(self._files[spool_id])

    def release(self, spool_id: bytes) -> bool:
        """Let an instance out of quarantine; see `fiducia.ports.Spool.release`."""
        found = self.find(spool_id)
        if found is None or found.waiting:
            return False
        self._kept[spool_id] = replace(found, waiting=True)
        return True

    def remove(self, spool_ids: Sequence[bytes]) -> None:
        """Destroy instances; see `fiducia.ports.Spool.remove`."""
        for spool_id in spool_ids:
            self._kept.pop(spool_id, None)
            self._files.pop(spool_id, None)
