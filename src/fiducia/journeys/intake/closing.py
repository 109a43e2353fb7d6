"""Closing: what waits in the spool becomes registered studies, once nothing more of a study seems to come.

A study closes when nothing of it came for a while, or on command. What comes later is a revision of the same study.
An instance whose study cannot be registered (its patient is not in the directory, say) stays, and is tried again
when more of it comes, or on command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fiducia.core.dicom.spooled import Spooled
from fiducia.journeys.intake.spooled import RegisterSpooled
from fiducia.journeys.studies.register import Enroller
from fiducia.ports import Clock, Signer, Spool
from fiducia.records.images import Registration

QUIET_S = 30


@dataclass(frozen=True, slots=True)
class WaitingStudy:
    """Instances of one study that wait.

    Attributes:
        spool_ids: in the order in which they came.
        newest_at: when the last of them came, UTC Unix seconds.
        doors: through which doors.
        series: how many series.
        size_bytes: their files' lengths together.
    """

    spool_ids: tuple[bytes, ...]
    newest_at: int
    doors: tuple[str, ...]
    series: int
    size_bytes: int


class CloseStudies:
    """Register studies that wait.

    Example:
        ``CloseStudies(spool=spool, register=register_spooled, clock=clock).run(custodian=1, registrar=key)``
    """

    def __init__(self, *, spool: Spool, register: RegisterSpooled, clock: Clock, quiet_s: int = QUIET_S) -> None:
        self._spool = spool
        self._register = register
        self._clock = clock
        self._quiet_s = quiet_s
        self._tried: set[tuple[bytes, ...]] = set()

    def waiting(self) -> tuple[WaitingStudy, ...]:
        """Return what waits, study by study, in the order in which they came."""
        studies: dict[str, list[Spooled]] = {}
        for each in self._spool.all():
            if each.waiting:
                studies.setdefault(each.examined.info.study_instance_uid, []).append(each)
        return tuple(_study(instances) for instances in studies.values())

    def run(
        self, *, custodian: int, registrar: Signer, now: bool = False, enrol_new: Enroller | None = None
    ) -> Registration:
        """Register every study that is quiet, or all that wait.

        Args:
            custodian: the registering institution.
            registrar: a REGISTRAR key that it published.
            now: do not wait for quiet, and try again what could not be registered before.
            enrol_new: as in `RegisterStudies.run`.

        Returns:
            What was registered and what was not; empty when there was nothing to do.

        Raises:
            StoreError, VaultError, LedgerError: the same call finishes it later.
        """
        due = [study for study in self.waiting() if now or self._is_due(study)]
        ids = [spool_id for study in due for spool_id in study.spool_ids]
        if not ids:
            return Registration(())
        done = self._register.run(ids, custodian=custodian, registrar=registrar, enrol_new=enrol_new)
        # A study that was refused is so until more of it comes, or somebody does something about it and says so.
        self._tried = {study.spool_ids for study in self.waiting() if study in due or study.spool_ids in self._tried}
        return done

    def _is_due(self, study: WaitingStudy) -> bool:
        quiet = self._clock.now() - study.newest_at >= self._quiet_s
        return quiet and study.spool_ids not in self._tried


def _study(instances: Sequence[Spooled]) -> WaitingStudy:
    return WaitingStudy(
        spool_ids=tuple(each.spool_id for each in instances),
        newest_at=max(each.received_at for each in instances),
        doors=tuple(sorted({each.door for each in instances})),
        series=len({each.examined.info.series_instance_uid for each in instances}),
        size_bytes=sum(each.examined.info.size_bytes for each in instances),
    )
