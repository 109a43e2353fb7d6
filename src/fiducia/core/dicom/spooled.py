"""An instance that came through a door and is not registered yet."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fiducia.core.dicom.examination import Examined
from fiducia.records.intake import Defect


@dataclass(frozen=True, slots=True)
class Taken:
    """An instance whose bytes are in a spool, and which nobody has looked at yet."""

    spool_id: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Spooled:
    """One instance in a spool.

    Attributes:
        spool_id: 16 random bytes; what staff name it by.
        waiting: whether it waits to be registered; else it is in quarantine until staff release or delete it.
        received_at: UTC Unix seconds.
        door: how it came in, such as "folder"; nothing about whom it is about.
        examined: what it says of itself.
        defects: why it is in quarantine, and what else was noted.
    """

    spool_id: bytes
    waiting: bool
    received_at: int
    door: str
    examined: Examined
    defects: tuple[Defect, ...] = ()

    def listed(self) -> Spooled:
        """Return it without its attributes and frame table, which are most of it and only sealing takes."""
        return replace(self, examined=replace(self.examined, dicom_json=b"", ranges=b""))
