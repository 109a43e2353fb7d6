"""Whether what a home writes goes to a second place as well: decided by its plan, at every write.

Owns that running processes see a plan that changed, and the journey that ships. Where there is no plan, or it does not
follow, a write costs one look at a file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fiducia.adapters.copy_memory_file import FileCopyMemory
from fiducia.adapters.second_place_folder import FolderSecondPlace
from fiducia.app.copy_plan import CopyPlan, load_copy_plan
from fiducia.errors import ConfigError
from fiducia.journeys.backup.copying import DAY_S, CreateCopy, Segments, ShipChanges, held_until
from fiducia.ports import CopyMemory
from fiducia.records.copies import Change, Contents

if TYPE_CHECKING:
    from fiducia.app.wiring.parts import Parts

COPY_SIGNER = "backup/sign"
"""The private half of the key that signs copies, in the home's own vault."""

_Written = TypeVar("_Written")


class HomeShipping:
    """A `fiducia.adapters.copied.Shipping` for one home; thread-safe."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._ship: ShipChanges | None = None

    def run(self, write: Callable[[], _Written], told: Callable[[_Written], Sequence[Change]]) -> _Written:
        """Write, and ship where the plan says so."""
        ship = self._current()
        return write() if ship is None else ship.run(write, told)

    def _current(self) -> ShipChanges | None:
        try:
            found = self._parts.home.backup_file.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self._parts.home.backup_file} cannot be read: {error.strerror}") from error
        with self._lock:
            if self._seen != (found.st_ino, found.st_mtime_ns):
                plan = load_copy_plan(self._parts.home)
                self._ship = ship_changes(self._parts, plan) if plan and plan.follow else None
                self._seen = found.st_ino, found.st_mtime_ns
            return self._ship


def ship_changes(parts: Parts, plan: CopyPlan) -> ShipChanges:
    """Return the journey that ships this home's changes."""
    written = segments_of(parts, plan)

    def copy_whole() -> Contents:
        from fiducia.app.wiring.copies import CopySide  # which knows this module

        with CopySide(parts.home, parts.settings) as beside:  # parts of its own: ours may be in the middle of a write
            return CreateCopy(segments=written, sources=beside.copy_sources(), steps=parts.steps).alone()

    return ShipChanges(segments=written, copy_whole=copy_whole, steps=parts.steps)


def segments_of(parts: Parts, plan: CopyPlan) -> Segments:
    """Return who writes this home's segments. Raises: ConfigError (no second place), BackupError, KeyMissingError."""
    if not plan.place:
        raise ConfigError("no second place is named: `fiducia backup create --to FOLDER`")
    return Segments(
        place=FolderSecondPlace(Path(plan.place)),
        recovery=plan.recovery,
        signer=parts.plain_home_vault().get(COPY_SIGNER),
        memory=copy_memory(parts, plan),
        keep_s=plan.keep_days * DAY_S,
        clock=parts.clock,
        entropy=parts.entropy,
    )


def copy_memory(parts: Parts, plan: CopyPlan) -> CopyMemory:
    """Return what this home remembers of its copies at the plan's place."""
    return FileCopyMemory(parts.home.copied_file, plan.place)


def copies_hold_until(parts: Parts) -> int:
    """Return from when on no copy of this home holds what is in one now (UTC Unix seconds); 0 where none is made.

    Copies that others make of the disk or the database are those that the settings tell of.

    Raises:
        ConfigError, BackupError, VerificationError: the plan or the second place cannot be read: nothing is attested.
    """
    plan, days = load_copy_plan(parts.home), parts.settings.archive_days
    archived = parts.clock.now() + days * DAY_S if days else 0
    if plan is None or not plan.place:
        return archived
    return max(archived, held_until(FolderSecondPlace(Path(plan.place)), plan.recovery.signer))
