"""What is remembered of logs, as copies hold it: told whole, followed change by change, restored.

A logbook is told as it was at the first step. Told before the journals, its checkpoints are then over entries that the
copy has: a log restored from it does not look like one that was cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from fiducia.adapters import custody_changes as changes
from fiducia.adapters.copied import Shipping
from fiducia.adapters.copy_sources import Bulk
from fiducia.core.copies.changes import batches
from fiducia.errors import ConfigError, JournalError, LogConflictError, VaultError
from fiducia.ports import Logbook
from fiducia.records.copies import Change
from fiducia.records.journal import KeptCheckpoint

_AT_ONCE = 200


class BulkLogbook(Logbook, Bulk, Protocol):
    """A logbook of our own."""


class LogbookSource:
    """A logbook as a `fiducia.ports.CopySource`."""

    grows = True

    def __init__(self, name: str, logbook: BulkLogbook) -> None:
        self._name = name
        self._logbook = logbook

    def dump(self) -> Iterator[Change]:
        """Yield all checkpoints, then all evidence, as they were at the first step. Raises: JournalError."""
        checkpoints, evidence = self._logbook.all(), self._logbook.evidence()
        for kept in batches(checkpoints, _AT_ONCE, lambda each: len(each.note)):
            yield changes.keep(self._name, kept)
        for some in batches(evidence, _AT_ONCE, len):
            yield changes.accuse(self._name, some)

    def apply(self, taken: Sequence[Change]) -> None:
        """Keep what is newer than what is here, and all evidence. Raises: JournalError, VaultError, EncodingError."""
        with self._logbook.together():
            for step in (each for change in taken for each in changes.logbook_steps(change)):
                if isinstance(step, bytes):
                    self._logbook.accuse(step)
                else:
                    self._keep(step)

    def _keep(self, kept: KeptCheckpoint) -> None:
        newest = self._logbook.newest(kept.origin)
        if newest is not None and newest.size > kept.size:
            return  # a restore that was cut off had come further
        try:
            self._logbook.keep(kept, newest.size if newest else 0)
        except LogConflictError as error:
            raise JournalError("a log is remembered otherwise here than in the copy: restore an empty home") from error


class CopiedLogbook:
    """A `fiducia.ports.Logbook` in both places: nobody sees a checkpoint before it is there, too."""

    def __init__(self, name: str, logbook: Logbook, shipping: Shipping) -> None:
        self._name = name
        self._logbook = logbook
        self._shipping = shipping

    def newest(self, origin: str) -> KeptCheckpoint | None:
        """See `Logbook.newest`."""
        return self._logbook.newest(origin)

    def all(self) -> tuple[KeptCheckpoint, ...]:
        """See `Logbook.all`."""
        return self._logbook.all()

    def keep(self, kept: KeptCheckpoint, old_size: int) -> None:
        """See `Logbook.keep`."""

        def write() -> Sequence[Change]:
            self._logbook.keep(kept, old_size)
            return [changes.keep(self._name, [kept])]

        self._ship(write)

    def accuse(self, evidence: bytes) -> None:
        """See `Logbook.accuse`; the same again is not shipped again, however often a liar repeats it."""

        def write() -> Sequence[Change]:
            if evidence in self._logbook.evidence():
                return []
            self._logbook.accuse(evidence)
            return [changes.accuse(self._name, [evidence])]

        self._ship(write)

    def evidence(self) -> tuple[bytes, ...]:
        """See `Logbook.evidence`."""
        return self._logbook.evidence()

    def _ship(self, write: Callable[[], Sequence[Change]]) -> None:
        try:
            self._shipping.run(write, lambda written: written)
        except (VaultError, ConfigError) as error:
            raise JournalError(f"what is remembered of logs is not in both places: {error}") from error
