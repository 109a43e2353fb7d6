"""Subjects in miniature: patients, their signers, what ends or restricts everything; see contracts/src/Subjects.sol.

An act that names the subject's serial uses it up, so the contract refuses the same act a second time; the chain
adapter sees first that it took effect, and so do these.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft, require_serial
from fiducia.core import ids
from fiducia.core.entries import NO_SIGNER
from fiducia.core.refusals import refusal
from fiducia.core.rules import Power
from fiducia.core.standing import is_direct, may_restrict
from fiducia.core.typed_data import Struct
from fiducia.records import events
from fiducia.records.ledger import (
    EnrolAct,
    EnrolBatchAct,
    LiftAct,
    RestrictAct,
    RevokeAllAct,
    RotateAct,
    TransferAct,
)
from fiducia.records.typed import Approval, Enrol, EnrolBatch


def enrol(chain: Chain, act: EnrolAct) -> list[Draft]:
    """Enrol a subject under the registrar's and the patient's signatures."""
    if _is_enrolled(chain, act.enrol):
        return []
    _require_signer(chain, act.enrol.signer_hash, act.signer)
    chain.require_registrar(act.enrol.custodian, act.enrol, act.registrar_signature)
    _require_patient(chain, act.enrol, act.signer, act.signature)
    return [_enrolled(act.enrol)]


def enrol_batch(chain: Chain, act: EnrolBatchAct) -> list[Draft]:
    """Enrol several subjects under one registrar's signature: all of them, or none."""
    if not len(act.enrolments) == len(act.signers) == len(act.signatures):
        raise refusal("ApprovalsRefused", given=len(act.signatures))
    batch = EnrolBatch(act.enrolments)
    enrolled: dict[bytes, Enrol] = {}
    for each, signer, signature in zip(act.enrolments, act.signers, act.signatures, strict=True):
        known = enrolled.get(ids.subject(each.custodian, each.salt))
        if known == each or _is_enrolled(chain, each):
            continue
        if known is not None:
            raise refusal("SubjectExists")
        if each.signer_hash in {other.signer_hash for other in enrolled.values()} - {NO_SIGNER}:
            raise refusal("SignerTaken")
        _require_signer(chain, each.signer_hash, signer)
        chain.require_registrar(each.custodian, batch, act.registrar_signature)
        _require_patient(chain, each, signer, signature)
        enrolled[ids.subject(each.custodian, each.salt)] = each
    return [_enrolled(each) for each in enrolled.values()]


def rotate(chain: Chain, act: RotateAct) -> list[Draft]:
    """Give a subject another signer, approved by the current one."""
    struct = act.rotate
    entry = chain.subject(struct.subject)
    if entry.signer_hash == struct.signer_hash and entry.serial > struct.serial:
        return []
    require_serial(entry, struct.serial)
    _require_signer(chain, struct.signer_hash, act.signer)
    if not chain.authority(struct.subject, act.approval).current:
        raise refusal("NoStanding")
    chain.require_approved(struct, act.approval)
    chain.require_approved(struct, Approval(act.signer, act.signature))
    index = entry.signer_index + 1
    return [partial(events.SignerRotated, subject=struct.subject, signer_hash=struct.signer_hash, index=index)]


def revoke_all(chain: Chain, act: RevokeAllAct) -> list[Draft]:
    """End every grant of a subject's current epoch."""
    struct = act.revoke_all
    entry = chain.subject(struct.subject)
    by = chain.require_approved(struct, act.approval)
    if not is_direct(chain.state, entry, act.approval.signer, chain.now):
        raise refusal("NoStanding")
    if struct.epoch > entry.epoch:
        raise refusal("EpochAhead", current=entry.epoch, given=struct.epoch)
    if struct.epoch < entry.epoch:
        return []
    return [partial(events.EpochRaised, subject=struct.subject, epoch=entry.epoch + 1, by=by)]


