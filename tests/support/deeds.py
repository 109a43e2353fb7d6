"""What people decide beyond granting and revoking, as acts: who decides about members, patients and studies.

Each function takes everybody's keys (`Signers`) and returns one act, signed as it should be unless it is told
otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fiducia.core import ids, rules
from fiducia.core.signatures import EoaKey
from fiducia.core.typed_data import Struct, hash_struct
from fiducia.ports import Signer
from fiducia.records import ledger, typed
from fiducia.records.typed import Approval
from tests.support.signers import DAY, A, Signers, key
from tests.support.staff import NURSE_B, OFFICER_A, OFFICER_B, PHYSICIAN_B, REGISTRAR_A, StaffMember

TRUSTEE = key("trustee 1")
"""Hospital A's BROKER_SIGN key."""


def approved(c: Signers, struct: Struct, by: Signer | StaffMember) -> Approval:
    """Return somebody's approval of a struct."""
    if isinstance(by, StaffMember):
        return by.approve(c, struct)
    return Approval(by.address, c.sign(by, struct))


def votes(c: Signers, struct: Struct, *voters: int) -> tuple[tuple[int, bytes], ...]:
    """Return governors' signatures in a vote."""
    return tuple((number, c.sign(key(f"governor {number}"), struct)) for number in voters)


# -- members


def suspend(c: Signers, institution: int, *voters: int, round: int) -> ledger.VoteAct:
    struct = typed.Suspend(institution, round)
    return ledger.VoteAct(struct, votes(c, struct, *voters))


def reinstate(c: Signers, institution: int, *voters: int, round: int) -> ledger.VoteAct:
    struct = typed.Reinstate(institution, round)
    return ledger.VoteAct(struct, votes(c, struct, *voters))


def replace_governor(c: Signers, institution: int, name: str, *voters: int, round: int) -> ledger.VoteAct:
    struct = typed.ReplaceGovernor(institution, key(name).address, round)
    return ledger.VoteAct(struct, votes(c, struct, *voters))


def change_exports(c: Signers, institution: int, exports: int, *voters: int, round: int) -> ledger.VoteAct:
    struct = typed.ChangeExports(institution, exports, round)
    return ledger.VoteAct(struct, votes(c, struct, *voters))


def narrow_exports(c: Signers, institution: int, exports: int, *, round: int) -> ledger.NarrowExportsAct:
    struct = typed.NarrowExports(institution, exports, round)
    return ledger.NarrowExportsAct(struct, c.sign(key(f"governor {institution}"), struct))


# -- patients


def enrol_batch(c: Signers, *patients: EoaKey | None) -> ledger.EnrolBatchAct:
    """Enrol patients of hospital A; None is one without a device."""
    structs = tuple(
        typed.Enrol(A, c.fresh(32), ids.signer_hash(each.address) if each else bytes(32)) for each in patients
    )
    return ledger.EnrolBatchAct(
        structs,
        c.sign(c.registrar, typed.EnrolBatch(structs)),
        tuple(each.address if each else b"" for each in patients),
        tuple(c.sign(each, struct) if each else b"" for each, struct in zip(patients, structs, strict=True)),
    )


def enrol_without_device(c: Signers) -> ledger.EnrolAct:
    struct = typed.Enrol(A, c.subject_salt, bytes(32))
    return ledger.EnrolAct(struct, c.sign(c.registrar, struct), b"", b"")


def rotate(c: Signers, new: EoaKey, *, serial: int, by: Signer | None = None) -> ledger.RotateAct:
    struct = typed.Rotate(c.subject, ids.signer_hash(new.address), serial)
    return ledger.RotateAct(struct, new.address, c.sign(new, struct), approved(c, struct, by or c.patient))


def appoint(c: Signers, who: Signer, *by: Signer | StaffMember, serial: int, **changes: Any) -> ledger.AppointAct:
    struct = typed.Appoint(
        subject=c.subject,
        representative=ids.signer_hash(who.address),
        powers=rules.ALL_POWERS,
        purposes=rules.mask(rules.Purpose.TREAT, rules.Purpose.PATRQT),
        not_after=c.now + 30 * DAY,
        serial=serial,
        terms=c.fresh(32),
    )
    struct = replace(struct, **changes)
    return ledger.AppointAct(struct, tuple(approved(c, struct, each) for each in by or (c.patient,)))


def veto_appointment(c: Signers, appointment: typed.Appoint, by: Signer | None = None) -> ledger.VetoAppointmentAct:
    struct = typed.Veto(appointment.subject, hash_struct(appointment))
    return ledger.VetoAppointmentAct(appointment, approved(c, struct, by or c.patient))


def dismiss(c: Signers, who: Signer, *by: Signer | StaffMember, serial: int) -> ledger.DismissAct:
    struct = typed.Dismiss(c.subject, ids.signer_hash(who.address), serial)
    return ledger.DismissAct(struct, tuple(approved(c, struct, each) for each in by or (c.patient,)))


def restrict(c: Signers, by: Signer | StaffMember | None = None, *, serial: int = 1) -> ledger.RestrictAct:
    struct = typed.Restrict(c.subject, serial)
    return ledger.RestrictAct(struct, approved(c, struct, by or c.patient))


def lift(c: Signers, *by: Signer | StaffMember, serial: int = 1) -> ledger.LiftAct:
    struct = typed.Lift(c.subject, serial)
    return ledger.LiftAct(struct, tuple(approved(c, struct, each) for each in by or (c.patient,)))


