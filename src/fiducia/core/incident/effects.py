"""What came of it since a time: releases, hand-overs, grants, enrolments, anchors, shares, look-ups, keys.

Over-inclusive where the ledger does not say who signed: all of an institution's enrolments count for its REGISTRAR
key, all of its staff's releases for its ISSUER key. Shares count whenever they were dealt: they lay there since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fiducia.core import ids, wire
from fiducia.core.answers import Answers
from fiducia.core.entries import GivenGrant, Representative, Study
from fiducia.core.incident.affected import (
    AffectedAnchor,
    AffectedGrant,
    AffectedLookUp,
    AffectedRelease,
    AffectedShare,
    Effects,
)
from fiducia.core.incident.exposure import Exposure, subjects_of_signer
from fiducia.core.keys.custody import CustodyRule
from fiducia.core.rules import Basis
from fiducia.records.events import ReleaseRecorded, ReleaseRecordedLate
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import KeyKind
from fiducia.records.statements import LateEmergency, LateHandOver, LookUpNote
from fiducia.records.typed import StaffAccess

HANDED_OVER, LATE, LOOKED_UP, READ = "handed_over", "late_handed_over", "looked_up", "gateway_read"
LATE_SHARE = "late_share_handed_over"
JOURNALLED = (HANDED_OVER, LATE, LATE_SHARE, LOOKED_UP, READ)
"""Kinds of journal entries that say more than the ledger does."""

_CUSTODIANS_STAFF = (Basis.PAPER, Basis.CARE, Basis.LAW)


class Search:
    """Looks for effects in one state.

    Args:
        state: the replayed ledger.
        exposure: what somebody else has.
        since: UTC Unix seconds.
        journal: a custodian's entries of the kinds in `JOURNALLED`; none for who has no journal.
        custodies: by which each study was and is dealt, one rule per revision; a study that is missing counts.
    """

    def __init__(
        self,
        state: Answers,
        exposure: Exposure,
        since: int,
        journal: Sequence[JournalEntry],
        custodies: Mapping[bytes, tuple[CustodyRule, ...]],
    ) -> None:
        self._state = state
        self._what = exposure
        self._since = since
        self._custodies = custodies
        self._patients = {subject for each in exposure.signers for subject in subjects_of_signer(state, each)}
        self._journal = journal
        self._handed = {
            entry.subject_id: entry.at for entry in journal if entry.kind in (HANDED_OVER, LATE, LATE_SHARE)
        }

    def run(self) -> Effects:
        """Return all effects."""
        grants = tuple(self._grants())
        return Effects(
            releases=tuple(self._releases({each.grant_id for each in grants})),
            grants=grants,
            enrolments=tuple(
                entry.subject
                for entry in self._state.subjects()
                if entry.enrolled_at >= self._since and self._what.has(KeyKind.REGISTRAR, entry.custodian)
            ),
            anchors=tuple(self._anchors()),
            appointments=tuple(self._appointments()),
            recoveries=tuple(self._recoveries()),
            shares=tuple(self._shares()),
            look_ups=tuple(self._look_ups()),
            published=tuple(
                key
                for key in self._state.keys(None)
                if key.published_at >= self._since and key.institution in self._what.governors
            ),
            directory=tuple(e.subject for home in self._what.homes for e in self._state.subjects(home)),
            sealed_before=sum(
                event.time_at < self._since and self._is_sealed(event.recipient) for event in self._recorded()
            ),
        )

    def _recorded(self) -> Iterator[ReleaseRecorded | ReleaseRecordedLate]:
        yield from self._state.releases()
        yield from self._state.late_releases()

    def _releases(self, grants: set[bytes]) -> Iterator[AffectedRelease]:
        reads: dict[bytes, int] = {}
        for entry in self._journal:
            if entry.kind == READ and entry.at >= self._since:
                reads[entry.subject_id] = reads.get(entry.subject_id, 0) + 1
        known: set[bytes] = set()
        for event in sorted(self._recorded(), key=lambda each: (each.block_number, each.log_index)):
            known.add(event.request_id)
            # Recorded before, and handed over or read since: that was made since, too.
            handed_at = self._handed.get(event.request_id, 0)
            if max(event.time_at, handed_at) < self._since and event.request_id not in reads:
                continue
            study = self._state.study(event.study_id)
            subject = study.subject if study else bytes(20)
            person, recipient, grant_id = event.person, event.recipient, event.grant_id
            if why := self._why(event.institution, person, recipient, grant_id, subject, grants):
                yield AffectedRelease(
                    request_id=event.request_id,
                    study_id=event.study_id,
                    subject=subject,
                    grant_id=grant_id,
                    institution=event.institution,
                    person=person,
                    recorded_at=event.time_at,
                    handed_over_at=handed_at,
                    reads=reads.get(event.request_id, 0),
                    why=why,
                )
        yield from self._unrecorded(known, grants)

    def _unrecorded(self, known: set[bytes], grants: set[bytes]) -> Iterator[AffectedRelease]:
        """Hand-overs while the chain stalled that it does not show yet."""
        for entry in self._journal:
            if entry.kind not in (LATE, LATE_SHARE) or entry.at < self._since or entry.subject_id in known:
                continue
            access = _asked_late(entry)
            request, badge, subject = access.request, access.badge.badge, access.grant.subject
            if why := self._why(
                badge.institution, request.person, request.recipient, request.grant_id, subject, grants
            ):
                yield AffectedRelease(
                    request_id=entry.subject_id,
                    study_id=request.study_id,
                    subject=subject,
                    grant_id=request.grant_id,
                    institution=badge.institution,
                    person=request.person,
                    recorded_at=0,
                    handed_over_at=entry.at,
                    reads=0,
                    why=why,
                )

    def _why(
        self, institution: int, person: bytes, recipient: bytes, grant_id: bytes, subject: bytes, grants: set[bytes]
    ) -> str:
        if person in self._what.persons:
            return "PERSON"
        if institution and self._what.has(KeyKind.ISSUER, institution):
            return "ISSUER"
        if self._is_sealed(recipient):
            return "GATEWAY"
        if not institution and subject in self._patients:
            return "SIGNER"
        return "GRANT" if grant_id in grants else ""

    def _is_sealed(self, recipient: bytes) -> bool:
        return any(key.kind == KeyKind.GATEWAY and key.key_hash == recipient for key in self._what.keys)

    def _grants(self) -> Iterator[AffectedGrant]:
        for entry in self._state.grants():
            if entry.grant is None or entry.given_at < self._since:
                continue
            if why := self._why_granted(entry, entry.grant.basis):
                yield AffectedGrant(
                    grant_id=entry.grant_id,
                    subject=entry.subject,
                    basis=entry.grant.basis,
                    grantee=entry.grant.grantee,
                    given_at=entry.given_at,
                    live=self._state.is_live(entry),
                    why=why,
                )

    def _why_granted(self, entry: GivenGrant, basis: int) -> str:
        if basis == Basis.CONSENT:
            return "SIGNER" if entry.subject in self._patients else ""
        if basis == Basis.EMERGENCY:
            review = self._state.review(entry.grant_id)
            if review is None:
                return ""
            if {review.first, review.second} & set(self._what.persons):
                return "PERSON"
            return "ISSUER" if self._what.has(KeyKind.ISSUER, review.institution) else ""
        subject = self._state.subject(entry.subject)
        custodian = subject.custodian if subject else 0
        if self._what.has(KeyKind.ISSUER, custodian):
            return "ISSUER"
        # Which of the custodian's staff approved is not on the ledger.
        return "PERSON" if custodian in {ids.institution_of(person) for person in self._what.persons} else ""

    def _anchors(self) -> Iterator[AffectedAnchor]:
        for study in self._state.studies():
            for each in study.revisions:
                if each.anchored_at >= self._since and self._what.has(KeyKind.REGISTRAR, each.custodian):
                    yield AffectedAnchor(study.study_id, study.subject, each.revision, each.anchored_at)

    def _appointments(self) -> Iterator[Representative]:
        for entry in self._state.subjects():
            by_staff = self._what.has(KeyKind.ISSUER, entry.custodian)
            for each in self._state.appointments(entry.subject):
                concerned = entry.subject in self._patients or by_staff or each.by in self._what.persons
                if each.from_at >= self._since and concerned and each.representative not in self._what.signers:
                    yield each

    def _recoveries(self) -> Iterator[bytes]:
        """Recoveries that wait, and that officers of such an institution approved."""
        staff = {ids.institution_of(person) for person in self._what.persons}
        for entry in self._state.subjects():
            waits = entry.recovery
            if waits is not None and waits.begun_at >= self._since:
                by_issuer = any(self._what.has(KeyKind.ISSUER, institution) for institution in waits.institutions)
                if by_issuer or staff & set(waits.institutions):
                    yield entry.subject

    def _shares(self) -> Iterator[AffectedShare]:
        if self._what.trustees:
            yield from filter(None, map(self._share, self._state.studies()))

    def _share(self, study: Study) -> AffectedShare | None:
        rules = self._custodies.get(study.study_id)
        if rules is None:
            return AffectedShare(study.study_id, study.subject, (), 0, opens=True)
        held = [(rule, self._held(rule.trustees)) for rule in rules if self._held(rule.trustees)]
        if not held:
            return None
        opening = [(rule, found) for rule, found in held if len(found) >= rule.threshold]
        rule, found = (opening or held)[-1]
        return AffectedShare(study.study_id, study.subject, found, rule.threshold, opens=bool(opening))

    def _held(self, trustees: Iterable[int]) -> tuple[int, ...]:
        return tuple(trustee for trustee in trustees if trustee in self._what.trustees)

    def _look_ups(self) -> Iterator[AffectedLookUp]:
        for entry in self._journal:
            if entry.kind != LOOKED_UP or entry.at < self._since:
                continue
            note = wire.decode(LookUpNote, entry.body.encode())
            by_person = {note.first, note.second} & set(self._what.persons)
            if any(note.subject) and (by_person or self._what.has(KeyKind.ISSUER, note.institution)):
                yield AffectedLookUp(note.subject, note.institution, entry.at)


def _asked_late(entry: JournalEntry) -> StaffAccess:
    """What was asked while the chain stalled, of the custodian's broker or of another trustee's."""
    if entry.kind == LATE:
        return wire.decode(LateHandOver, entry.body.encode()).access
    return wire.decode(LateEmergency, entry.body.encode()).emergency.access
