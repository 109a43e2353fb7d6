"""Runs rows of the shared decision table on the default world, through real acts.

What a change means, where its name does not say it (W: the world, R: the request):

    at                  when R is judged; everything in W happens at `now`, from the grant on at `grant.at`
    grant.at            when the grant is carried
    grant.basis         1 the patient approves (or `grant.by`), 2 two staff of the custodian, 3 and 4 an officer of the
                        custodian, 5 two staff of the requester; the approving staff's badges hold at any time
    grant.by            "representative": who approves on basis 1
    grant.revoked       "yes" by the patient, "representative" by that one
    representative      "yes": appointed by the patient at `now`, it begins 100 seconds later; "vetoed": by the patient
                        at once; "dismissed": by the patient after the grant. Its terms: representative.powers
                        (default 3), representative.purposes (TREAT PATRQT FAMRQT), representative.not_after (365 days)
    subject.rotated     after the grant, the patient's signer gives way to "new_signer"
    subject.restricted  last, by the patient
    study.erased        requested by the patient, then recorded by the registrar
    trustee.end         the end of the custodian's BROKER_SIGN key
    late.handed_over    R is recorded late, with this time of the hand-over
    late.signed_by      who signs the hand-over; default: the custodian's trustee
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.core import ids
from fiducia.core.keccak import keccak256
from fiducia.core.policy import Decision, decide, decide_late, verify_access
from fiducia.core.signatures import EoaKey, recover_or_none
from fiducia.core.typed_data import Struct
from fiducia.ports import Signer
from fiducia.records.ledger import Founder, KeyKind, RecordAct, RecordLateAct
from fiducia.records.typed import (
    Access,
    Approval,
    Badge,
    Dismiss,
    Erase,
    Grant,
    KeyRequest,
    Late,
    OwnAccess,
    RequestErasure,
    Restrict,
    Rotate,
    SignedBadge,
    StaffAccess,
)
from tests.support import whole
from tests.support import world as w
from tests.support.altered import altered
from tests.support.passkeys import PRESENT, VERIFIED, SoftPasskey, with_high_s

FILE = Path(__file__).resolve().parents[1] / "vectors" / "decisions.json"

PERSONS = {
    "clinician": w.PERSON,
    "colleague": ids.person(w.REQUESTER, 0xC0.to_bytes(28, "big")),
    "custodian_staff": ids.person(w.CUSTODIAN, 0x57.to_bytes(28, "big")),
    "none": ids.NO_PERSON,
    "requester": ids.institution_grantee(w.REQUESTER),
    "custodian": ids.institution_grantee(w.CUSTODIAN),
    "bystander": ids.institution_grantee(w.BYSTANDER),
}
SIGNERS = {
    "stranger": w.STRANGER,
    "patient": w.PATIENT,
    "other_patient": w.OTHER_PATIENT,
    "issuer": w.ISSUER,
    "other_issuer": w.OTHER_ISSUER,
    "custodian_registrar": w.REGISTRAR,
    "requester_registrar": w.OTHER_REGISTRAR,
    "representative": whole.REPRESENTATIVE,
    "other_representative": whole.OTHER_REPRESENTATIVE,
    "new_signer": whole.NEW_SIGNER,
    "session": w.SESSION,
    "trustee": whole.TRUSTEE,
    "requester_trustee": w.key(172),
}
# The staff who approve, with badges that hold at any time.
_ALWAYS = {"not_before": 0, "not_after": 2**64 - 1, "trained_until": 2**64 - 1}
OFFICER_1, NURSE_1, DOCTOR_2, NURSE_2 = (
    each.with_badge(**_ALWAYS) for each in (whole.OFFICER_1, whole.NURSE_1, whole.DOCTOR_2, whole.NURSE_2)
)
APPROVING = {2: (OFFICER_1, NURSE_1), 3: (OFFICER_1,), 4: (OFFICER_1,), 5: (DOCTOR_2, NURSE_2)}
DELAY_S = 100
"""The appointment delay of every row's world."""

