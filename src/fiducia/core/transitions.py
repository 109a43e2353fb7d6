"""How each event changes the rebuilt storage, and when it cannot have happened.

One function per event, mirroring the contracts' own storage writes; every function checks before it
writes, so a refused event leaves the storage as it was. Judging releases is not done here: an event
that the contracts should not have let happen is `core.audit`'s finding. Source: contracts/src.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from fiducia.core import ids
from fiducia.core.entries import GivenGrant, Member, PublishedKey, Revision, Study, Subject
from fiducia.errors import EncodingError, LedgerInconsistencyError
from fiducia.records import events
from fiducia.records.events import LedgerEvent, ReleaseDenied, ReleaseRecorded
from fiducia.records.ledger import GrantState, KeyKind, StudyStatus


@dataclass(slots=True)
class Storage:
    """The five contracts' storage, rebuilt. Insertion order is the chain's order."""

    members: dict[int, Member] = field(default_factory=dict)
    governors: set[bytes] = field(default_factory=set)
    keys: dict[tuple[int, int, bytes], PublishedKey] = field(default_factory=dict)
    withdrawn: set[bytes] = field(default_factory=set)
    subjects: dict[bytes, Subject] = field(default_factory=dict)
    signers: dict[bytes, bytes] = field(default_factory=dict)
    studies: dict[bytes, Study] = field(default_factory=dict)
    grants: dict[bytes, GivenGrant] = field(default_factory=dict)
    grants_by_subject: dict[bytes, list[bytes]] = field(default_factory=dict)
    releases: dict[bytes, ReleaseRecorded] = field(default_factory=dict)
    denials: list[ReleaseDenied] = field(default_factory=list)
    founding: bytes = b""
    round: int = 1

    def copy(self) -> Storage:
        """Return a storage that shares the (frozen) entries and none of the containers."""
        containers = {each.name: getattr(self, each.name) for each in fields(self)}
        shared: dict[str, Any] = {
            name: value.copy() for name, value in containers.items() if isinstance(value, (dict, set, list))
        }
        shared["grants_by_subject"] = {subject: list(ids) for subject, ids in self.grants_by_subject.items()}
        return replace(self, **shared)


def apply(held: Storage, event: LedgerEvent) -> None:
    """Change `held` as `event` says. Raises: LedgerInconsistencyError (`held` is then unchanged)."""
    try:
        change = _CHANGES[type(event)]
    except KeyError:
        raise LedgerInconsistencyError("an event of an unknown kind") from None
    try:
        change(held, event)
    except EncodingError as error:
        raise LedgerInconsistencyError(f"{type(event).__name__}: {error}") from error


def _require(held: bool, event: LedgerEvent, what: str) -> None:
    if not held:
        raise LedgerInconsistencyError(f"{type(event).__name__} in block {event.block_number}: {what}")


def _member_of(held: Storage, event: LedgerEvent, institution: int) -> Member:
    member = held.members.get(institution)
    if member is None:
        raise LedgerInconsistencyError(
            f"{type(event).__name__} in block {event.block_number}: institution {institution} was never admitted"
        )
    return member


def _admitted(held: Storage, event: events.MemberAdmitted) -> None:
    _require(event.institution == len(held.members) + 1, event, "institutions are numbered from 1 without gaps")
    _require(event.governor not in held.governors, event, "the governor governs another institution")
    held.members[event.institution] = Member(event.institution, event.governor, event.region, event.exports)
    held.governors.add(event.governor)
    # Founders enter together, in the constructor's transaction, without a vote.
    held.founding = held.founding or event.transaction_hash
    held.round += event.transaction_hash != held.founding


def _suspended(held: Storage, event: events.MemberSuspended) -> None:
    member = _member_of(held, event, event.institution)
    _require(member.active, event, "the institution was suspended already")
    held.members[event.institution] = replace(member, active=False)
    held.round += 1


def _reinstated(held: Storage, event: events.MemberReinstated) -> None:
    member = _member_of(held, event, event.institution)
    _require(not member.active, event, "the institution was active already")
    held.members[event.institution] = replace(member, active=True)
    held.round += 1


def _published(held: Storage, event: events.KeyPublished) -> None:
    _member_of(held, event, event.institution)
    _require(event.kind in tuple(KeyKind), event, "a key of an unknown kind")
    _require(ids.key_hash(KeyKind(event.kind), event.key) == event.key_hash, event, "the key has another hash")
    _require(event.not_after > 0, event, "a key that never lived")
    name = (event.institution, event.kind, event.key_hash)
    known = held.keys.get(name)
    if known is None:
        held.keys[name] = PublishedKey(*name, event.key, event.endpoint, event.not_after, event.time_at)
        return
    _require(event.not_after < known.not_after, event, "a key's end moved later")
    held.keys[name] = replace(known, not_after=event.not_after, endpoint=event.endpoint)


def _badge_epoch(held: Storage, event: events.BadgeEpochRaised) -> None:
    member = _member_of(held, event, event.institution)
    _require(event.epoch == member.badge_epoch + 1, event, "badge epochs rise by one")
    held.members[event.institution] = replace(member, badge_epoch=event.epoch)


def _person(held: Storage, event: events.PersonWithdrawn) -> None:
    _member_of(held, event, event.institution)
    _require(ids.institution_of(event.person) == event.institution, event, "a person of another institution")
    _require(event.person not in held.withdrawn, event, "the person was withdrawn already")
    held.withdrawn.add(event.person)


def _enrolled(held: Storage, event: events.SubjectEnrolled) -> None:
    _member_of(held, event, event.custodian)
    _require(event.subject not in held.subjects, event, "the subject was enrolled already")
    _require(event.signer_hash not in held.signers, event, "the signer serves another subject")
    held.subjects[event.subject] = Subject(event.subject, event.custodian, event.signer_hash, event.time_at)
    held.signers[event.signer_hash] = event.subject


def _epoch(held: Storage, event: events.EpochRaised) -> None:
    subject = held.subjects.get(event.subject)
    if subject is None:
        raise LedgerInconsistencyError("EpochRaised: the subject was never enrolled")
    _require(event.epoch == subject.epoch + 1, event, "grant epochs rise by one")
    held.subjects[event.subject] = replace(subject, epoch=event.epoch)


def _anchored(held: Storage, event: events.StudyAnchored) -> None:
    subject = held.subjects.get(event.subject)
    if subject is None:
        raise LedgerInconsistencyError("StudyAnchored: the subject was never enrolled")
    _require(event.study_id not in held.studies, event, "the study was anchored already")
    first = Revision(1, event.manifest, event.time_at, event.block_number)
    held.studies[event.study_id] = Study(
        event.study_id, event.subject, subject.custodian, StudyStatus.ANCHORED, event.retain_until_day, (first,)
    )


def _study_of(held: Storage, event: events.StudyRevised | events.StudyWithdrawn) -> Study:
    study = held.studies.get(event.study_id)
    if study is None:
        raise LedgerInconsistencyError(f"{type(event).__name__}: the study was never anchored")
    return study


def _revised(held: Storage, event: events.StudyRevised) -> None:
    study = _study_of(held, event)
    _require(study.status == StudyStatus.ANCHORED, event, "the study is withdrawn")
    _require(event.revision == study.revision + 1, event, "revisions rise by one")
    newest = Revision(event.revision, event.manifest, event.time_at, event.block_number)
    held.studies[event.study_id] = replace(study, revisions=(*study.revisions, newest))


def _study_withdrawn(held: Storage, event: events.StudyWithdrawn) -> None:
    study = _study_of(held, event)
    if event.revision == 0:
        _require(study.status == StudyStatus.ANCHORED, event, "the study was withdrawn already")
        held.studies[event.study_id] = replace(study, status=StudyStatus.WITHDRAWN)
        return
    one = study.at(event.revision)
    _require(one is not None and not one.withdrawn, event, "no such revision, or withdrawn already")
    marked = tuple(replace(each, withdrawn=True) if each is one else each for each in study.revisions)
    held.studies[event.study_id] = replace(study, revisions=marked)


def _given(held: Storage, event: events.GrantGiven) -> None:
    grant = event.grant
    subject = held.subjects.get(grant.subject)
    if subject is None:
        raise LedgerInconsistencyError("GrantGiven: the subject was never enrolled")
    _require(ids.grant_id(grant) == event.grant_id, event, "the grant's terms have another id")
    _require(event.grant_id not in held.grants, event, "the grant was given or revoked already")
    _require(grant.epoch == subject.epoch, event, "the grant is of another epoch")
    _require(event.expiry_at <= grant.not_after, event, "the grant outlives its terms")
    held.grants[event.grant_id] = GivenGrant(
        event.grant_id,
        grant.subject,
        GrantState.LIVE,
        grant,
        event.expiry_at,
        event.time_at,
        event.block_number,
    )
    held.grants_by_subject.setdefault(grant.subject, []).append(event.grant_id)


def _revoked(held: Storage, event: events.GrantRevoked) -> None:
    known = held.grants.get(event.grant_id)
    if known is None:
        known = GivenGrant(event.grant_id, event.subject, GrantState.UNKNOWN)
        held.grants_by_subject.setdefault(event.subject, []).append(event.grant_id)
    _require(known.subject == event.subject, event, "the grant is another subject's")
    _require(known.state != GrantState.REVOKED, event, "the grant was revoked already")
    held.grants[event.grant_id] = replace(
        known,
        state=GrantState.REVOKED,
        revoked_at=event.time_at,
        revoked_block=event.block_number,
        revoked_by=event.by,
    )


def _recorded(held: Storage, event: ReleaseRecorded) -> None:
    _require(event.request_id not in held.releases, event, "the request was recorded already")
    held.releases[event.request_id] = event


def _denied(held: Storage, event: ReleaseDenied) -> None:
    held.denials.append(event)


_CHANGES: dict[type[LedgerEvent], Callable[[Storage, Any], None]] = {
    events.MemberAdmitted: _admitted,
    events.MemberSuspended: _suspended,
    events.MemberReinstated: _reinstated,
    events.KeyPublished: _published,
    events.BadgeEpochRaised: _badge_epoch,
    events.PersonWithdrawn: _person,
    events.SubjectEnrolled: _enrolled,
    events.EpochRaised: _epoch,
    events.StudyAnchored: _anchored,
    events.StudyRevised: _revised,
    events.StudyWithdrawn: _study_withdrawn,
    events.GrantGiven: _given,
    events.GrantRevoked: _revoked,
    ReleaseRecorded: _recorded,
    ReleaseDenied: _denied,
}
