"""One valid world for tests of rules: the same three hospitals, patient, study and clinician as
contracts/test/Base.t.sol, number for number, over any ledger.

Hospital 1 is the custodian, hospital 2 asks, hospital 3 stands by. Every struct is a valid default that a
test changes before it is signed. Nothing is granted until a test does.
"""

from __future__ import annotations

import hashlib
from typing import Any

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MEMORY_DOMAINS, MemoryLedger
from fiducia.core import ids, rules
from fiducia.core.keccak import keccak256
from fiducia.core.replay import State
from fiducia.core.signatures import ORDER, EoaKey
from fiducia.core.typed_data import Domains
from fiducia.ports import Ledger, Signer
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import (
    Act,
    AnchorAct,
    EnrolAct,
    Founder,
    GrantAct,
    KeyKind,
    PublishAct,
    RaiseBadgeEpochAct,
    Receipt,
    RecordAct,
    ReviseAct,
    RevokeAct,
    RevokeAllAct,
    WithdrawPersonAct,
)
from fiducia.records.typed import (
    Access,
    Anchor,
    Approval,
    Badge,
    Enrol,
    Grant,
    KeyRequest,
    OwnAccess,
    Publish,
    RaiseBadgeEpoch,
    Reinstate,
    Revise,
    Revoke,
    RevokeAll,
    SignedBadge,
    StaffAccess,
    Suspend,
    Withdraw,
    WithdrawPerson,
)
from tests.support.acts import Acts

NOW = 1_800_000_000
HOUR_S = 3_600
DAY_S = 86_400
KEYS_END_AT = NOW + 1000 * DAY_S
CUSTODIAN, REQUESTER, BYSTANDER = 1, 2, 3

GATEWAY_KEY = b"a gateway's public HPKE key of hospital 2"
GATEWAY = hashlib.sha256(GATEWAY_KEY).digest()
OWN_KEY = b"the patient's own key"
OWN_RECIPIENT = hashlib.sha256(OWN_KEY).digest()
PERSON = ids.person(REQUESTER, 0xC11AC1A.to_bytes(28, "big"))
SUBJECT_SALT = keccak256(b"a subject's salt")
STUDY_SALT = keccak256(b"a study's salt")
MANIFEST = hashlib.sha256(b"a manifest").digest()
SUBJECT = ids.subject(CUSTODIAN, SUBJECT_SALT)
STUDY = ids.study_id(CUSTODIAN, STUDY_SALT)


def key(number: int) -> EoaKey:
    """The key with that private number."""
    return EoaKey(number.to_bytes(32, "big"))


GOVERNORS = {CUSTODIAN: key(101), REQUESTER: key(102), BYSTANDER: key(103)}
REGISTRAR, OTHER_REGISTRAR = key(111), key(112)
OTHER_ISSUER, ISSUER = key(121), key(122)
PATIENT, OTHER_PATIENT = key(131), key(132)
SESSION = key(141)
STRANGER = key(199)

FOUNDERS = (
    Founder(GOVERNORS[1].address, 0, 3),
    Founder(GOVERNORS[2].address, 1, 3),
    Founder(GOVERNORS[3].address, 2, 3),
)


