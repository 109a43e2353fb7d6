"""Receiving: an instance that a PACS pushes, from the first byte until it waits to be registered.

    1. seal it into the spool                   a crash leaves bytes that nobody opens
    2. read it behind the wall                   refused: destroyed, and the sender is told why
    3. keep it: waiting, or set aside for staff  from here on it is durable, and the sender may be told so

Whatever the door, what follows is the same journey: `closing` registers what waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.spooled import Spooled, Taken
from fiducia.errors import DicomError
from fiducia.journeys.studies.quarantine import reasons
from fiducia.ports import Clock, Examiner, Piece, Spool, Steps
from fiducia.records.intake import Outcome


class SetAsideError(DicomError):
    """The instance was received and is in quarantine: it is kept, and not registered before staff say so."""

    def __init__(self, spooled: Spooled) -> None:
        super().__init__(f"set aside for staff to look at: {reasons(spooled.defects)}")
        self.spooled = spooled


@dataclass(frozen=True, slots=True)
class _TakenSource:
    """An `InstanceSource` over what was taken."""

    taken: Taken
    spool: Spool

    @property
    def where(self) -> str:
        """Nothing that says anything about it."""
        return f"0x{self.taken.spool_id.hex()}"

    @property
    def size_bytes(self) -> int:
        """How many bytes came."""
        return self.taken.size_bytes

    def open(self) -> BinaryIO:
        """Open it."""
        return self.spool.open(self.taken.spool_id)


class ReceiveInstance:
    """Take one instance from a door.

    Example:
        ``ReceiveInstance(spool=spool, examiner=examiner, clock=clock, steps=steps).run(pieces, door="stow")``
    """

    def __init__(self, *, spool: Spool, examiner: Examiner, clock: Clock, steps: Steps) -> None:
        self._spool = spool
        self._examiner = examiner
        self._clock = clock
        self._steps = steps

    def run(self, pieces: Iterable[Piece], *, door: str, study_instance_uid: str = "") -> Spooled:
        """Receive it; durable when this returns.

        Args:
            pieces: a Part 10 file, whole, in order; bounded by whoever gives them.
            door: which door it came through, such as "stow"; kept with it.
            study_instance_uid: the only study that the sender announced, or "".

        Raises:
            DicomError: it is refused, and nothing of it was kept; `SetAsideError`: it is kept for staff to look at.
            VaultError: it could not be kept. And what `pieces` raises.
        """
        taken = self._spool.take(pieces)
        self._steps.reached("receive.taken")
        try:
            examined = self._examiner.describe(_TakenSource(taken, self._spool))
            _require(examined, study_instance_uid)
        except BaseException:
            self._spool.remove([taken.spool_id])
            raise
        aside = examined.outcome is Outcome.QUARANTINED
        kept = self._spool.keep(
            taken, examined, waiting=not aside, door=door, at=self._clock.now(), defects=examined.defects
        )
        self._steps.reached("receive.kept")
        if aside:
            raise SetAsideError(kept)
        return kept


def _require(examined: Examined, study_instance_uid: str) -> None:
    if study_instance_uid and examined.info.study_instance_uid != study_instance_uid:
        raise DicomError("the instance is of another study than the one that was announced")