RECIPIENTS = {
    "unpublished": keccak256(b"a key that nobody published"),
    "issuer": ids.key_hash(KeyKind.ISSUER, w.ISSUER.address),
}


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row as the file has it."""

    name: str
    own: bool
    changes: dict[str, str]
    reason: int
    reason_name: str
    lapse: int


def table() -> list[TableRow]:
    """Return the file's rows."""
    return [
        TableRow(**(row | {"changes": {each["field"]: each["value"] for each in row["changes"]}}))
        for row in json.loads(FILE.read_bytes())["rows"]
    ]


def time(value: str) -> int:
    """A time from its text: seconds from NOW, or an end of the scale."""
    ends = {"min": 0, "max": 2**64 - 1}
    return ends[value] if value in ends else w.NOW + int(value)


class Case:
    """One row's world, settled and changed, at the time of the request. Every change must be used."""

    def __init__(self, row: TableRow) -> None:
        self._left = dict(row.changes)
        self.clock = MemoryClock(w.NOW)
        self.ledger = MemoryLedger(self._founders(), clock=self.clock, appointment_delay_s=DELAY_S)
        self.world = whole.Whole(self.ledger)
        self._passkey = bool(self._taken("subject.passkey"))
        self._patient: Signer = SoftPasskey(151, self.world.domains) if self._passkey else w.PATIENT
        self.world.settle(patient=self._patient)
        self.world.publish(w.REQUESTER, KeyKind.BROKER_SIGN, SIGNERS["requester_trustee"].address)
        self._change_study()
        dismissed = self._appoint()
        grant = self._grant()
        self._change_members()
        self._change_subject(dismissed)
        self.access = self._own() if row.own else self._staff(grant)
        self.late = self._late()
        self.clock.set(time(self._take("at", "0")))
        assert not self._left, f"unknown changes {sorted(self._left)}"

    @property
    def act(self) -> RecordAct | RecordLateAct:
        """What asks the ledger to record it."""
        return self.late or RecordAct(self.access)

    def decide(self) -> Decision:
        """Decide as a broker does, from the ledger's facts."""
        facts, verified = self.ledger.facts(self.access), verify_access(self.world.domains, self.access)
        if self.late is None:
            return decide(self.access, facts, verified)
        trustee = recover_or_none(self.world.domains.digest(self.late.late), self.late.signature)
        late = self.world.state().late_facts(self.access.request, trustee)
        return decide_late(self.late.access, facts, verified, late, self.late.late.handed_over_at)

    def _take(self, field: str, default: str) -> str:
        return self._left.pop(field, default)

    def _taken(self, field: str) -> set[str]:
        return {field} if self._left.pop(field, None) else set()

    def _founders(self) -> tuple[Founder, ...]:
        exports, region = int(self._take("custodian.exports", "3")), int(self._take("requester.region", "1"))
        first, second, third = w.FOUNDERS
        return replace(first, exports=exports), replace(second, region=region), third

    def _change_study(self) -> None:
        for revision in range(2, int(self._take("study.revisions", "1")) + 1):
            self.world.revise(revision, keccak256(b"revision %d" % revision))
        if withdrawn := int(self._take("revision.withdrawn", "0")):
            self.world.withdraw_study(withdrawn)
        if self._taken("study.withdrawn"):
            self.world.withdraw_study()
        if self._taken("study.erased"):
            self.world.do(self.world.request_erasure(RequestErasure(w.STUDY), self._patient))
            self.world.do(self.world.erase(Erase(w.STUDY, whole.CERTIFICATE), w.REGISTRAR))

    def _appoint(self) -> bool:
        """The row's representative, vetoed where it is; True when it is to be dismissed later."""
        how = self._take("representative", "")
        appointment = whole.appointment(
            powers=int(self._take("representative.powers", "3")),
            purposes=int(self._take("representative.purposes", str(1 << 0 | 1 << 7 | 1 << 8))),
            not_after=time(self._take("representative.not_after", str(365 * w.DAY_S))),
        )
        if how:
            self.world.do(self.world.appoint(appointment, self._patient))
        if how == "vetoed":
            self.world.do(self.world.veto_appointment(appointment, self._patient))
        return how == "dismissed"

    def _change_subject(self, dismissed: bool) -> None:
        world, serial = self.world, self.world.serial()
        if dismissed:
            world.do(world.dismiss(Dismiss(w.SUBJECT, whole.hash_of(whole.REPRESENTATIVE), serial), self._patient))
        if self._taken("subject.rotated"):
            rotation = Rotate(w.SUBJECT, whole.hash_of(whole.NEW_SIGNER), serial)
            world.do(world.rotate(rotation, whole.NEW_SIGNER, self._patient))
        if self._taken("subject.restricted"):
            world.do(world.restrict(Restrict(w.SUBJECT, serial), self._patient))

    def _grant(self) -> Grant:
        """The row's grant, given, revoked, or never carried."""
        other = self._taken("grant.subject")
        patient = w.OTHER_PATIENT if other else self._patient
        if other:
            self.world.enrol(w.OTHER_PATIENT, whole.OTHER_SALT)
        grant = w.default_grant(
            basis=int(self._take("grant.basis", "1")),
            subject=whole.OTHER_SUBJECT if other else w.SUBJECT,
            scope=self._scope(self._take("grant.scope", "study")),
            anchored_by=time(self._take("grant.anchored_by", "min")),
            grantee=PERSONS[self._take("grant.grantee", "clinician")],
            purposes=int(self._take("grant.purposes", "1")),
            actions=int(self._take("grant.actions", "6")),
            not_before=time(self._take("grant.not_before", "0")),
            not_after=time(self._take("grant.not_after", str(30 * w.DAY_S))),
            epoch=int(self._take("grant.epoch", "1")),
        )
        self.clock.set(time(self._take("grant.at", "0")))
        revoked_all = self._take("grants.revoked", "no")
        if revoked_all == "first":
            self.world.revoke_all()
        by: Signer = whole.REPRESENTATIVE if self._take("grant.by", "patient") == "representative" else patient
        if self._take("grant.given", "yes") == "yes":
            self.world.do(self.world.grant_by(grant, *(APPROVING.get(grant.basis) or (by,))))
        if revoked := self._take("grant.revoked", ""):
            self.world.revoke(grant, whole.REPRESENTATIVE if revoked == "representative" else patient)
        if revoked_all == "yes":
            self.world.revoke_all()
        return grant

    def _scope(self, value: str) -> bytes:
        if value.startswith("series "):
            return ids.series_scope(w.STUDY, int(value.removeprefix("series ")))
        return {"study": w.STUDY, "all": ids.ALL_SCOPE, "other": keccak256(b"another study")}[value]

    def _change_members(self) -> None:
        if self._taken("person.withdrawn"):
            self.world.withdraw_person()
        if self._taken("badges.ended"):
            self.world.raise_badge_epoch()
        if end := self._take("issuer.end", ""):
            self.world.publish(w.REQUESTER, KeyKind.ISSUER, w.ISSUER.address, time(end))
        if end := self._take("gateway.end", ""):
            self.world.publish(w.REQUESTER, KeyKind.GATEWAY, w.GATEWAY_KEY, time(end))
        if end := self._take("trustee.end", ""):
            self.world.publish(w.CUSTODIAN, KeyKind.BROKER_SIGN, whole.TRUSTEE.address, time(end))
        if self._taken("requester.suspended"):
            self.world.suspend(w.REQUESTER)
        if self._taken("requester.reinstated"):
            self.world.reinstate(w.REQUESTER)
        if self._taken("custodian.suspended"):
            self.world.suspend(w.CUSTODIAN)

    def _request(self, default: KeyRequest, grants: dict[str, bytes]) -> KeyRequest:
        unknown = keccak256(b"an unknown study") if self._taken("request.study") else w.STUDY
        recipient, person = self._take("request.recipient", ""), self._take("request.person", "")
        named = self._take("request.grant", "")
        return replace(
            default,
            study_id=unknown,
            revision=int(self._take("request.revision", "1")),
            series=int(self._take("request.series", "0")),
            grant_id=grants[named] if named else default.grant_id,
            purpose=int(self._take("request.purpose", str(default.purpose))),
            action=int(self._take("request.action", str(default.action))),
            person=PERSONS[person] if person else default.person,
            recipient=RECIPIENTS[recipient] if recipient else default.recipient,
            not_after=time(self._take("request.not_after", str(w.HOUR_S))),
        )

    def _staff(self, grant: Grant) -> Access:
        request = self._request(w.default_request(grant), {"none": ids.NO_GRANT})
        badge = w.default_badge(
            institution=int(self._take("badge.institution", "2")),
            person=PERSONS[self._take("badge.person", "clinician")],
            roles=int(self._take("badge.roles", "1")),
            trained_until=time(self._take("badge.trained_until", str(100 * w.DAY_S))),
            not_before=time(self._take("badge.not_before", "0")),
            not_after=time(self._take("badge.not_after", str(12 * w.HOUR_S))),
            epoch=int(self._take("badge.epoch", "1")),
        )
        another = self._taken("evidence.grant")
        return StaffAccess(
            request,
            replace(grant, salt=keccak256(b"another grant's salt")) if another else grant,
            self._badge(badge),
            self._signature(self._take("request.signed_by", "session"), w.SESSION, request),
        )

    def _late(self) -> RecordLateAct | None:
        handed_over, by = self._take("late.handed_over", ""), self._take("late.signed_by", "trustee")
        if not handed_over or not isinstance(self.access, StaffAccess):
            return None
        late = Late(ids.request_id(self.access.request), time(handed_over))
        return RecordLateAct(self.access, late, self._signature(by, whole.TRUSTEE, late))

    def _badge(self, badge: Badge) -> SignedBadge:
        return SignedBadge(badge, self._signature(self._take("badge.signed_by", "issuer"), w.ISSUER, badge))

    def _own(self) -> Access:
        request = self._request(w.default_own_request(), {"default": ids.grant_id(w.default_grant())})
        credential = self.world.signed(w.default_badge()) if self._taken("approval.credential") else None
        by, how = self._take("approval.signer", "patient"), self._take("request.signed_by", "signer")
        if self._passkey:
            signer, signature = self._by_passkey(by, how, self.world.domains.digest(request))
        else:
            signer, signature = SIGNERS[by].address, self._signature(how, SIGNERS[by], request)
        return OwnAccess(request, Approval(signer, signature, credential), w.OWN_KEY)

    def _by_passkey(self, by: str, how: str, digest: bytes) -> tuple[bytes, bytes]:
        """The signer bytes and the assertion of a row whose patient has a passkey."""
        own, other = (SoftPasskey(number, self.world.domains) for number in (151, 152))
        named = own if by == "patient" else other
        # A verifier that is not the ledger's, whatever it would answer.
        signer = altered(named.address, 0) if by == "other_verifier" else named.address
        ways: dict[str, Callable[[], bytes]] = {
            "signer": lambda: named.sign(digest),
            "unverified": lambda: named.make(digest, flags=PRESENT),
            "absent": lambda: named.make(digest, flags=VERIFIED),
            "other_party": lambda: named.make(digest, rp_id="example.org"),
            "other_challenge": lambda: named.sign(bytes(byte ^ 0xFF for byte in digest)),
            "registration": lambda: named.make(digest, kind="webauthn.create"),
            "malleated": lambda: with_high_s(named.sign(digest)),
            "longer": lambda: named.sign(digest) + b"\0",
            "other_passkey": lambda: other.sign(digest),
            "stranger": lambda: w.STRANGER.sign(digest),
        }
        return signer, ways[how]()

    def _signature(self, by: str, default: EoaKey, struct: Struct) -> bytes:
        if by == "malleated":
            return w.malleated(self.world.sign(default, struct))
        return self.world.sign(SIGNERS.get(by, default), struct)
