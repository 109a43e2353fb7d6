"""Scanning: every instance under some paths is read once, by its head, and sorted into studies.

Nothing is written but what is set aside for staff to look at. What was read of instances is kept in memory as far as
there is room, so that sealing need not read it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.grouping import Candidate, Grouping, group
from fiducia.errors import DicomError
from fiducia.journeys.shared.ahead import asked_ahead
from fiducia.journeys.studies.quarantine import SetAside, reasons
from fiducia.ports import Examiner, InstanceSource, Intake
from fiducia.records.images import IntakeProblem
from fiducia.records.intake import Defect, Note, Outcome

KEPT_MAX_BYTES = 16 << 20
"""How much is kept in memory of what was read of instances, so that sealing need not read it again."""
_KEPT_BYTES = 4096  # of an instance beside its attributes and its frame table

Found = InstanceSource | IntakeProblem


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan found.

    Attributes:
        grouping: the instances, by study and series.
        problems: what was not taken, in the order in which it was found.
        notes: what was noticed about those that were taken.
    """

    grouping: Grouping[InstanceSource]
    problems: list[IntakeProblem]
    notes: tuple[Note, ...]


class ScanHeads:
    """Read the heads of all that lies at some paths."""

    def __init__(
        self,
        *,
        intake: Intake,
        examiner: Examiner,
        set_aside: SetAside,
        identity_digest: Callable[[Candidate[InstanceSource]], bytes],
    ) -> None:
        """Take the ports, and the function that reads a whole file's identity digest, for those that came twice."""
        self._intake = intake
        self._examiner = examiner
        self._set_aside = set_aside
        self._identity_digest = identity_digest

    def run(self, paths: Sequence[str]) -> Scanned:
        """Scan. Raises: InputError: nothing to read; VaultError: what is to be set aside could not be."""
        problems: list[IntakeProblem] = []
        notes: dict[str, Note] = {}
        candidates: list[Candidate[InstanceSource]] = []
        room = _Room(KEPT_MAX_BYTES)
        for found, answer in asked_ahead(lambda found: self._asked(found, room), self._intake.find(paths)):
            if isinstance(found, IntakeProblem):
                problems.append(found)
                continue
            try:
                examined, kept = answer()
                self._require_accepted(found, examined)
            except DicomError as error:
                problems.append(IntakeProblem(found.where, error))
            else:
                _count(notes, examined.defects)
                numbers = (examined.series_number, examined.instance_number)
                candidates.append(
                    Candidate(found, examined.info, *numbers, examined.geometry, examined if kept else None)
                )
        grouping = group(candidates, self._identity_digest)
        problems += [IntakeProblem(refused.candidate.source.where, refused.error) for refused in grouping.refused]
        return Scanned(grouping, problems, tuple(notes.values()))

    def _asked(self, found: Found, room: _Room) -> Callable[[], tuple[Examined, bool]]:
        """Have an instance read; what comes back says whether it is kept, too."""
        if isinstance(found, IntakeProblem):
            return _nothing
        whole = room.reserve()
        answer = self._examiner.ask(found, whole=whole)
        return lambda: room.admit(answer) if whole else (answer(), False)

    def _require_accepted(self, source: InstanceSource, examined: Examined) -> None:
        """Raises: DicomError: it was set aside for staff to look at; VaultError: it could not be."""
        if examined.outcome is Outcome.QUARANTINED:
            aside = self._set_aside.run(source, self._examiner.describe(source), door="folder")
            raise DicomError(
                f"set aside as 0x{aside.spool_id.hex()}: {reasons(examined.defects)}; see `fiducia quarantine`"
            )


@dataclass(slots=True)
class _Room:
    """For what is kept: a little is reserved for each instance that is asked about whole, until its answer is there."""

    left_bytes: int
    reserved_bytes: int = field(default=0)

    def reserve(self) -> bool:
        """Return whether there is room."""
        if self.left_bytes <= self.reserved_bytes:
            return False
        self.reserved_bytes += _KEPT_BYTES
        return True

    def admit(self, answer: Callable[[], Examined]) -> tuple[Examined, bool]:
        """Return the answer, and whether there was still room for it when it came."""
        self.reserved_bytes -= _KEPT_BYTES
        examined = answer()
        if self.left_bytes <= 0:
            return examined, False
        self.left_bytes -= _KEPT_BYTES + len(examined.dicom_json) + len(examined.ranges)
        return examined, True


def _nothing() -> tuple[Examined, bool]:
    raise AssertionError("nobody asks about a problem")


def _count(notes: dict[str, Note], defects: Sequence[Defect]) -> None:
    for defect in defects:
        before = notes.get(defect.code, Note(defect.code, defect.detail, 0))
        notes[defect.code] = replace(before, instances=before.instances + 1)
