"""Everybody who signs, for tests of ledgers: keys for everybody, and the acts that they sign, for any ledger's domains.

Two founders, hospital A (institution 1, custodian) and hospital B (institution 2, requester). Everything is
derived from a seed and from the time given, so a test can say what it wants in one line.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from typing import Any

from eth_account.signers.local import LocalAccount

from fiducia.adapters.evm.lane import account_of
from fiducia.core import ids, rules
from fiducia.core.signatures import EoaKey
from fiducia.core.typed_data import Domains
from fiducia.ports import Ledger, Signer
from fiducia.records.ledger import (
    AdmitAct,
    AnchorAct,
    EnrolAct,
    Founder,
    GrantAct,
    KeyKind,
    PublishAct,
    RaiseBadgeEpochAct,
    ReviseAct,
    RevokeAct,
    RevokeAllAct,
    WithdrawPersonAct,
)
from fiducia.records.typed import (
    Admit,
    Anchor,
    AnchorBatch,
    Approval,
    Badge,
    Enrol,
    Grant,
    KeyRequest,
    OwnAccess,
    Publish,
    RaiseBadgeEpoch,
    Revise,
    Revoke,
    RevokeAll,
    SignedBadge,
    StaffAccess,
    WithdrawPerson,
)
from tests.support.acts import Acts

A, B = 1, 2
DAY = 86_400


def key(name: str) -> EoaKey:
    """Return the key that goes by a name."""
    return EoaKey(_secret(name))


def account(name: str) -> LocalAccount:
    """Return the account, for transactions, of the key that goes by a name."""
    return account_of(_secret(name))


def _secret(name: str) -> bytes:
    return hashlib.sha256(b"fiducia test key " + name.encode()).digest()


FOUNDERS = (
    Founder(key("governor 1").address, region=1, exports=0b110),
    Founder(key("governor 2").address, region=2, exports=0b110),
)


@dataclass
class Signers(Acts):
    """Everybody's keys, and what they sign. `now` is the time that acts are made for (UTC Unix seconds)."""

    domains: Domains
    now: int
    seed: str = "0"
    _count: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.patient: Signer = key(f"patient {self.seed}")
        self.registrar = key("registrar")
        self.issuer = key("issuer")
        self.session = key(f"session {self.seed}")
        self.person = ids.person(B, self.fresh(28))
        self.subject_salt = self.fresh(32)
        self.subject = ids.subject(A, self.subject_salt)
        self.gateway = b"a gateway's public key"
        self.recipient = ids.key_hash(KeyKind.GATEWAY, self.gateway)

    def fresh(self, size: int) -> bytes:
        """Return fresh bytes."""
        return hashlib.shake_256(f"{self.seed} {next(self._count)}".encode()).digest(size)

    # -- members

    def admit(self, name: str, *, round: int = 1, voters: tuple[int, ...] = (1, 2)) -> AdmitAct:
        struct = Admit(key(name).address, region=3, exports=0b1000, round=round)
        votes = tuple((number, self.sign(key(f"governor {number}"), struct)) for number in voters)
        return AdmitAct(struct, votes)

    def publish(
        self, institution: int, kind: KeyKind, public: bytes, *, until: int | None = None, endpoint: str = ""
    ) -> PublishAct:
        end = self.now + 30 * DAY if until is None else until
        struct = Publish(institution, kind, ids.key_hash(kind, public), end)
        return PublishAct(struct, public, endpoint, self.sign(key(f"governor {institution}"), struct))

    def published(self) -> tuple[PublishAct, ...]:
        """Return the publications that every test of releases needs."""
        return (
            self.publish(A, KeyKind.REGISTRAR, self.registrar.address),
            self.publish(B, KeyKind.ISSUER, self.issuer.address),
            self.publish(B, KeyKind.GATEWAY, self.gateway, endpoint="https://gateway.example"),
        )

    def withdraw_person(self, person: bytes) -> WithdrawPersonAct:
        return WithdrawPersonAct(person, self.sign(self.issuer, WithdrawPerson(person)))

    def raise_badge_epoch(self, institution: int, epoch: int = 1) -> RaiseBadgeEpochAct:
        signature = self.sign(key(f"governor {institution}"), RaiseBadgeEpoch(institution, epoch))
        return RaiseBadgeEpochAct(institution, epoch, signature)

    def badge(self, **changes: Any) -> SignedBadge:
        badge = Badge(
            institution=B,
            person=self.person,
            session=self.session.address,
            roles=rules.mask(rules.Role.PHYSICIAN),
            trained_until=self.now + 365 * DAY,
            not_before=self.now - 60,
            not_after=self.now + DAY,
            epoch=1,
        )
        badge = replace(badge, **changes)
        return SignedBadge(badge, self.sign(self.issuer, badge))

    # -- patients and studies

    def enrol(self) -> EnrolAct:
        struct = Enrol(A, self.subject_salt, ids.signer_hash(self.patient.address))
        return EnrolAct(
            struct, self.sign(self.registrar, struct), self.patient.address, self.sign(self.patient, struct)
        )

    def anchor(self, count: int = 1) -> AnchorAct:
        anchors = tuple(Anchor(self.subject, self.fresh(32), self.fresh(32), 30_000) for _ in range(count))
        struct = anchors[0] if count == 1 else AnchorBatch(anchors)
        return AnchorAct(anchors, self.sign(self.registrar, struct))

    def revise(self, study_id: bytes, revision: int) -> ReviseAct:
        struct = Revise(study_id, revision, self.fresh(32))
        return ReviseAct(struct, self.sign(self.registrar, struct))

    # -- grants

    def grant(self, study_id: bytes, /, **changes: Any) -> GrantAct:
        grant = Grant(
            basis=rules.Basis.CONSENT,
            subject=self.subject,
            scope=study_id,
            anchored_by=0,
            grantee=self.person,
            purposes=rules.mask(rules.Purpose.TREAT),
            actions=rules.mask(rules.Action.VIEW, rules.Action.RETAIN),
            not_before=self.now - 60,
            not_after=self.now + 7 * DAY,
            epoch=1,
            relay_by=self.now + DAY,
            terms=self.fresh(32),
            salt=self.fresh(32),
        )
        grant = replace(grant, **changes)
        return GrantAct(grant, (Approval(self.patient.address, self.sign(self.patient, grant)),))

    def revoke(self, grant: Grant, by: Signer | None = None) -> RevokeAct:
        signer = by or self.patient
        return RevokeAct(grant, Approval(signer.address, self.sign(signer, Revoke(ids.grant_id(grant)))))

    def revoke_as_grantee(self, grant: Grant) -> RevokeAct:
        signature = self.sign(self.session, Revoke(ids.grant_id(grant)))
        return RevokeAct(grant, Approval(self.session.address, signature, self.badge()))

    def revoke_all(self, epoch: int = 1) -> RevokeAllAct:
        struct = RevokeAll(self.subject, epoch)
        return RevokeAllAct(struct, Approval(self.patient.address, self.sign(self.patient, struct)))

    # -- requests

    def request(self, study_id: bytes, grant: Grant, /, **changes: Any) -> KeyRequest:
        request = KeyRequest(
            study_id=study_id,
            revision=1,
            series=0,
            grant_id=ids.grant_id(grant),
            purpose=rules.Purpose.TREAT,
            action=rules.Action.VIEW,
            person=self.person,
            recipient=self.recipient,
            not_after=self.now + 3600,
            salt=self.fresh(32),
        )
        return replace(request, **changes)

    def access(self, study_id: bytes, grant: Grant, /, **changes: Any) -> StaffAccess:
        request = self.request(study_id, grant, **changes)
        return StaffAccess(request, grant, self.badge(), self.sign(self.session, request))

    def own_access(self, study_id: bytes, /, by: Signer | None = None, **changes: Any) -> OwnAccess:
        signer, public = by or self.patient, b"the patient's own key"
        request = KeyRequest(
            study_id=study_id,
            revision=1,
            series=0,
            grant_id=ids.NO_GRANT,
            purpose=rules.Purpose.PATRQT,
            action=rules.Action.RETAIN,
            person=ids.NO_PERSON,
            recipient=hashlib.sha256(public).digest(),
            not_after=self.now + 3600,
            salt=self.fresh(32),
        )
        request = replace(request, **changes)
        return OwnAccess(request, Approval(signer.address, self.sign(signer, request)), public)


def study_of(act: AnchorAct, place: int = 0) -> bytes:
    """Return the id of a study that hospital A anchors."""
    return ids.study_id(A, act.anchors[place].salt)


@dataclass(frozen=True)
class Scene:
    """A consortium on a ledger, ready for releases: one enrolled patient, one anchored study, one grant."""

    c: Signers
    ledger: Ledger
    study_id: bytes
    grant: Grant


def prepare(ledger: Ledger, c: Signers) -> Scene:
    """Publish keys, enrol the patient, anchor one study, give one grant."""
    for act in c.published():
        ledger.submit(act)
    ledger.submit(c.enrol())
    anchor = c.anchor()
    ledger.submit(anchor)
    grant = c.grant(study_of(anchor))
    ledger.submit(grant)
    return Scene(c, ledger, study_of(anchor), grant.grant)