def restrict(chain: Chain, act: RestrictAct) -> list[Draft]:
    """Restrict processing."""
    struct = act.restrict
    entry = chain.subject(struct.subject)
    if not entry.lifted_serial < struct.serial <= entry.serial:
        raise refusal("SerialMismatch", current=entry.serial, given=struct.serial)
    if act.approval.credential is None:
        by = chain.require_approved(struct, act.approval)
        standing = is_direct(chain.state, entry, act.approval.signer, chain.now)
    else:
        badge = chain.require_staff(struct, act.approval, gives_more=False)
        by, standing = badge.person, may_restrict(badge, entry)
    if not standing:
        raise refusal("NoStanding")
    return [] if entry.restricted else [partial(events.SubjectRestricted, subject=struct.subject, by=by)]


def lift(chain: Chain, act: LiftAct) -> list[Draft]:
    """Lift the restriction: the patient's side, or two staff while there is no signer."""
    struct = act.lift
    entry = chain.subject(struct.subject)
    if entry.lifted_serial == struct.serial:
        return []
    require_serial(entry, struct.serial)
    by = require_deciding(chain, struct.subject, struct, act.approvals, may_represent=True)
    return [partial(events.RestrictionLifted, subject=struct.subject, serial=struct.serial, by=by)]


def transfer(chain: Chain, act: TransferAct) -> list[Draft]:
    """Give a subject another custodian."""
    struct = act.transfer
    entry = chain.subject(struct.subject)
    if entry.custodian == struct.custodian:
        if entry.serial > struct.serial:
            return []
        raise refusal("CustodianUnchanged", custodian=struct.custodian)
    require_serial(entry, struct.serial)
    if not chain.authority(struct.subject, act.approval).may(Power.GRANT):
        raise refusal("NoStanding")
    by = chain.require_approved(struct, act.approval)
    chain.require_registrar(struct.custodian, struct, act.registrar_signature)
    return [
        partial(
            events.CustodyTransferred,
            subject=struct.subject,
            from_custodian=entry.custodian,
            custodian=struct.custodian,
            by=by,
        )
    ]


def require_deciding(
    chain: Chain, subject: bytes, struct: Struct, approvals: Sequence[Approval], *, may_represent: bool
) -> bytes:
    """Return who decides for a patient: the one signer, or while there is none the first of two staff.

    Args:
        chain: where.
        subject: 20 bytes, enrolled.
        struct: what they approved.
        approvals: one, or two with badges of the custodian, one of them an OFFICER's.
        may_represent: whether a live representative with GRANT may decide it, too.

    Raises:
        InputError, SignatureError: not as many as it takes, or by somebody else.
    """
    entry = chain.subject(subject)
    if len(approvals) == 2 and not entry.signer_index:
        return chain.require_officer_and_colleague(entry.custodian, struct, approvals)[0].person
    if len(approvals) != 1:
        raise refusal("ApprovalsRefused", given=len(approvals))
    authority = chain.authority(subject, approvals[0])
    if not authority.current and not (may_represent and authority.may(Power.GRANT)):
        raise refusal("NoStanding")
    return chain.require_approved(struct, approvals[0])


def require_free(chain: Chain, signer_hash: bytes) -> None:
    """Return when a signer serves nobody, now or formerly. Raises: InputError."""
    if chain.state.signer_serves(signer_hash) is not None:
        raise refusal("SignerTaken")


def _is_enrolled(chain: Chain, struct: Enrol) -> bool:
    """Whether exactly this was enrolled before. Raises: InputError (with another signer)."""
    subject = ids.subject(struct.custodian, struct.salt)
    entry = chain.state.subject(subject)
    if entry is None:
        return False
    without_device = struct.signer_hash == NO_SIGNER and not entry.signer_index
    if without_device or chain.state.signer_serves(struct.signer_hash) == subject:
        return True
    raise refusal("SubjectExists")


def _require_signer(chain: Chain, signer_hash: bytes, signer: bytes) -> None:
    actual = ids.signer_hash(signer) if signer or signer_hash != NO_SIGNER else NO_SIGNER
    if actual != signer_hash:
        raise refusal("SignerMismatch")
    require_free(chain, signer_hash)


def _require_patient(chain: Chain, struct: Enrol, signer: bytes, signature: bytes) -> None:
    if struct.signer_hash != NO_SIGNER:
        chain.require_approved(struct, Approval(signer, signature))


def _enrolled(struct: Enrol) -> Draft:
    subject = ids.subject(struct.custodian, struct.salt)
    return partial(events.SubjectEnrolled, subject=subject, custodian=struct.custodian, signer_hash=struct.signer_hash)
