"""Acts as contract calls: what to send, how to see that it is done already, and which event tells of it.

One function per act that returns a `Plan`; a table at the end. Owns no network access: a plan's `done` asks
through what it is given. Every act has no effect when it was done before, so carrying one twice is safe;
`done` only saves the second transaction. RecordAct by staff is `recording`'s. Source: contracts/src/interfaces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fiducia.adapters.evm import abi
from fiducia.adapters.evm.abi import call_data, values_of
from fiducia.adapters.evm.chain import Chain
from fiducia.core import ids
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import (
    Act,
    AdmitAct,
    AnchorAct,
    EnrolAct,
    GrantAct,
    GrantState,
    PublishAct,
    RaiseBadgeEpochAct,
    RecordAct,
    ReviseAct,
    RevokeAct,
    RevokeAllAct,
    WithdrawPersonAct,
)
from fiducia.records.typed import Approval, OwnAccess, StaffAccess

Topics = tuple[bytes | tuple[bytes, ...] | None, ...]
_BADGE = "(uint32,bytes32,address,uint32,uint64,uint64,uint64,uint32)"


@dataclass(frozen=True, slots=True)
class Plan:
    """One act as a call.

    Attributes:
        contract: whose function it is.
        data: the calldata.
        done: asks the chain, at a final block, whether the act has taken effect.
        topics: of the events that tell of it, for finding an earlier transaction (None: any).
        tells: whether an event with those topics is this act's.
        repeats: whether the contract takes the same act again, without effect.
    """

    contract: str
    data: bytes
    done: Callable[[Chain], bool]
    topics: Topics
    tells: Callable[[LedgerEvent], bool] = lambda event: True
    repeats: bool = True


def plan_of(chain: Chain, act: Act) -> Plan:
    """Return how an act is carried. Raises: EncodingError, and what asking the chain raises."""
    return _PLANS[type(act)](chain, act)


def evidence_of(access: StaffAccess) -> tuple[Any, ...]:
    """Return a staff access as IReleases.Evidence."""
    return (
        values_of(access.request),
        values_of(access.grant),
        values_of(access.badge.badge),
        access.badge.signature,
        access.signature,
    )


def approval_of(approval: Approval) -> tuple[bytes, bytes, bytes]:
    """Return an approval as ISubjects.Approval; a badge travels as abi.encode(Badge, bytes)."""
    badge = approval.credential
    credential = abi.encoded((_BADGE, "bytes"), (values_of(badge.badge), badge.signature)) if badge else b""
    return approval.signer, approval.signature, credential


def _admit(chain: Chain, act: AdmitAct) -> Plan:
    admit = act.admit
    same = (admit.region, admit.exports)

    def done(chain: Chain) -> bool:
        _, [(institution,)] = chain.ask(chain.view("Members", "governedBy", admit.governor))
        if not institution:
            return False
        _, [(stored,)] = chain.ask(chain.view("Members", "institutionOf", institution))
        return bool(stored[1:3] == same)

    return Plan(
        "Members",
        call_data("Members", "admit", values_of(admit), list(act.approvals)),
        done,
        (abi.topic_of("Members", "Admitted"), None, admit.governor.rjust(32, b"\0")),
        lambda event: (cast(events.MemberAdmitted, event).region, cast(events.MemberAdmitted, event).exports) == same,
        repeats=False,  # the round that was signed is over
    )


def _publish(chain: Chain, act: PublishAct) -> Plan:
    struct = act.publish
    key = (struct.institution, struct.kind, struct.key_hash)

    def done(chain: Chain) -> bool:
        _, [(end,)] = chain.ask(chain.view("Members", "keyEnd", *key))
        return bool(end == struct.not_after)

    return Plan(
        "Members",
        call_data("Members", "publish", values_of(struct), act.key, act.endpoint, act.signature),
        done,
        (abi.topic_of("Members", "Published"), _word(struct.institution), _word(struct.kind), struct.key_hash),
        lambda event: cast(events.KeyPublished, event).not_after == struct.not_after,
    )


def _withdraw_person(chain: Chain, act: WithdrawPersonAct) -> Plan:
    def done(chain: Chain) -> bool:
        _, [(withdrawn,)] = chain.ask(chain.view("Members", "isWithdrawn", act.person))
        return bool(withdrawn)

    return Plan(
        "Members",
        call_data("Members", "withdrawPerson", (act.person,), act.signature),
        done,
        (abi.topic_of("Members", "PersonWithdrawn"), None, act.person),
    )


def _raise_badge_epoch(chain: Chain, act: RaiseBadgeEpochAct) -> Plan:
    def done(chain: Chain) -> bool:
        _, [(stored,)] = chain.ask(chain.view("Members", "institutionOf", act.institution))
        return bool(stored[4] > act.epoch)

    return Plan(
        "Members",
        call_data("Members", "raiseBadgeEpoch", (act.institution, act.epoch), act.signature),
        done,
        (abi.topic_of("Members", "BadgeEpochRaised"), _word(act.institution)),
        lambda event: cast(events.BadgeEpochRaised, event).epoch == act.epoch + 1,
    )


def _enrol(chain: Chain, act: EnrolAct) -> Plan:
    enrol = act.enrol
    subject = ids.subject(enrol.custodian, enrol.salt)

    def done(chain: Chain) -> bool:
        _, [(signer,)] = chain.ask(chain.view("Subjects", "signerOf", enrol.signer_hash))
        return bool(signer[0] == subject)

    return Plan(
        "Subjects",
        call_data("Subjects", "enrol", values_of(enrol), act.registrar_signature, act.signer, act.signature),
        done,
        (abi.topic_of("Subjects", "Enrolled"), _word(subject)),
    )


def _anchor(chain: Chain, act: AnchorAct) -> Plan:
    _, subjects = chain.ask(*(chain.view("Subjects", "subjectOf", each.subject) for each in act.anchors))
    studies = [ids.study_id(found[0], each.salt) for each, (found,) in zip(act.anchors, subjects, strict=True)]

    def done(chain: Chain) -> bool:
        _, found = chain.ask(*(chain.view("Studies", "manifestOf", study, 1) for study in studies))
        return all(manifest == each.manifest for each, (manifest,) in zip(act.anchors, found, strict=True))

    anchors = [values_of(each) for each in act.anchors]
    single = len(anchors) == 1
    return Plan(
        "Studies",
        call_data("Studies", "anchor", anchors[0], act.signature)
        if single
        else call_data("Studies", "anchorBatch", anchors, act.signature),
        done,
        (abi.topic_of("Studies", "Anchored"), tuple(studies)),
    )


def _revise(chain: Chain, act: ReviseAct) -> Plan:
    revise = act.revise

    def done(chain: Chain) -> bool:
        _, [(manifest,)] = chain.ask(chain.view("Studies", "manifestOf", revise.study_id, revise.revision))
        return bool(manifest == revise.manifest)

    return Plan(
        "Studies",
        call_data("Studies", "revise", values_of(revise), act.signature),
        done,
        (abi.topic_of("Studies", "Revised"), revise.study_id),
        lambda event: cast(events.StudyRevised, event).revision == revise.revision,
    )


def _grant(chain: Chain, act: GrantAct) -> Plan:
    grant_id = ids.grant_id(act.grant)
    return Plan(
        "Grants",
        call_data("Grants", "grant", values_of(act.grant), [approval_of(each) for each in act.approvals]),
        lambda chain: _grant_state(chain, grant_id) == GrantState.LIVE,
        (abi.topic_of("Grants", "Granted"), grant_id),
    )


def _revoke(chain: Chain, act: RevokeAct) -> Plan:
    grant_id = ids.grant_id(act.grant)
    return Plan(
        "Grants",
        call_data("Grants", "revoke", values_of(act.grant), approval_of(act.approval)),
        lambda chain: _grant_state(chain, grant_id) == GrantState.REVOKED,
        (abi.topic_of("Grants", "Revoked"), grant_id),
    )


def _grant_state(chain: Chain, grant_id: bytes) -> int:
    _, [(stored,)] = chain.ask(chain.view("Grants", "grantOf", grant_id))
    return int(stored[3])


def _revoke_all(chain: Chain, act: RevokeAllAct) -> Plan:
    struct = act.revoke_all

    def done(chain: Chain) -> bool:
        _, [(stored,)] = chain.ask(chain.view("Subjects", "subjectOf", struct.subject))
        return bool(stored[1] > struct.epoch)

    return Plan(
        "Subjects",
        call_data("Subjects", "revokeAll", values_of(struct), approval_of(act.approval)),
        done,
        (abi.topic_of("Subjects", "AllRevoked"), _word(struct.subject)),
        lambda event: cast(events.EpochRaised, event).epoch == struct.epoch + 1,
    )


def _record(chain: Chain, act: RecordAct) -> Plan:
    access, request_id = act.access, ids.request_id(act.access.request)

    def done(chain: Chain) -> bool:
        _, [(stored,)] = chain.ask(chain.view("Releases", "releaseOf", request_id))
        return bool(stored[0])

    if isinstance(access, OwnAccess):
        data = call_data("Releases", "recordOwn", values_of(access.request), approval_of(access.approval))
    else:
        data = call_data("Releases", "record", evidence_of(access))
    return Plan("Releases", data, done, (abi.topic_of("Releases", "Released"), request_id))


def _word(value: int | bytes) -> bytes:
    """Return a value as a topic: the ABI pads numbers on the left and bytes20 on the right."""
    return value.to_bytes(32, "big") if isinstance(value, int) else value.ljust(32, b"\0")


_PLANS: dict[type, Callable[[Chain, Any], Plan]] = {
    AdmitAct: _admit,
    PublishAct: _publish,
    WithdrawPersonAct: _withdraw_person,
    RaiseBadgeEpochAct: _raise_badge_epoch,
    EnrolAct: _enrol,
    AnchorAct: _anchor,
    ReviseAct: _revise,
    GrantAct: _grant,
    RevokeAct: _revoke,
    RevokeAllAct: _revoke_all,
    RecordAct: _record,
}


def batch_data(accesses: Sequence[StaffAccess]) -> bytes:
    """Return the calldata that records several releases in one transaction."""
    return call_data("Releases", "recordBatch", [evidence_of(each) for each in accesses])
