"""Members in miniature: keys and badges; see contracts/src/Members.sol. Votes are `votes`'."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import ids
from fiducia.core.entries import Member
from fiducia.core.refusals import refusal
from fiducia.core.signatures import recover
from fiducia.core.typed_data import Struct
from fiducia.errors import EncodingError
from fiducia.records import events
from fiducia.records.ledger import KeyKind, NarrowExportsAct, PublishAct, RaiseBadgeEpochAct, WithdrawPersonAct
from fiducia.records.typed import RaiseBadgeEpoch, WithdrawPerson


def narrow_exports(chain: Chain, act: NarrowExportsAct) -> list[Draft]:
    """Take regions out of an institution's exports, by its own governor."""
    struct = act.narrow_exports
    member = _governed(chain, struct.institution, struct, act.signature)
    if not member.exports_round < struct.round <= chain.state.round:
        raise refusal("RoundMismatch", current=chain.state.round, given=struct.round)
    if struct.exports & ~member.exports:
        raise refusal("ExportsWidened")
    if struct.exports == member.exports:
        return []
    return [partial(events.ExportsChanged, institution=struct.institution, exports=struct.exports, round=0)]


def publish(chain: Chain, act: PublishAct) -> list[Draft]:
    """Publish a key, or end it earlier."""
    struct = act.publish
    member = _governed(chain, struct.institution, struct, act.signature)
    if struct.kind not in tuple(KeyKind):
        raise refusal("KeyKindUnknown", kind=struct.kind)
    kind = KeyKind(struct.kind)
    _require_key(kind, act.key, struct.key_hash)
    end = chain.state.key_end(struct.institution, kind, struct.key_hash)
    if struct.not_after == 0 or (end and struct.not_after > end):
        raise refusal("KeyEndRefused")
    if struct.not_after == end:
        return []
    if not end and not member.active:
        raise refusal("InstitutionInactive", institution=struct.institution)
    return [
        partial(
            events.KeyPublished,
            institution=struct.institution,
            kind=struct.kind,
            key_hash=struct.key_hash,
            not_after=struct.not_after,
            key=act.key,
            endpoint=act.endpoint,
        )
    ]


def raise_badge_epoch(chain: Chain, act: RaiseBadgeEpochAct) -> list[Draft]:
    """End every badge of an institution."""
    struct = RaiseBadgeEpoch(act.institution, act.epoch)
    current = _governed(chain, act.institution, struct, act.signature).badge_epoch
    if act.epoch > current:
        raise refusal("BadgeEpochAhead", current=current, given=act.epoch)
    if act.epoch < current:
        return []
    return [partial(events.BadgeEpochRaised, institution=act.institution, epoch=current + 1)]


def withdraw_person(chain: Chain, act: WithdrawPersonAct) -> list[Draft]:
    """Withdraw one person for good."""
    institution = ids.institution_of(act.person)
    issuer = recover(chain.domains.digest(WithdrawPerson(act.person)), act.signature)
    end = chain.state.key_end(institution, KeyKind.ISSUER, ids.key_hash(KeyKind.ISSUER, issuer))
    if chain.now >= end:
        raise refusal("KeyNotLive", institution=institution)
    if chain.state.person_withdrawn(act.person):
        return []
    return [partial(events.PersonWithdrawn, institution=institution, person=act.person)]


def _governed(chain: Chain, institution: int, struct: Struct, signature: bytes) -> Member:
    """The institution whose governor signed."""
    member = chain.member(institution)
    chain.require_signed(struct, signature, member.governor)
    return member


def _require_key(kind: KeyKind, key: bytes, key_hash: bytes) -> None:
    try:
        matches = ids.key_hash(kind, key) == key_hash
    except EncodingError:
        matches = False
    if not matches:
        raise refusal("KeyMismatch")