def malleated(signature: bytes) -> bytes:
    """The same signature with the high s and the other v."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


class World(Acts):
    """Acts and accesses of the default world, signed for one ledger's domains.

    Verbs of its own carry the act; those of `Acts` return it, for `do`.
    """

    def __init__(self, ledger: Ledger, domains: Domains = MEMORY_DOMAINS) -> None:
        self.ledger = ledger
        self.domains = domains

    def settle(self, anchored: bytes = MANIFEST, patient: Signer = PATIENT) -> None:
        """Publish the keys, enrol the patient, anchor the study with that manifest digest."""
        for institution, kind, public in (
            (CUSTODIAN, KeyKind.REGISTRAR, REGISTRAR.address),
            (CUSTODIAN, KeyKind.ISSUER, OTHER_ISSUER.address),
            (REQUESTER, KeyKind.REGISTRAR, OTHER_REGISTRAR.address),
            (REQUESTER, KeyKind.ISSUER, ISSUER.address),
            (REQUESTER, KeyKind.GATEWAY, GATEWAY_KEY),
        ):
            self.publish(institution, kind, public)
        self.enrol(patient, SUBJECT_SALT)
        self.anchor(SUBJECT, STUDY_SALT, anchored)

    def state(self) -> State:
        """The ledger replayed up to its newest head."""
        head = self.ledger.head()
        state = State(self.ledger.events(0, head.number))
        state.reach(head)
        return state

    # -- acts

    def do(self, act: Act) -> Receipt:
        return self.ledger.submit(act)

    def suspend(self, institution: int) -> Receipt:
        """Both others suspend an institution."""
        voters = {number: governor for number, governor in GOVERNORS.items() if number != institution}
        return self.do(self.vote(Suspend(institution, self.state().round), voters))

    def reinstate(self, institution: int) -> Receipt:
        """Both others reinstate an institution."""
        voters = {number: governor for number, governor in GOVERNORS.items() if number != institution}
        return self.do(self.vote(Reinstate(institution, self.state().round), voters))

    def withdraw_study(self, revision: int = 0) -> Receipt:
        """The registrar withdraws the study (revision 0) or one revision."""
        return self.do(self.withdraw(Withdraw(STUDY, revision), REGISTRAR))

    def publish(self, institution: int, kind: KeyKind, public: bytes, not_after: int = KEYS_END_AT) -> Receipt:
        struct = Publish(institution, kind, ids.key_hash(kind, public), not_after)
        signature = self.sign(GOVERNORS[institution], struct)
        return self.ledger.submit(PublishAct(struct, public, "https://broker.example", signature))

    def withdraw_person(self, person: bytes = PERSON, issuer: EoaKey = ISSUER) -> Receipt:
        return self.ledger.submit(WithdrawPersonAct(person, self.sign(issuer, WithdrawPerson(person))))

    def raise_badge_epoch(self, institution: int = REQUESTER, epoch: int = 1) -> Receipt:
        signature = self.sign(GOVERNORS[institution], RaiseBadgeEpoch(institution, epoch))
        return self.ledger.submit(RaiseBadgeEpochAct(institution, epoch, signature))

    def enrol(self, patient: Signer, salt: bytes) -> Receipt:
        struct = Enrol(CUSTODIAN, salt, ids.signer_hash(patient.address))
        signatures = self.sign(REGISTRAR, struct), self.sign(patient, struct)
        return self.ledger.submit(EnrolAct(struct, signatures[0], patient.address, signatures[1]))

    def anchor(self, subject: bytes, salt: bytes, manifest: bytes) -> Receipt:
        struct = Anchor(subject, salt, manifest, 30_000)
        return self.ledger.submit(AnchorAct((struct,), self.sign(REGISTRAR, struct)))

    def revise(self, revision: int, manifest: bytes = MANIFEST) -> Receipt:
        struct = Revise(STUDY, revision, manifest)
        return self.ledger.submit(ReviseAct(struct, self.sign(REGISTRAR, struct)))

    def give(self, grant: Grant, patient: Signer = PATIENT) -> Receipt:
        return self.ledger.submit(GrantAct(grant, (Approval(patient.address, self.sign(patient, grant)),)))

    def revoke(self, grant: Grant, signer: Signer = PATIENT, credential: SignedBadge | None = None) -> Receipt:
        struct = Revoke(ids.grant_id(grant))
        return self.ledger.submit(RevokeAct(grant, Approval(signer.address, self.sign(signer, struct), credential)))

    def revoke_all(self, epoch: int = 1, signer: Signer = PATIENT) -> Receipt:
        struct = RevokeAll(SUBJECT, epoch)
        return self.ledger.submit(RevokeAllAct(struct, Approval(signer.address, self.sign(signer, struct))))

    def record(self, access: Access) -> Receipt:
        return self.ledger.submit(RecordAct(access))

    # -- accesses

    def signed(self, badge: Badge, issuer: EoaKey = ISSUER) -> SignedBadge:
        return SignedBadge(badge, self.sign(issuer, badge))

    def staff(self, request: KeyRequest, grant: Grant, badge: Badge | None = None) -> StaffAccess:
        return StaffAccess(request, grant, self.signed(badge or default_badge()), self.sign(SESSION, request))

    def own(self, request: KeyRequest | None = None, signer: Signer = PATIENT) -> OwnAccess:
        asked = request or default_own_request()
        return OwnAccess(asked, Approval(signer.address, self.sign(signer, asked)), OWN_KEY)


def settled(
    founders: tuple[Founder, ...] = FOUNDERS, *, anchored: bytes = MANIFEST
) -> tuple[World, MemoryLedger, MemoryClock]:
    """A settled world on a ledger in memory, at NOW."""
    clock = MemoryClock(NOW)
    ledger = MemoryLedger(founders, clock=clock)
    world = World(ledger)
    world.settle(anchored)
    return world, ledger, clock


def events_of(ledger: MemoryLedger) -> list[LedgerEvent]:
    return list(ledger.events(0, ledger.head().number))


def default_grant(**changes: Any) -> Grant:
    """The whole study to the one clinician, TREAT, VIEW and RETAIN, for 30 days."""
    fields: dict[str, Any] = {
        "basis": 1,
        "subject": SUBJECT,
        "scope": STUDY,
        "anchored_by": 0,
        "grantee": PERSON,
        "purposes": rules.mask(rules.Purpose.TREAT),
        "actions": rules.mask(rules.Action.VIEW, rules.Action.RETAIN),
        "not_before": NOW,
        "not_after": NOW + 30 * DAY_S,
        "epoch": 1,
        "relay_by": NOW + HOUR_S,
        "terms": keccak256(b"what was shown"),
        "salt": keccak256(b"a grant's salt"),
    }
    return Grant(**(fields | changes))


def default_badge(**changes: Any) -> Badge:
    """The clinician, a PHYSICIAN of hospital 2, for 12 hours."""
    fields: dict[str, Any] = {
        "institution": REQUESTER,
        "person": PERSON,
        "session": SESSION.address,
        "roles": rules.mask(rules.Role.PHYSICIAN),
        "trained_until": NOW + 100 * DAY_S,
        "not_before": NOW,
        "not_after": NOW + 12 * HOUR_S,
        "epoch": 1,
    }
    return Badge(**(fields | changes))


def default_request(grant: Grant, **changes: Any) -> KeyRequest:
    """The whole first revision, for treatment, to view, within an hour."""
    fields: dict[str, Any] = {
        "study_id": STUDY,
        "revision": 1,
        "series": 0,
        "grant_id": ids.grant_id(grant),
        "purpose": 0,
        "action": 1,
        "person": PERSON,
        "recipient": GATEWAY,
        "not_after": NOW + HOUR_S,
        "salt": keccak256(b"a request's salt"),
    }
    return KeyRequest(**(fields | changes))


def default_own_request(**changes: Any) -> KeyRequest:
    """The patient's own request, to retain, with a key of their own."""
    fields: dict[str, Any] = {
        "grant_id": ids.NO_GRANT,
        "person": ids.NO_PERSON,
        "recipient": OWN_RECIPIENT,
        "purpose": 7,
        "action": 2,
    }
    return default_request(default_grant(), **(fields | changes))
