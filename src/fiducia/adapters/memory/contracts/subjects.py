"""Subjects in miniature; see contracts/src/Subjects.sol."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import ids
from fiducia.errors import InputError, SignatureError
from fiducia.records import events
from fiducia.records.ledger import EnrolAct, RevokeAllAct
from fiducia.records.typed import Approval


def enrol(chain: Chain, act: EnrolAct) -> list[Draft]:
    """Enrol a subject under the registrar's and the patient's signatures."""
    struct, state = act.enrol, chain.state
    subject = ids.subject(struct.custodian, struct.salt)
    if state.subject(subject) is not None:
        if state.signer_serves(struct.signer_hash) == subject:
            return []
        raise InputError("the patient is enrolled already, with another signer")
    if ids.signer_hash(act.signer) != struct.signer_hash:
        raise InputError("the signer is not the one whose hash was signed")
    if state.signer_serves(struct.signer_hash) is not None:
        raise InputError("the signer serves another pseudonym already; each has a signer of its own")
    chain.require_registrar(struct.custodian, struct, act.registrar_signature)
    chain.require_approved(struct, Approval(act.signer, act.signature))
    return [
        partial(events.SubjectEnrolled, subject=subject, custodian=struct.custodian, signer_hash=struct.signer_hash)
    ]


def revoke_all(chain: Chain, act: RevokeAllAct) -> list[Draft]:
    """End every grant of a subject's current epoch."""
    struct = act.revoke_all
    entry = chain.subject(struct.subject)
    by = chain.require_approved(struct, act.approval)
    if chain.state.signer_serves(by) != struct.subject and not chain.is_registrar(entry.custodian, by):
        raise SignatureError("whoever signed this has no standing in the matter")
    if struct.epoch > entry.epoch:
        raise InputError(f"the grant epoch is {entry.epoch}, not yet {struct.epoch}")
    if struct.epoch < entry.epoch:
        return []
    return [partial(events.EpochRaised, subject=struct.subject, epoch=entry.epoch + 1, by=by)]
