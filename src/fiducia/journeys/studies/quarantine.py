"""Quarantine: instances that could be read and should not simply be taken, until staff decide.

What is set aside is sealed, listed, and neither registered nor handed on. Letting one through is a decision of the
custodian's staff about that very file, and stands in the journal before anything happens; so does deleting one.
Source: docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.spooled import Spooled
from fiducia.errors import DicomError, InputError, VaultError
from fiducia.ports import Clock, InstanceSource, Journal, Piece, Spool
from fiducia.records.images import JournalEntry
from fiducia.records.intake import Defect, Outcome

RELEASED, DELETED = "quarantine_released", "quarantine_deleted"
_READ_BYTES = 1 << 20


class SetAside:
    """Put an instance into quarantine, once.

    Example:
        ``SetAside(spool=spool, clock=clock).run(source, examined, door="folder")``
    """

    def __init__(self, *, spool: Spool, clock: Clock) -> None:
        self._spool = spool
        self._clock = clock

    def run(self, source: InstanceSource, examined: Examined, *, door: str) -> Spooled:
        """Keep it; the same bytes again are the one that is there.

        Args:
            source: where it lies.
            examined: all that it says of itself, and its defects.
            door: how it came in.

        Raises:
            DicomError: it cannot be read to its end. VaultError: it cannot be kept.
        """
        for known in self._spool.all():
            alike = (known.waiting, known.examined.info) == (False, examined.info)
            if alike and self._is_same(known, source):
                return known
        taken = self._spool.take(_pieces(source))
        if taken.size_bytes != examined.info.size_bytes:
            self._spool.remove([taken.spool_id])
            raise DicomError("the file became longer or shorter while it was being read: register it again")
        return self._spool.keep(
            taken, examined, waiting=False, door=door, at=self._clock.now(), defects=examined.defects
        )

    def _is_same(self, known: Spooled, source: InstanceSource) -> bool:
        with self._spool.open(known.spool_id) as kept, source.open() as found:
            while True:
                a, b = kept.read(_READ_BYTES), found.read(_READ_BYTES)
                if a != b or not a:
                    return a == b


class Quarantine:
    """What is set aside, and what staff decide about it.

    Example:
        ``Quarantine(spool=spool, journal=journal, clock=clock).release([spool_id])``
    """

    def __init__(self, *, spool: Spool, journal: Journal, clock: Clock) -> None:
        self._spool = spool
        self._journal = journal
        self._clock = clock

    def run(self) -> tuple[Spooled, ...]:
        """Return what is in quarantine, and what waits to be registered."""
        return self._spool.all()

    def release(self, spool_ids: Sequence[bytes]) -> None:
        """Let instances through, to be registered; what was let through before stays so.

        Raises:
            InputError: one of them is not there. JournalError: nothing was done.
        """
        held = [each for each in self._known(spool_ids) if not each.waiting]
        self._note(RELEASED, [each.spool_id for each in held])
        for each in held:
            self._spool.release(each.spool_id)

    def delete(self, spool_ids: Sequence[bytes]) -> None:
        """Destroy instances, also those that were altered and can only be deleted.

        Raises:
            InputError: one of them is not there. JournalError: nothing was done.
        """
        known = list(dict.fromkeys(spool_ids))
        if not all(map(self._is_there, known)):
            raise _unknown()
        self._note(DELETED, known)
        self._spool.remove(known)

    def _known(self, spool_ids: Sequence[bytes]) -> list[Spooled]:
        found = [self._spool.find(spool_id) for spool_id in dict.fromkeys(spool_ids)]
        if None in found:
            raise _unknown()
        return [each for each in found if each is not None]

    def _is_there(self, spool_id: bytes) -> bool:
        try:
            return self._spool.find(spool_id) is not None
        except VaultError:
            return True

    def _note(self, kind: str, spool_ids: Sequence[bytes]) -> None:
        if spool_ids:
            now = self._clock.now()
            self._journal.append([JournalEntry(kind, now, spool_id) for spool_id in spool_ids])


def _unknown() -> InputError:
    return InputError("no such instance is in quarantine; see `fiducia quarantine list`")


def reasons(defects: Sequence[Defect]) -> str:
    """Return the details of all defects for which an instance was set aside."""
    return "; ".join(defect.detail for defect in defects if defect.outcome is Outcome.QUARANTINED)


def _pieces(source: InstanceSource) -> Iterator[Piece]:
    with source.open() as stream:
        while piece := stream.read(_READ_BYTES):
            yield piece
