"""Replaying the ledger's events: the contracts' storage, rebuilt from what they announced.

`State` takes events one by one, in order, and refuses what cannot follow from what came before. It
answers what journeys and doors ask (`core.answers`), and builds the same `Facts` that the contracts would, so that a
broker decides the same way while the chain is silent. It reads nothing: a mirror feeds it. Whether a
recorded release was right is `core.audit`'s question. Source: design section 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fiducia.core import ids, policy, rules
from fiducia.core.answers import Answers
from fiducia.core.decision import LateFacts, VerifiedAccess
from fiducia.core.entries import Revision as Revision
from fiducia.core.transitions import Storage, apply
from fiducia.errors import LedgerInconsistencyError
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import Facts, GrantState, Head, KeyKind, StudyStatus
from fiducia.records.typed import Access, KeyRequest, StaffAccess

NO_HEAD = Head(0, bytes(32), 0)


class State(Answers):
    """The ledger as its events tell it, up to `head`. Not safe to change from two threads at once."""

    def __init__(self, events: Iterable[LedgerEvent] = ()) -> None:
        """Start empty, then apply `events`. Raises: LedgerInconsistencyError."""
        super().__init__(Storage(), NO_HEAD)
        self._place = (-1, -1)
        for event in events:
            self.apply(event)

    # -- feeding

    def apply(self, event: LedgerEvent) -> None:
        """Take the next event.

        Raises:
            LedgerInconsistencyError: out of order, unknown, or impossible after what came before
                (SequenceGapError: a number was skipped or repeated); the state is then unchanged.
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

    # -- deciding

    def facts(self, access: Access, verified: VerifiedAccess, at: int | None = None) -> Facts:
        """Build all facts about one request as of `head`; the same that the contracts would answer.

        `at` (UTC Unix seconds; default: the head's) is when whoever asks for an own access must have the power.
        """
        request = access.request
        if isinstance(access, StaffAccess):
            badge, issuer_end = access.badge.badge, 0
            if verified.issuer is not None:
                issuer = ids.key_hash(KeyKind.ISSUER, verified.issuer)
                issuer_end = self.key_end(badge.institution, KeyKind.ISSUER, issuer)
            return replace(self.facts_about(request, badge.institution, badge.person), issuer_end_at=issuer_end)
        facts = self.facts_about(request, 0, ids.NO_PERSON)
        asking = self.authority(facts.study_subject, ids.signer_hash(access.approval.signer), at)
        if not asking.may(rules.Power.ACCESS):
            return facts
        return replace(facts, own_purposes=asking.purposes, own_end_at=asking.end_at)

    def late_facts(self, request: KeyRequest, trustee: bytes | None) -> LateFacts:
        """Build what a late release needs beyond its `facts`.

        Args:
            request: what was asked while the chain stalled.
            trustee: the 20-byte address that signed the hand-over; None for a signature in no accepted form.
        """
        study = self.study(request.study_id)
        review = self.review(request.grant_id)
        key = None if study is None or trustee is None else ids.key_hash(KeyKind.BROKER_SIGN, trustee)
        return LateFacts(
            review_due_at=review.due_at if review else 0,
            trustee_end_at=self.key_end(study.custodian, KeyKind.BROKER_SIGN, key) if study and key else 0,
        )

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
        """Build all facts but whose badge it is and who asks for own access, which only signatures tell.

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
        recorded_at, lapse_at = self.recorded(ids.request_id(request))
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
            own_purposes=0,
            own_end_at=0,
            custodian=subject.custodian if subject else 0,
            custodian_exports=custodian.exports if custodian else 0,
            recipient_end_at=self.key_end(institution, KeyKind.GATEWAY, request.recipient),
            request_recorded_at=recorded_at,
            request_lapse_at=lapse_at,
        )
