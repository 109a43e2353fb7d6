"""Looking a patient up in an emergency: a custodian tells a team which subject a patient ID is.

    1. verify two badges of different persons of one institution, against the last facts seen
    2. look into the directory, journal who asked and which subject it was   no identity is written anywhere
    3. answer: subject, epoch, studies; or UNKNOWN_PATIENT, after the same steps

The identity travels in the body alone: it is in no log, error or journal. Source: issue 4, design section 7.
"""

from __future__ import annotations

from fiducia.core import wire
from fiducia.core.emergencies import Team, check_look_up
from fiducia.core.replay import State
from fiducia.core.typed_data import Domains, hash_struct
from fiducia.errors import DeniedError, InputError, LedgerError
from fiducia.journeys.shared.subjects import freshest
from fiducia.ports import Clock, Journal, Mirror, Patients
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import StudyStatus
from fiducia.records.statements import FoundStudy, LookedUp, LookUpNote, SignedLookUp

LOOKED_UP = "looked_up"
NOBODY = bytes(20)


class LookUpPatient:
    """Answer the look-ups of emergency teams about the patients of one custodian.

    Example:
        ``LookUpPatient(mirror=mirror, patients=patients, journal=journal, clock=clock, domains=domains,
        custodian=1).run(signed)``
    """

    def __init__(
        self,
        *,
        mirror: Mirror,
        patients: Patients,
        journal: Journal,
        clock: Clock,
        domains: Domains,
        custodian: int,
    ) -> None:
        self._mirror = mirror
        self._patients = patients
        self._journal = journal
        self._clock = clock
        self._domains = domains
        self._custodian = custodian

    def run(self, asked: SignedLookUp) -> LookedUp:
        """Verify and answer. Raises as `verify` and `answer` do."""
        return self.answer(asked, self.verify(asked))

    def verify(self, asked: SignedLookUp) -> Team:
        """Return who asks, so that a door can count them before anything is looked up.

        Raises:
            InputError, SignatureError: not a look-up that a team signed for this custodian.
            DeniedError: REVIEW_OVERDUE.
        """
        try:
            return self._check(self._mirror.state(), asked)
        except (InputError, DeniedError):
            # The last facts seen may be too old to know the badge, or the review: look once more.
            try:
                fresh = self._mirror.catch_up()
            except LedgerError:
                fresh = None
            if fresh is None:
                raise
            return self._check(fresh, asked)

    def answer(self, asked: SignedLookUp, team: Team) -> LookedUp:
        """Look the identity up for a verified team; durable in the journal before the answer.

        Raises:
            DeniedError: UNKNOWN_PATIENT. JournalError, VaultError: not answered.
        """
        entry = self._patients.subject_of(asked.identity)
        state = freshest(self._mirror)  # who was enrolled a moment ago is known, too
        subject = state.subject(entry.subject) if entry else None
        studies = tuple(
            FoundStudy(study.study_id, study.revision, study.anchored_at)
            for study in state.studies(subject.subject if subject else NOBODY)
            if study.status is StudyStatus.ANCHORED
        )
        note = LookUpNote(subject.subject if subject else NOBODY, team.institution, team.first, team.second)
        self._journal.append(
            [JournalEntry(LOOKED_UP, self._clock.now(), hash_struct(asked.look_up), wire.encode(note).decode())]
        )
        if subject is None:
            raise DeniedError("UNKNOWN_PATIENT", "this hospital has enrolled no patient of that ID and issuer")
        return LookedUp(subject.subject, subject.custodian, subject.epoch, studies)

    def _check(self, state: State, asked: SignedLookUp) -> Team:
        return check_look_up(self._domains, state, asked, self._custodian, self._clock.now())
