"""Members' events: institutions, their keys, their badges. Every vote that passes ends a round."""

from __future__ import annotations

from dataclasses import replace

from fiducia.core import ids
from fiducia.core.entries import Member, PublishedKey
from fiducia.core.transitions.storage import Changes, Storage, member_of, require, require_next
from fiducia.records import events
from fiducia.records.ledger import KeyKind


def _admitted(held: Storage, event: events.MemberAdmitted) -> None:
    require_next(event.institution, len(held.members) + 1, event, "institutions are numbered from 1 without gaps")
    require(event.governor not in held.governors, event, "the governor governs another institution")
    # Founders enter together, in the constructor's transaction, without a vote.
    held.founding = held.founding or event.transaction_hash
    is_voted = event.transaction_hash != held.founding
    held.members[event.institution] = Member(
        event.institution,
        event.governor,
        event.region,
        event.exports,
        exports_round=held.round if is_voted else 0,
    )
    held.governors[event.governor] = event.institution
    held.round += is_voted


def _suspended(held: Storage, event: events.MemberSuspended) -> None:
    member = member_of(held, event, event.institution)
    require(member.active, event, "the institution was suspended already")
    held.members[event.institution] = replace(member, active=False)
    held.round += 1


def _reinstated(held: Storage, event: events.MemberReinstated) -> None:
    member = member_of(held, event, event.institution)
    require(not member.active, event, "the institution was active already")
    held.members[event.institution] = replace(member, active=True)
    held.round += 1


def _governor(held: Storage, event: events.GovernorReplaced) -> None:
    member = member_of(held, event, event.institution)
    require(event.governor not in held.governors, event, "the governor governs an institution already")
    require_next(event.round, held.round, event, "rounds rise by one")
    del held.governors[member.governor]
    held.governors[event.governor] = event.institution
    held.members[event.institution] = replace(member, governor=event.governor)
    held.round += 1


def _exports(held: Storage, event: events.ExportsChanged) -> None:
    member = member_of(held, event, event.institution)
    if event.round == 0:
        narrower = event.exports != member.exports and not event.exports & ~member.exports
        require(narrower, event, "the institution's own governor only takes regions out")
        held.members[event.institution] = replace(member, exports=event.exports)
        return
    require_next(event.round, held.round, event, "rounds rise by one")
    held.members[event.institution] = replace(member, exports=event.exports, exports_round=event.round)
    held.round += 1


def _published(held: Storage, event: events.KeyPublished) -> None:
    member_of(held, event, event.institution)
    require(event.kind in tuple(KeyKind), event, "a key of an unknown kind")
    require(ids.key_hash(KeyKind(event.kind), event.key) == event.key_hash, event, "the key has another hash")
    require(event.not_after > 0, event, "a key that never lived")
    name = (event.institution, event.kind, event.key_hash)
    known = held.keys.get(name)
    if known is None:
        held.keys[name] = PublishedKey(*name, event.key, event.endpoint, event.not_after, event.time_at)
        return
    require(event.not_after < known.not_after, event, "a key's end moved later")
    held.keys[name] = replace(known, not_after=event.not_after, endpoint=event.endpoint)


def _badge_epoch(held: Storage, event: events.BadgeEpochRaised) -> None:
    member = member_of(held, event, event.institution)
    require_next(event.epoch, member.badge_epoch + 1, event, "badge epochs rise by one")
    held.members[event.institution] = replace(member, badge_epoch=event.epoch)


def _person(held: Storage, event: events.PersonWithdrawn) -> None:
    member_of(held, event, event.institution)
    require(ids.institution_of(event.person) == event.institution, event, "a person of another institution")
    require(event.person not in held.withdrawn, event, "the person was withdrawn already")
    held.withdrawn.add(event.person)


CHANGES: Changes = {
    events.MemberAdmitted: _admitted,
    events.MemberSuspended: _suspended,
    events.MemberReinstated: _reinstated,
    events.GovernorReplaced: _governor,
    events.ExportsChanged: _exports,
    events.KeyPublished: _published,
    events.BadgeEpochRaised: _badge_epoch,
    events.PersonWithdrawn: _person,
}
