"""Acts of the whole ledger, signed: whoever has `domains` can make them, for any ledger and any cast.

Each verb takes what is signed and who signs, and returns the act; nothing is checked here, so that tests can have
the wrong people sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fiducia.core import ids, rules
from fiducia.core.signatures import EoaKey
from fiducia.core.typed_data import Domains, Struct, hash_struct
from fiducia.ports import Signer
from fiducia.records import ledger as acts
from fiducia.records.typed import (
    Appoint,
    Approval,
    Badge,
    ChangeExports,
    Dismiss,
    Enrol,
    EnrolBatch,
    Erase,
    Grant,
    Hold,
    Late,
    Lift,
    LiftHold,
    NarrowExports,
    Recover,
    Reinstate,
    ReplaceGovernor,
    RequestErasure,
    Restrict,
    Retain,
    Review,
    Revoke,
    Rotate,
    SignedBadge,
    StaffAccess,
    Suspend,
    Transfer,
    Veto,
    Withdraw,
)


@dataclass(frozen=True)
class Staff:
    """Somebody with a badge: who they are, the session key they sign with, and the issuer who vouches."""

    badge: Badge
    session: EoaKey
    issuer: EoaKey

    @property
    def person(self) -> bytes:
        return self.badge.person

    def with_badge(self, **changes: Any) -> Staff:
        """The same person with another badge."""
        return replace(self, badge=replace(self.badge, **changes))


def staff(institution: int, number: int, role: str, session: EoaKey, issuer: EoaKey, now: int) -> Staff:
    """Somebody of an institution with one role, trained for 100 days, with a badge for 12 hours."""
    badge = Badge(
        institution=institution,
        person=ids.person(institution, number.to_bytes(28, "big")),
        session=session.address,
        roles=rules.mask(rules.role(role)),
        trained_until=now + 100 * rules.DAY_S,
        not_before=now,
        not_after=now + rules.DAY_S // 2,
        epoch=1,
    )
    return Staff(badge, session, issuer)


class Acts:
    """What people sign."""

    domains: Domains

    def sign(self, by: Signer, struct: Struct) -> bytes:
        """Return a signature in the struct's domain."""
        return by.sign(self.domains.digest(struct))

    def approval(self, by: Signer | Staff, struct: Struct) -> Approval:
        """Return an approval by the patient's side or a registrar, or by staff with their badge."""
        if isinstance(by, Staff):
            credential = SignedBadge(by.badge, self.sign(by.issuer, by.badge))
            return Approval(by.session.address, self.sign(by.session, struct), credential)
        return Approval(by.address, self.sign(by, struct))

    def approvals(self, by: Sequence[Signer | Staff], struct: Struct) -> tuple[Approval, ...]:
        """Return an approval by each, in order."""
        return tuple(self.approval(each, struct) for each in by)

    # -- members

    def vote(
        self, struct: Suspend | Reinstate | ReplaceGovernor | ChangeExports, governors: Mapping[int, Signer]
    ) -> acts.VoteAct:
        """Return a vote by the given governors, in order of their institutions."""
        return acts.VoteAct(struct, tuple((number, self.sign(by, struct)) for number, by in sorted(governors.items())))

    def narrow_exports(self, struct: NarrowExports, governor: Signer) -> acts.NarrowExportsAct:
        return acts.NarrowExportsAct(struct, self.sign(governor, struct))

    # -- subjects

    def enrol_batch(
        self, structs: Sequence[Enrol], registrar: Signer, patients: Sequence[Signer | None]
    ) -> acts.EnrolBatchAct:
        """Return enrolments under one signature; None for a patient without a device."""
        batch = EnrolBatch(tuple(structs))
        signed = [self.sign(by, each) if by else b"" for each, by in zip(structs, patients, strict=True)]
        signers = tuple(by.address if by else b"" for by in patients)
        return acts.EnrolBatchAct(batch.enrolments, self.sign(registrar, batch), signers, tuple(signed))

    def rotate(self, struct: Rotate, new: Signer, by: Signer | Staff) -> acts.RotateAct:
        return acts.RotateAct(struct, new.address, self.sign(new, struct), self.approval(by, struct))

    def appoint(self, struct: Appoint, *by: Signer | Staff) -> acts.AppointAct:
        return acts.AppointAct(struct, self.approvals(by, struct))

    def veto_appointment(self, struct: Appoint, by: Signer | Staff) -> acts.VetoAppointmentAct:
        return acts.VetoAppointmentAct(struct, self.approval(by, Veto(struct.subject, hash_struct(struct))))

    def dismiss(self, struct: Dismiss, *by: Signer | Staff) -> acts.DismissAct:
        return acts.DismissAct(struct, self.approvals(by, struct))

    def restrict(self, struct: Restrict, by: Signer | Staff) -> acts.RestrictAct:
        return acts.RestrictAct(struct, self.approval(by, struct))

    def lift(self, struct: Lift, *by: Signer | Staff) -> acts.LiftAct:
        return acts.LiftAct(struct, self.approvals(by, struct))

    def recover(self, struct: Recover, new: Signer, *by: Signer | Staff) -> acts.RecoverAct:
        return acts.RecoverAct(struct, new.address, self.sign(new, struct), self.approvals(by, struct))

    def veto_recovery(self, struct: Recover, by: Signer | Staff) -> acts.VetoRecoveryAct:
        return acts.VetoRecoveryAct(struct, self.approval(by, Veto(struct.subject, hash_struct(struct))))

    def transfer(self, struct: Transfer, registrar: Signer, by: Signer | Staff) -> acts.TransferAct:
        return acts.TransferAct(struct, self.sign(registrar, struct), self.approval(by, struct))

    # -- studies

    def withdraw(self, struct: Withdraw, registrar: Signer) -> acts.WithdrawAct:
        return acts.WithdrawAct(struct, self.sign(registrar, struct))

    def retain(self, struct: Retain, registrar: Signer) -> acts.RetainAct:
        return acts.RetainAct(struct, self.sign(registrar, struct))

    def hold(self, struct: Hold, by: Signer | Staff) -> acts.HoldAct:
        return acts.HoldAct(struct, self.approval(by, struct))

    def lift_hold(self, struct: LiftHold, *by: Signer | Staff) -> acts.LiftHoldAct:
        return acts.LiftHoldAct(struct, self.approvals(by, struct))

    def request_erasure(self, struct: RequestErasure, by: Signer | Staff) -> acts.RequestErasureAct:
        return acts.RequestErasureAct(struct, self.approval(by, struct))

    def erase(self, struct: Erase, registrar: Signer) -> acts.EraseAct:
        return acts.EraseAct(struct, self.sign(registrar, struct))

    # -- grants and releases

    def grant_by(self, struct: Grant, *by: Signer | Staff) -> acts.GrantAct:
        return acts.GrantAct(struct, self.approvals(by, struct))

    def revoke_by(self, grant: Grant, by: Signer | Staff) -> acts.RevokeAct:
        return acts.RevokeAct(grant, self.approval(by, Revoke(ids.grant_id(grant))))

    def review(self, struct: Review, by: Signer | Staff) -> acts.ReviewAct:
        return acts.ReviewAct(struct, self.approval(by, struct))

    def late(self, access: StaffAccess, handed_over_at: int, trustee: Signer) -> acts.RecordLateAct:
        struct = Late(ids.request_id(access.request), handed_over_at)
        return acts.RecordLateAct(access, struct, self.sign(trustee, struct))
