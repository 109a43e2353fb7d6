"""What a replayed ledger answers about itself: members, patients, studies, grants, reviews, releases.

Reading only: `core.replay.State` feeds it and decides from it. Times that are not given are the head's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fiducia.core import policy, rules
from fiducia.core.entries import (
    FOREVER,
    Authority,
    GivenGrant,
    Member,
    PatientSigner,
    PublishedKey,
    Representative,
    Review,
    Study,
    Subject,
)
from fiducia.core.transitions import Storage
from fiducia.records.events import ReleaseDenied, ReleaseRecorded, ReleaseRecordedLate
from fiducia.records.ledger import GrantState, Head, KeyKind


class Answers:
    """Questions about a replayed storage at its head."""

    def __init__(self, held: Storage, head: Head) -> None:
        self._held = held
        self._head = head

    @property
    def head(self) -> Head:
        """The newest block that was reached; its hash is zeros while only events told of it."""
        return self._head

    # -- members

    def member(self, institution: int) -> Member | None:
        """Return an institution, or None for a number that was never given."""
        return self._held.members.get(institution)

    def members(self) -> tuple[Member, ...]:
        """Return every institution, by number."""
        return tuple(self._held.members.values())

    @property
    def round(self) -> int:
        """The round that the next vote of the governors must name."""
        return self._held.round

    def governed_by(self, governor: bytes) -> int:
        """Return the institution that an address (20 bytes) governs, or 0."""
        return self._held.governors.get(governor, 0)

    def keys(self, institution: int | None = None, kind: KeyKind | None = None) -> tuple[PublishedKey, ...]:
        """Return published keys, ended ones too, in the order of publication."""
        return tuple(
            key
            for key in self._held.keys.values()
            if institution in (None, key.institution) and kind in (None, key.kind)
        )

    def key(self, institution: int, kind: KeyKind, at: int | None = None) -> PublishedKey | None:
        """Return the newest key of a kind that is live at a time (UTC Unix seconds; default: the head's)."""
        now = self._head.time_at if at is None else at
        live = [key for key in self.keys(institution, kind) if now < key.not_after]
        return live[-1] if live else None

    def key_end(self, institution: int, kind: KeyKind, key_hash: bytes) -> int:
        """Return a key's end in UTC Unix seconds, or 0 when it was never published."""
        key = self._held.keys.get((institution, kind, key_hash))
        return key.not_after if key else 0

    def person_withdrawn(self, person: bytes) -> bool:
        """Tell whether a person was withdrawn."""
        return person in self._held.withdrawn

    # -- subjects

    def subject(self, subject: bytes) -> Subject | None:
        """Return a subject, or None when it was never enrolled."""
        return self._held.subjects.get(subject)

    def subjects(self, custodian: int | None = None) -> tuple[Subject, ...]:
        """Return subjects, all or one custodian's, in the order of enrolment."""
        return tuple(entry for entry in self._held.subjects.values() if custodian in (None, entry.custodian))

    def signer_serves(self, signer_hash: bytes) -> bytes | None:
        """Return the subject that a patient's signer (keccak256 of its bytes), current or former, serves, or None."""
        signer = self._held.signers.get(signer_hash)
        return signer.subject if signer else None

    def signers(self, subject: bytes) -> tuple[PatientSigner, ...]:
        """Return a subject's signers, former ones and the current one, in order of their indexes."""
        return tuple(signer for signer in self._held.signers.values() if signer.subject == subject)

    def representative(self, subject: bytes, representative: bytes) -> Representative | None:
        """Return an appointment, begun, ended or not, or None: never made, vetoed or dismissed.

        Args:
            subject: 20 bytes.
            representative: keccak256 of the representative's signer bytes.
        """
        return self._held.representatives.get((subject, representative))

    def representatives(self, subject: bytes, at: int | None = None) -> tuple[Representative, ...]:
        """Return a subject's representatives that are live at a time (UTC Unix seconds; default: the head's)."""
        now = self._head.time_at if at is None else at
        return tuple(entry for entry in self.appointments(subject) if entry.is_live(now))

    def appointments(self, subject: bytes) -> tuple[Representative, ...]:
        """Return a subject's appointments, waiting, live and ended ones."""
        return tuple(entry for entry in self._held.representatives.values() if entry.subject == subject)

    def represented(self, representative: bytes, at: int | None = None) -> tuple[Representative, ...]:
        """Return the live appointments of one representative (keccak256 of its signer bytes), over all subjects."""
        now = self._head.time_at if at is None else at
        found = self._held.representatives.values()
        return tuple(entry for entry in found if entry.representative == representative and entry.is_live(now))

    def authority(self, subject: bytes, signer_hash: bytes, at: int | None = None) -> Authority:
        """Return what somebody may do for a subject at a time (UTC Unix seconds; default: the head's).

        Args:
            subject: 20 bytes.
            signer_hash: keccak256 of the signer bytes.
            at: when.
        """
        now = self._head.time_at if at is None else at
        entry, serves = self.subject(subject), self.signer_serves(signer_hash) == subject
        if serves and entry is not None and signer_hash == entry.signer_hash:
            return Authority(True, False, rules.ALL_POWERS, rules.ALL_PURPOSES, FOREVER)
        appointed = self.representative(subject, signer_hash)
        if appointed is None or not appointed.is_live(now):
            return Authority(former=serves)
        return Authority(False, serves, appointed.powers, appointed.purposes, appointed.not_after)

    # -- studies

    def study(self, study_id: bytes) -> Study | None:
        """Return a study, or None when it was never anchored."""
        return self._held.studies.get(study_id)

    def studies(self, subject: bytes | None = None) -> tuple[Study, ...]:
        """Return studies, all or one subject's, in the order of their first anchor."""
        if subject is None:
            return tuple(self._held.studies.values())
        return tuple(self._held.studies[study_id] for study_id in self._held.studies_by_subject.get(subject, ()))

    # -- grants

    def grant(self, grant_id: bytes) -> GivenGrant | None:
        """Return a grant (or the tombstone of one that was never carried), or None."""
        return self._held.grants.get(grant_id)

    def grants(self) -> tuple[GivenGrant, ...]:
        """Return every grant, revoked and ended ones too, in order."""
        return tuple(self._held.grants.values())

    def grants_of_subject(self, subject: bytes) -> tuple[GivenGrant, ...]:
        """Return every grant of a subject, revoked and ended ones too, in order."""
        return tuple(self._held.grants[grant_id] for grant_id in self._held.grants_by_subject.get(subject, ()))

    def grants_of_study(self, study_id: bytes, series: Iterable[int] = ()) -> tuple[GivenGrant, ...]:
        """Return every grant that covers a study, whole or in one of the given series numbers, in order."""
        study = self.study(study_id)
        if study is None:
            return ()
        numbers = (0, *series)
        return tuple(
            entry
            for entry in self.grants_of_subject(study.subject)
            if entry.grant and any(policy.covers(entry.grant, study_id, n, study.anchored_at) for n in numbers)
        )

    def is_live(self, entry: GivenGrant, at: int | None = None) -> bool:
        """Tell whether a grant stands at a time: given, not revoked, in its window and the current epoch."""
        now = self._head.time_at if at is None else at
        subject = self.subject(entry.subject)
        return (
            entry.state == GrantState.LIVE
            and entry.grant is not None
            and subject is not None
            and entry.grant.epoch == subject.epoch
            and entry.grant.not_before <= now < entry.expiry_at
        )

    # -- reviews of emergencies

    def review(self, grant_id: bytes) -> Review | None:
        """Return the review of an emergency, owed or filed, or None when none was ever owed."""
        return self._held.reviews.get(grant_id)

    def reviews(self) -> tuple[Review, ...]:
        """Return every review, filed ones too, in the order in which the emergencies were opened."""
        return tuple(self._held.reviews.values())

    def reviews_owed(self, institution: int) -> tuple[Review, ...]:
        """Return what an institution has not filed yet, the one that is due first at first."""
        return tuple(self._held.reviews[grant_id] for grant_id in self._held.owed.get(institution, ()))

    def overdue_review(self, institution: int, at: int | None = None) -> Review | None:
        """Return the oldest review that an institution should have filed, or None when none is overdue.

        Args:
            institution: its number.
            at: UTC Unix seconds; default: the head's.
        """
        now = self._head.time_at if at is None else at
        oldest = next(iter(self.reviews_owed(institution)), None)
        return oldest if oldest is not None and oldest.due_at <= now else None

    # -- releases

    def recorded(self, request_id: bytes) -> tuple[int, int]:
        """Return when a request was recorded, in time or late, and when it lapses; zeros when it never was."""
        if late := self.late_release(request_id):
            return late.time_at, late.time_at  # never open
        release = self.release(request_id)
        return (release.time_at, release.lapse_at) if release else (0, 0)

    def release(self, request_id: bytes) -> ReleaseRecorded | None:
        """Return a release that was recorded in time, or None."""
        return self._held.releases.get(request_id)

    def releases(self, study_id: bytes | None = None) -> tuple[ReleaseRecorded, ...]:
        """Return releases that were recorded in time, all or one study's, in order."""
        return tuple(event for event in self._held.releases.values() if study_id in (None, event.study_id))

    def late_release(self, request_id: bytes) -> ReleaseRecordedLate | None:
        """Return a hand-over that was recorded afterwards, or None."""
        return self._held.late_releases.get(request_id)

    def late_releases(self, study_id: bytes | None = None) -> tuple[ReleaseRecordedLate, ...]:
        """Return hand-overs that were recorded afterwards, all or one study's, in order."""
        return tuple(event for event in self._held.late_releases.values() if study_id in (None, event.study_id))

    def denials(self) -> Iterator[ReleaseDenied]:
        """Yield recorded denials in order."""
        return iter(self._held.denials)
