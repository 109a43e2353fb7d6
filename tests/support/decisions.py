"""Runs rows of the shared decision table on the default world: through real acts where there are any."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.core import ids
from fiducia.core.keccak import keccak256
from fiducia.core.signatures import EoaKey
from fiducia.core.typed_data import Struct
from fiducia.ports import Signer
from fiducia.records.ledger import Facts, Founder, KeyKind, StudyStatus
from fiducia.records.typed import Access, Approval, Badge, Grant, KeyRequest, OwnAccess, SignedBadge, StaffAccess
from tests.support import world as w
from tests.support.passkeys import PRESENT, VERIFIED, SoftPasskey, with_high_s

FILE = Path(__file__).resolve().parents[1] / "vectors" / "decisions.json"

OTHER_SALT = keccak256(b"another subject's salt")
OTHER_SUBJECT = ids.subject(w.CUSTODIAN, OTHER_SALT)

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
}
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

    @property
    def is_reachable(self) -> bool:
        """Whether acts alone make this world, so that a ledger decides it without help."""
        return not self.changes.keys() & {"subject.restricted", "study.erased"}


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
        self.ledger = MemoryLedger(self._founders(), clock=self.clock)
        self.world = w.World(self.ledger)
        self._passkey = bool(self._taken("subject.passkey"))
        self._patient: Signer = SoftPasskey(151, self.world.domains) if self._passkey else w.PATIENT
        self.world.settle(patient=self._patient)
        self._change_study()
        grant = self._grant()
        self._change_members()
        self.access = self._own() if row.own else self._staff(grant)
        self._restricted = "subject.restricted" in self._taken("subject.restricted")
        self._erased = "study.erased" in self._taken("study.erased")
        self.clock.set(time(self._take("at", "0")))
        assert not self._left, f"unknown changes {sorted(self._left)}"

    def facts(self) -> Facts:
        """The ledger's facts, with what no act reaches yet."""
        facts = self.ledger.facts(self.access)
        if self._restricted:
            facts = replace(facts, subject_restricted=True)
        if self._erased and facts.study_status == StudyStatus.ANCHORED:
            facts = replace(facts, study_status=StudyStatus.ERASED)
        return facts

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
            self.ledger.withdraw_study(w.STUDY, withdrawn)
        if self._taken("study.withdrawn"):
            self.ledger.withdraw_study(w.STUDY)

    def _grant(self) -> Grant:
        """The row's grant, given, revoked, or never carried."""
        other = self._taken("grant.subject")
        patient = w.OTHER_PATIENT if other else self._patient
        if other:
            self.world.enrol(w.OTHER_PATIENT, OTHER_SALT)
        grant = w.default_grant(
            subject=OTHER_SUBJECT if other else w.SUBJECT,
            scope=self._scope(self._take("grant.scope", "study")),
            anchored_by=time(self._take("grant.anchored_by", "min")),
            grantee=PERSONS[self._take("grant.grantee", "clinician")],
            purposes=int(self._take("grant.purposes", "1")),
            actions=int(self._take("grant.actions", "6")),
            not_before=time(self._take("grant.not_before", "0")),
            not_after=time(self._take("grant.not_after", str(30 * w.DAY_S))),
            epoch=int(self._take("grant.epoch", "1")),
        )
        revoked_all = self._take("grants.revoked", "no")
        if revoked_all == "first":
            self.world.revoke_all()
        if self._take("grant.given", "yes") == "yes":
            self.world.give(grant, patient)
        if self._taken("grant.revoked"):
            self.world.revoke(grant, patient)
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
        if self._taken("requester.suspended"):
            self.ledger.suspend(w.REQUESTER)
        if self._taken("requester.reinstated"):
            self.ledger.reinstate(w.REQUESTER)
        if self._taken("custodian.suspended"):
            self.ledger.suspend(w.CUSTODIAN)

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
        signer = bytes([named.address[0] ^ 1]) + named.address[1:] if by == "other_verifier" else named.address
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
