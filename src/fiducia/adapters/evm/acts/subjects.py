"""Acts about patients and who signs for them: enrolment, rotation, restriction, custody, revoking all; see `plan`.

Representatives and recoveries have modules of their own. What names the subject's serial is taken once: its
repetition is refused, so `done` alone tells that it took effect. Source: ISubjects.
"""

from __future__ import annotations

from collections.abc import Sequence

from fiducia.adapters.evm.abi import call_data, values_of
from fiducia.adapters.evm.acts.plan import Plan, all_asked, approval_of, approvals_of, asked, topics
from fiducia.adapters.evm.chain import Chain, Question
from fiducia.core import ids
from fiducia.errors import EncodingError
from fiducia.records.ledger import (
    EnrolAct,
    EnrolBatchAct,
    LiftAct,
    RestrictAct,
    RevokeAllAct,
    RotateAct,
    TransferAct,
)
from fiducia.records.typed import Enrol

CUSTODIAN, EPOCH, FLAGS, SIGNER_INDEX, SERIAL, LIFTED_SERIAL, RECOVERIES = range(7)
"""Places in ISubjects.Subject."""

RESTRICTED = 1
"""The bit of a subject's flags."""

_NO_DEVICE = bytes(32)


def enrol(chain: Chain, act: EnrolAct) -> Plan:
    """Plan an enrolment."""
    struct = act.enrol
    return Plan(
        "Subjects",
        call_data("Subjects", "enrol", values_of(struct), act.registrar_signature, act.signer, act.signature),
        lambda chain: _are_enrolled(chain, (struct,)),
        topics("Subjects", "Enrolled", _subject_of(struct)),
    )


def enrol_batch(chain: Chain, act: EnrolBatchAct) -> Plan:
    """Plan enrolments under one registrar's signature."""
    if not len(act.enrolments) == len(act.signers) == len(act.signatures):
        raise EncodingError("every enrolment of a batch has a signer and a signature, or empty ones")
    patients = zip(act.enrolments, act.signers, act.signatures, strict=True)
    items = [(values_of(enrolment), signer, signature) for enrolment, signer, signature in patients]
    return Plan(
        "Subjects",
        call_data("Subjects", "enrolBatch", items, act.registrar_signature),
        lambda chain: _are_enrolled(chain, act.enrolments),
        topics("Subjects", "Enrolled", tuple(_subject_of(each) for each in act.enrolments)),
    )


def _are_enrolled(chain: Chain, enrolments: Sequence[Enrol]) -> bool:
    found = all_asked(chain, *(_enrolment_of(chain, each) for each in enrolments))
    return all(
        bool(stored[CUSTODIAN] and not stored[SIGNER_INDEX])
        if each.signer_hash == _NO_DEVICE
        else stored[0] == _subject_of(each)
        for each, stored in zip(enrolments, found, strict=True)
    )


def _enrolment_of(chain: Chain, struct: Enrol) -> Question:
    """A signer tells whom it serves; without one the subject itself, whose id binds the custodian, tells."""
    if struct.signer_hash == _NO_DEVICE:
        return chain.view("Subjects", "subjectOf", _subject_of(struct))
    return chain.view("Subjects", "signerOf", struct.signer_hash)


def _subject_of(struct: Enrol) -> bytes:
    return ids.subject(struct.custodian, struct.salt)


def rotate(chain: Chain, act: RotateAct) -> Plan:
    """Plan that a patient's signer gives way to another one."""
    struct = act.rotate
    return Plan(
        "Subjects",
        call_data("Subjects", "rotate", values_of(struct), act.signer, act.signature, approval_of(act.approval)),
        lambda chain: is_signer_since(chain, struct.subject, struct.signer_hash, struct.serial),
        topics("Subjects", "Rotated", struct.subject, struct.signer_hash),
        repeats=False,
    )


def is_signer_since(chain: Chain, subject: bytes, signer_hash: bytes, serial: int, counted: int = SERIAL) -> bool:
    """Tell whether a signer is the subject's current one, and that serial (or that recovery's number) is used."""
    stored, signer = all_asked(
        chain, chain.view("Subjects", "subjectOf", subject), chain.view("Subjects", "signerOf", signer_hash)
    )
    return bool(stored[counted] > serial and signer == (subject, stored[SIGNER_INDEX]))


def restrict(chain: Chain, act: RestrictAct) -> Plan:
    """Plan a restriction of processing."""
    struct = act.restrict
    return Plan(
        "Subjects",
        call_data("Subjects", "restrict", values_of(struct), approval_of(act.approval)),
        lambda chain: bool(asked(chain, "Subjects", "subjectOf", struct.subject)[FLAGS] & RESTRICTED),
        topics("Subjects", "Restricted", struct.subject),
    )


def lift(chain: Chain, act: LiftAct) -> Plan:
    """Plan the end of a restriction."""
    struct = act.lift

    def done(chain: Chain) -> bool:
        stored = asked(chain, "Subjects", "subjectOf", struct.subject)
        return bool(stored[LIFTED_SERIAL] == struct.serial and not stored[FLAGS] & RESTRICTED)

    return Plan(
        "Subjects",
        call_data("Subjects", "lift", values_of(struct), approvals_of(act.approvals)),
        done,
        topics("Subjects", "Lifted", struct.subject),
        lambda event: bool(event.serial == struct.serial),
        repeats=False,
    )


def transfer(chain: Chain, act: TransferAct) -> Plan:
    """Plan a change of custodian."""
    struct = act.transfer

    def done(chain: Chain) -> bool:
        stored = asked(chain, "Subjects", "subjectOf", struct.subject)
        return bool(stored[SERIAL] > struct.serial and stored[CUSTODIAN] == struct.custodian)

    return Plan(
        "Subjects",
        call_data("Subjects", "transfer", values_of(struct), act.registrar_signature, approval_of(act.approval)),
        done,
        topics("Subjects", "Transferred", struct.subject, None, struct.custodian),
        repeats=False,
    )


def revoke_all(chain: Chain, act: RevokeAllAct) -> Plan:
    """Plan the end of all grants of a subject's epoch."""
    struct = act.revoke_all
    return Plan(
        "Subjects",
        call_data("Subjects", "revokeAll", values_of(struct), approval_of(act.approval)),
        lambda chain: bool(asked(chain, "Subjects", "subjectOf", struct.subject)[EPOCH] > struct.epoch),
        topics("Subjects", "AllRevoked", struct.subject),
        lambda event: bool(event.epoch == struct.epoch + 1),
    )
