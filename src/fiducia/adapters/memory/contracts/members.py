"""Members in miniature; see contracts/src/Members.sol."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import ids
from fiducia.core.entries import Member
from fiducia.core.signatures import recover
from fiducia.core.typed_data import Struct
from fiducia.errors import EncodingError, InputError, SignatureError
from fiducia.records import events
from fiducia.records.ledger import AdmitAct, KeyKind, PublishAct, RaiseBadgeEpochAct, WithdrawPersonAct
from fiducia.records.typed import RaiseBadgeEpoch, WithdrawPerson


def admit(chain: Chain, act: AdmitAct) -> list[Draft]:
    """Admit an institution under a strict majority's signatures."""
    struct, state = act.admit, chain.state
    known = state.member(state.governed_by(struct.governor))
    if known is not None and (known.region, known.exports) == (struct.region, struct.exports):
        return []  # the contract would name the round, which is over; the chain adapter finds the admission first
    if struct.round != state.round:
        raise InputError(f"the votes are for round {struct.round}, the ledger is at {state.round}: collect them again")
    previous = 0
    for voter, signature in act.approvals:
        if voter <= previous:
            raise InputError(f"votes must be sorted by institution, each once; {voter} stands after {previous}")
        previous = voter
        member = state.member(voter)
        if member is None or not member.active:
            raise SignatureError(f"institution {voter} has no vote here")
        chain.require_signed(struct, signature, member.governor)
    votes, electorate = len(act.approvals), sum(member.active for member in state.members())
    if votes * 2 <= electorate:
        raise InputError(f"{votes} of {electorate} governors voted for it: more than half are needed")
    _require_new(chain, struct.governor, struct.region)
    number = len(state.members()) + 1
    return [
        partial(
            events.MemberAdmitted,
            institution=number,
            governor=struct.governor,
            region=struct.region,
            exports=struct.exports,
        )
    ]


def publish(chain: Chain, act: PublishAct) -> list[Draft]:
    """Publish a key, or end it earlier."""
    struct = act.publish
    member = _governed(chain, struct.institution, struct, act.signature)
    if struct.kind not in tuple(KeyKind):
        raise InputError(f"kinds of keys are numbered 1 to 6, not {struct.kind}")
    kind = KeyKind(struct.kind)
    _require_key(kind, act.key, struct.key_hash)
    end = chain.state.key_end(struct.institution, kind, struct.key_hash)
    if struct.not_after == 0 or (end and struct.not_after > end):
        raise InputError("a key's end never moves later and is never 0: publish another key instead")
    if struct.not_after == end:
        return []
    if not end and not member.active:
        raise InputError(f"institution {struct.institution} is suspended or was never admitted")
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
        raise InputError(f"the badge epoch is {current}, not yet {act.epoch}")
    if act.epoch < current:
        return []
    return [partial(events.BadgeEpochRaised, institution=act.institution, epoch=current + 1)]


def withdraw_person(chain: Chain, act: WithdrawPersonAct) -> list[Draft]:
    """Withdraw one person for good."""
    institution = ids.institution_of(act.person)
    issuer = recover(chain.domains.digest(WithdrawPerson(act.person)), act.signature)
    end = chain.state.key_end(institution, KeyKind.ISSUER, ids.key_hash(KeyKind.ISSUER, issuer))
    if chain.now >= end:
        raise SignatureError(f"signed with a key that institution {institution} never published, or that ended")
    if chain.state.person_withdrawn(act.person):
        return []
    return [partial(events.PersonWithdrawn, institution=institution, person=act.person)]


def _require_new(chain: Chain, governor: bytes, region: int) -> None:
    if not any(governor):
        raise InputError("a governor must be an address that can sign")
    if taken := chain.state.governed_by(governor):
        raise InputError(f"that governor already governs institution {taken}")
    if region > 63:
        raise InputError(f"regions are numbered 0 to 63, not {region}")


def _governed(chain: Chain, institution: int, struct: Struct, signature: bytes) -> Member:
    """The institution whose governor signed."""
    member = chain.state.member(institution)
    if member is None:
        raise InputError(f"there is no institution {institution}")
    chain.require_signed(struct, signature, member.governor)
    return member


def _require_key(kind: KeyKind, key: bytes, key_hash: bytes) -> None:
    try:
        matches = ids.key_hash(kind, key) == key_hash
    except EncodingError:
        matches = False
    if not matches:
        raise InputError("the key is not the one whose hash was signed, or not of the form its kind has")
