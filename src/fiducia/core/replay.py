"""Replaying the ledger's events: the contracts' storage, rebuilt from what they announced.

`State` takes events one by one, in order, and refuses what cannot follow from what came before. It
answers what journeys and doors ask, and builds the same `Facts` that the contracts would, so that a
broker decides the same way while the chain is silent. It reads nothing: a mirror feeds it. Whether a
recorded release was right is `core.audit`'s question. Source: design section 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fiducia.core import ids, policy
from fiducia.core.decision import VerifiedAccess
from fiducia.core.entries import GivenGrant, Member, PublishedKey, Study, Subject
from fiducia.core.entries import Revision as Revision
from fiducia.core.transitions import Storage, apply
from fiducia.errors import LedgerInconsistencyError
from fiducia.records.events import LedgerEvent, ReleaseDenied, ReleaseRecorded
from fiducia.records.ledger import Facts, GrantState, Head, KeyKind, StudyStatus
from fiducia.records.typed import Access, KeyRequest, StaffAccess

NO_HEAD = Head(0, bytes(32), 0)


class State:
    """The ledger as its events tell it, up to `head`. Not safe to change from two threads at once."""

    def __init__(self, events: Iterable[LedgerEvent] = ()) -> None:
        """Start empty, then apply `events`. Raises: LedgerInconsistencyError."""
        self._held = Storage()
        self._head = NO_HEAD
        self._place = (-1, -1)
        for event in events:
            self.apply(event)

    # -- feeding

    def apply(self, event: LedgerEvent) -> None:
        """Take the next event.

        Raises:
            LedgerInconsistencyError: out of order, unknown, or impossible after what came before; the
                state is then unchanged.
        """
        place = (event.block_number, event.log_index)
        if place <= self._place or event.time_at < self._head.time_at:
            raise LedgerInconsistencyError("an event stands before one that was already seen")
        apply(self._held, event)
        self._place = place
        if event.block_number > self._head.number:
            self._head = Head(event.block_number, bytes(32), event.time_at)

    def reach(self, head: Head) -> None:
        """Note that every event up to and including `head` was applied. Raises: LedgerInconsistencyError."""
        if head.number < self._head.number or head.time_at < self._head.time_at:
            raise LedgerInconsistencyError("the chain's head went backwards")
        self._head = head

    def copy(self) -> State:
        """Return a state of its own with the same content: change the one while others read the other."""
        twin = State()
        twin._held, twin._head, twin._place = self._held.copy(), self._head, self._place
        return twin

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
        return next((member.institution for member in self.members() if member.governor == governor), 0)

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

    # -- subjects and studies

    def subject(self, subject: bytes) -> Subject | None:
        """Return a subject, or None when it was never enrolled."""
        return self._held.subjects.get(subject)

    def subjects(self, custodian: int | None = None) -> tuple[Subject, ...]:
        """Return subjects, all or one custodian's, in the order of enrolment."""
        return tuple(entry for entry in self._held.subjects.values() if custodian in (None, entry.custodian))

    def signer_serves(self, signer_hash: bytes) -> bytes | None:
        """Return the subject that a patient's signer (keccak256 of its bytes) serves, or None."""
        return self._held.signers.get(signer_hash)

    def study(self, study_id: bytes) -> Study | None:
        """Return a study, or None when it was never anchored."""
        return self._held.studies.get(study_id)

    def studies(self, subject: bytes | None = None) -> tuple[Study, ...]:
        """Return studies, all or one subject's, in the order of their first anchor."""
        return tuple(study for study in self._held.studies.values() if subject in (None, study.subject))

    # -- grants and releases

    def grant(self, grant_id: bytes) -> GivenGrant | None:
        """Return a grant (or the tombstone of one that was never carried), or None."""
        return self._held.grants.get(grant_id)

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

    def live_grants_for(
        self, study_id: bytes, person: bytes, at: int | None = None, *, series: int = 0
    ) -> tuple[GivenGrant, ...]:
        """Return grants that a person could lean on at a time (UTC Unix seconds; default: the head's).

        `series` 0 asks for the whole study; a number also finds grants of that series alone.
        """
        now = self._head.time_at if at is None else at
        return tuple(
            entry
            for entry in self.grants_of_study(study_id, (series,))
            if entry.grant and policy.names(entry.grant, person) and self.is_live(entry, now)
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

    def release(self, request_id: bytes) -> ReleaseRecorded | None:
        """Return a recorded release, or None."""
        return self._held.releases.get(request_id)

    def releases(self, study_id: bytes | None = None) -> tuple[ReleaseRecorded, ...]:
        """Return recorded releases, all or one study's, in order."""
        return tuple(event for event in self._held.releases.values() if study_id in (None, event.study_id))

    def denials(self) -> Iterator[ReleaseDenied]:
        """Yield recorded denials in order."""
        return iter(self._held.denials)

    # -- deciding

    def facts(self, access: Access, verified: VerifiedAccess) -> Facts:
        """Build all facts about one request as of `head`; the same that the contracts would answer."""
        request = access.request
        institution, issuer_end, person = 0, 0, ids.NO_PERSON
        if isinstance(access, StaffAccess):
            badge = access.badge.badge
            institution, person = badge.institution, badge.person
            if verified.issuer is not None:
                issuer = ids.key_hash(KeyKind.ISSUER, verified.issuer)
                issuer_end = self.key_end(institution, KeyKind.ISSUER, issuer)
        return replace(self.facts_about(request, institution, person), issuer_end_at=issuer_end)

    def is_open(self, request: KeyRequest, at: int = 0) -> bool:
        """Tell whether a recorded release still stands as of `head`, or of `at` where that is later."""
        recorded = self.release(ids.request_id(request))
        if recorded is None:
            return False
        entry = self.grant(request.grant_id)
        return policy.is_open(
            request,
            self.facts_about(request, recorded.institution, request.person),
            recorded_epoch=recorded.badge_epoch,
            basis=entry.grant.basis if entry and entry.grant else 0,
            at=at,
        )

    def facts_about(self, request: KeyRequest, institution: int, person: bytes) -> Facts:
        """Build all facts but the badge's issuer (`issuer_end_at` 0), which only its signature tells.

        Args:
            request: what is asked.
            institution: the requester's; 0 for own access.
            person: the requester's 32-byte pseudonym; zeros for own access.
        """
        member = self.member(institution)
        study = self.study(request.study_id)
        revision = study.at(request.revision) if study else None
        subject = self.subject(study.subject) if study else None
        custodian = self.member(subject.custodian) if subject else None
        entry = self.grant(request.grant_id)
        recorded = self.release(ids.request_id(request))
        return Facts(
            head=self._head,
            institution_active=member is not None and member.active,
            institution_region=member.region if member else 0,
            issuer_end_at=0,
            badge_epoch=member.badge_epoch if member else 0,
            person_withdrawn=self.person_withdrawn(person),
            study_status=study.status if study else StudyStatus.UNKNOWN,
            study_subject=study.subject if study else bytes(20),
            study_revision=study.revision if study else 0,
            study_anchored_at=study.anchored_at if study else 0,
            revision_withdrawn=revision is not None and revision.withdrawn,
            grant_state=entry.state if entry else GrantState.UNKNOWN,
            grant_epoch=entry.grant.epoch if entry and entry.grant else 0,
            grant_expiry_at=entry.expiry_at if entry else 0,
            subject_epoch=subject.epoch if subject else 0,
            subject_restricted=subject is not None and subject.restricted,
            subject_signer_hash=subject.signer_hash if subject else bytes(32),
            custodian=subject.custodian if subject else 0,
            custodian_exports=custodian.exports if custodian else 0,
            recipient_end_at=self.key_end(institution, KeyKind.GATEWAY, request.recipient),
            request_recorded_at=recorded.time_at if recorded else 0,
            request_lapse_at=recorded.lapse_at if recorded else 0,
        )