def recover(c: Signers, new: EoaKey, *by: Signer | StaffMember, attempt: int = 1, serial: int) -> ledger.RecoverAct:
    struct = typed.Recover(c.subject, ids.signer_hash(new.address), attempt, serial)
    approvals = tuple(approved(c, struct, each) for each in by or (OFFICER_A, OFFICER_B))
    return ledger.RecoverAct(struct, new.address, c.sign(new, struct), approvals)


def veto_recovery(c: Signers, recovery: typed.Recover, by: Signer | None = None) -> ledger.VetoRecoveryAct:
    struct = typed.Veto(recovery.subject, hash_struct(recovery))
    return ledger.VetoRecoveryAct(recovery, approved(c, struct, by or c.patient))


def transfer(c: Signers, custodian: int, registrar: EoaKey, *, serial: int) -> ledger.TransferAct:
    struct = typed.Transfer(c.subject, custodian, serial)
    return ledger.TransferAct(struct, c.sign(registrar, struct), approved(c, struct, c.patient))


# -- studies


def withdraw(c: Signers, study_id: bytes, revision: int = 0) -> ledger.WithdrawAct:
    struct = typed.Withdraw(study_id, revision)
    return ledger.WithdrawAct(struct, c.sign(c.registrar, struct))


def retain(c: Signers, study_id: bytes, day: int) -> ledger.RetainAct:
    struct = typed.Retain(study_id, day)
    return ledger.RetainAct(struct, c.sign(c.registrar, struct))


def hold(c: Signers, study_id: bytes, by: Signer | StaffMember = OFFICER_A, *, serial: int = 0) -> ledger.HoldAct:
    struct = typed.Hold(study_id, serial, c.fresh(32))
    return ledger.HoldAct(struct, approved(c, struct, by))


def lift_hold(c: Signers, study_id: bytes, *by: StaffMember, serial: int = 0) -> ledger.LiftHoldAct:
    struct = typed.LiftHold(study_id, serial)
    return ledger.LiftHoldAct(struct, tuple(approved(c, struct, each) for each in by or (OFFICER_A, OFFICER_B)))


def request_erasure(c: Signers, study_id: bytes, by: Signer | None = None) -> ledger.RequestErasureAct:
    struct = typed.RequestErasure(study_id)
    return ledger.RequestErasureAct(struct, approved(c, struct, by or c.patient))


def erase(c: Signers, study_id: bytes, certificate: bytes) -> ledger.EraseAct:
    struct = typed.Erase(study_id, certificate)
    return ledger.EraseAct(struct, c.sign(c.registrar, struct))


# -- grants on every basis, and what is owed for them


def grant_by(c: Signers, study_id: bytes, *by: Signer | StaffMember, **changes: Any) -> ledger.GrantAct:
    grant = c.grant(study_id, **changes).grant
    return ledger.GrantAct(grant, tuple(approved(c, grant, each) for each in by))


def on_paper(c: Signers, study_id: bytes, **changes: Any) -> ledger.GrantAct:
    return grant_by(c, study_id, OFFICER_A, REGISTRAR_A, **{"basis": rules.Basis.PAPER, **changes})


def for_care(c: Signers, study_id: bytes, **changes: Any) -> ledger.GrantAct:
    return grant_by(c, study_id, OFFICER_A, **{"basis": rules.Basis.CARE, **changes})


def by_law(c: Signers, study_id: bytes, **changes: Any) -> ledger.GrantAct:
    purposes = rules.mask(rules.Purpose.HLEGAL)
    return grant_by(c, study_id, OFFICER_A, **{"basis": rules.Basis.LAW, "purposes": purposes, **changes})


def in_emergency(c: Signers, study_id: bytes, *by: StaffMember, **changes: Any) -> ledger.GrantAct:
    """Two persons of hospital B open a study to the first of them, for an hour; their badges begin when it does."""
    given: dict[str, Any] = {
        "basis": rules.Basis.EMERGENCY,
        "purposes": rules.mask(rules.Purpose.ETREAT),
        "grantee": PHYSICIAN_B.person,
        "not_after": c.now + 3600,
    }
    grant = c.grant(study_id, **{**given, **changes}).grant
    persons = by or (PHYSICIAN_B, NURSE_B)
    return ledger.GrantAct(grant, tuple(each.approve(c, grant, not_before=grant.not_before) for each in persons))


def review(c: Signers, grant: typed.Grant, by: Signer | StaffMember = OFFICER_B, outcome: int = 1) -> ledger.ReviewAct:
    struct = typed.Review(ids.grant_id(grant), outcome, c.fresh(32))
    return ledger.ReviewAct(struct, approved(c, struct, by))


def emergency_access(c: Signers, study_id: bytes, grant: typed.Grant, **changes: Any) -> typed.StaffAccess:
    """Ask for what an emergency grant gives to hospital B's physician."""
    asked: dict[str, Any] = {"purpose": rules.Purpose.ETREAT, "person": PHYSICIAN_B.person}
    request = c.request(study_id, grant, **{**asked, **changes})
    session = c.sign(PHYSICIAN_B.session, request)
    return typed.StaffAccess(request, grant, PHYSICIAN_B.badge(c, not_before=grant.not_before), session)


def record_late(c: Signers, access: typed.StaffAccess, at: int, by: EoaKey = TRUSTEE) -> ledger.RecordLateAct:
    late = typed.Late(ids.request_id(access.request), at)
    return ledger.RecordLateAct(access, late, c.sign(by, late))
