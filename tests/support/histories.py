"""Random histories of the whole ledger, and a bookkeeping of them that knows acts only, never events.

Each step asks for one act that is plausible most of the time, and now and then signed by the wrong people or for
another serial. What the ledger took is entered by the plain meaning of the act; a replay of the ledger's events must
come to the same books.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MEMORY_DOMAINS, MemoryLedger
from fiducia.core import ids, rules
from fiducia.core.signatures import EoaKey
from fiducia.errors import DeniedError, InputError
from fiducia.records import ledger as acts
from fiducia.records import typed
from fiducia.records.ledger import Act, KeyKind
from tests.support import world as w
from tests.support.acts import Acts, Staff, staff

DELAY_S = 5_000
ALWAYS: dict[str, Any] = {"not_before": 0, "not_after": 2**40, "trained_until": 2**40}
KINDS = {KeyKind.REGISTRAR: 200, KeyKind.ISSUER: 210, KeyKind.BROKER_SIGN: 220}


@dataclass
class Institution:
    governor: EoaKey
    exports: int
    exports_round: int = 0
    active: bool = True
    badge_epoch: int = 1


@dataclass
class Patient:
    subject: bytes
    custodian: int
    signers: list[EoaKey]
    serial: int = 1
    lifted: int = 0
    recoveries: int = 0
    epoch: int = 1
    restricted: bool = False
    contested: bool = False
    representatives: dict[EoaKey, tuple[typed.Appoint, int]] = field(default_factory=dict)
    recovery: tuple[typed.Recover, EoaKey, int] | None = None


@dataclass
class Kept:
    """A study."""

    study_id: bytes
    owner: Patient
    retain: int
    revision: int = 1
    withdrawn: set[int] = field(default_factory=set)
    status: int = 1
    held: bool = False
    holds: int = 0
    asked: bool = False


@dataclass
class Given:
    """A grant; `expiry` 0 for one that was revoked before it was carried."""

    terms: typed.Grant
    owner: Patient
    expiry: int
    revoked: bool = False
    openers: tuple[Staff, ...] = ()
    said: list[int] = field(default_factory=list)


class History(Acts):
    """One history; every choice comes from its seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.domains = MEMORY_DOMAINS
        self.clock = MemoryClock(w.NOW)
        self.ledger = MemoryLedger(w.FOUNDERS, clock=self.clock, appointment_delay_s=DELAY_S, recovery_delay_s=DELAY_S)
        self.round, self.taken, self.refused = 1, Counter[str](), Counter[str]()
        self.members = {number: Institution(w.GOVERNORS[number], 3) for number in (1, 2, 3)}
        self.patients: list[Patient] = []
        self.studies: list[Kept] = []
        self.grants: list[Given] = []
        self.requests: list[typed.KeyRequest] = []
        self._keys = 1000
        for number in self.members:
            self._publish(number)
        self.actions: list[Callable[[], None]] = [
            getattr(self, name) for name in dir(type(self)) if name.startswith("do_")
        ]

    def step(self) -> None:
        """Ask for one act."""
        if self.random.random() < 0.2:
            self.clock.advance(self.random.choice((1, 600, 4_000, 30_000)))
        self.random.choice(self.actions)()

    # -- choosing

    def submit(self, act: Act) -> bool:
        """Whether the ledger took it with an effect."""
        name = type(act).__name__
        try:
            effect = bool(self.ledger.submit(act).events)
        except (InputError, DeniedError):
            self.refused[name] += 1
            return False
        self.taken[name] += effect
        return effect

    def key(self) -> EoaKey:
        self._keys += 1
        return w.key(self._keys)

    def bytes32(self) -> bytes:
        return self.random.randbytes(32)

    def by(self, right: EoaKey | Staff) -> EoaKey | Staff:
        """Who signs: mostly the right one."""
        return right if self.random.random() < 0.9 else w.STRANGER

    def serial(self, patient: Patient) -> int:
        return patient.serial if self.random.random() < 0.9 else self.random.randint(0, patient.serial + 1)

    def recoveries(self, patient: Patient) -> int:
        return patient.recoveries if self.random.random() < 0.9 else self.random.randint(0, patient.recoveries + 1)

    def patient(self) -> Patient:
        while not self.patients:
            self.do_enrol()
        return self.random.choice(self.patients)

    def signer(self, patient: Patient) -> EoaKey:
        """The signer, or for want of one anybody."""
        return patient.signers[-1] if patient.signers else w.STRANGER

    def someone(self, patient: Patient) -> EoaKey:
        """Somebody of the patient's side: a signer, a former one, a representative."""
        return self.random.choice([*patient.signers, *patient.representatives, w.STRANGER])

    def staff(self, institution: int, role: str, number: int = 0) -> Staff:
        session = w.key(300 + 10 * institution + len(role) + number)
        who = staff(institution, len(role) + number, role, session, w.key(KINDS[KeyKind.ISSUER] + institution), w.NOW)
        return who.with_badge(**ALWAYS, epoch=self.members[institution].badge_epoch)

    def member(self) -> int:
        return self.random.choice(list(self.members))

    def registrar(self, institution: int) -> EoaKey:
        return w.key(KINDS[KeyKind.REGISTRAR] + (institution if self.random.random() < 0.95 else 9))

    def officers(self, first: int, count: int) -> list[Staff]:
        others = [number for number in self.members if number != first]
        return [self.staff(number, "OFFICER") for number in (first, *self.random.sample(others, count - 1))]

    def votes(self, excluded: int = 0) -> dict[int, EoaKey]:
        able = {n: each.governor for n, each in self.members.items() if each.active and n != excluded}
        return able if self.random.random() < 0.9 else dict(list(able.items())[:1])

    def _publish(self, number: int) -> None:
        for kind, first in KINDS.items():
            public = w.key(first + number).address
            struct = typed.Publish(number, kind, ids.key_hash(kind, public), 2**40)
            signature = self.sign(self.members[number].governor, struct)
            self.submit(acts.PublishAct(struct, public, "", signature))
        gateway = b"gateway %d" % number
        struct = typed.Publish(number, KeyKind.GATEWAY, ids.key_hash(KeyKind.GATEWAY, gateway), 2**40)
        self.submit(acts.PublishAct(struct, gateway, "", self.sign(self.members[number].governor, struct)))

    # -- members

    def do_admit(self) -> None:
        if len(self.members) >= 5:
            return
        governor, number = self.key(), len(self.members) + 1
        struct = typed.Admit(governor.address, number, 7, self.round)
        approvals = tuple((voter, self.sign(by, struct)) for voter, by in sorted(self.votes().items()))
        if self.submit(acts.AdmitAct(struct, approvals)):
            self.members[number] = Institution(governor, 7, self.round)
            self.round += 1
            self._publish(number)

    def do_suspend_or_reinstate(self) -> None:
        number = self.member()
        member = self.members[number]
        kind = typed.Suspend if member.active and self.random.random() < 0.3 else typed.Reinstate
        if self.submit(self.vote(kind(number, self.round), self.votes(number))):
            member.active = kind is typed.Reinstate
            self.round += 1

    def do_replace(self) -> None:
        number, governor = self.member(), self.key()
        struct = typed.ReplaceGovernor(number, governor.address, self.round)
        if self.submit(self.vote(struct, self.votes(number))):
            self.members[number].governor = governor
            self.round += 1

    def do_exports(self) -> None:
        number, exports = self.member(), self.random.randrange(64)
        if self.submit(self.vote(typed.ChangeExports(number, exports, self.round), self.votes())):
            self.members[number].exports, self.members[number].exports_round = exports, self.round
            self.round += 1

    def do_narrow(self) -> None:
        number = self.member()
        member = self.members[number]
        struct = typed.NarrowExports(number, member.exports & self.random.randrange(64), self.round)
        if self.submit(self.narrow_exports(struct, member.governor)):
            member.exports = struct.exports

    def do_end_badges(self) -> None:
        number = self.member()
        member = self.members[number]
        struct = typed.RaiseBadgeEpoch(number, member.badge_epoch)
        signature = self.sign(member.governor, struct)
        if self.random.random() < 0.2 and self.submit(acts.RaiseBadgeEpochAct(number, struct.epoch, signature)):
            member.badge_epoch += 1

    # -- patients

    def do_enrol(self) -> None:
        structs, patients = [], [self.key() if self.random.random() < 0.8 else None for _ in range(2)]
        custodian = self.member()
        for patient in patients:
            signer_hash = ids.signer_hash(patient.address) if patient else bytes(32)
            structs.append(typed.Enrol(custodian, self.bytes32(), signer_hash))
        if self.submit(self.enrol_batch(structs, self.registrar(custodian), patients)):
            for struct, patient in zip(structs, patients, strict=True):
                subject = ids.subject(custodian, struct.salt)
                self.patients.append(Patient(subject, custodian, [patient] if patient else []))

    def do_rotate(self) -> None:
        patient, new = self.patient(), self.key()
        struct = typed.Rotate(patient.subject, ids.signer_hash(new.address), self.serial(patient))
        if self.submit(self.rotate(struct, new, self.by(self.signer(patient)))):
            patient.signers.append(new)
            patient.serial += 1

    def do_appoint(self) -> None:
        patient = self.patient()
        who = self.random.choice([*patient.representatives, self.key()])
        struct = typed.Appoint(
            patient.subject,
            ids.signer_hash(who.address),
            self.random.randrange(4),
            1 << self.random.randrange(3) | rules.OWN_PURPOSES,
            self.clock.now() + self.random.choice((4_000, 20_000, 10**6)),
            self.serial(patient),
            self.bytes32(),
        )
        both = (self.staff(patient.custodian, "OFFICER"), self.staff(patient.custodian, "NURSE"))
        if self.submit(self.appoint(struct, *([self.by(self.signer(patient))] if patient.signers else both))):
            patient.representatives[who] = struct, self.clock.now() + DELAY_S
            patient.serial += 1

    def do_veto_appointment(self) -> None:
        patient = self.patient()
        if not patient.representatives:
            return
        who = list(patient.representatives)[-1]  # the one most likely to wait
        if self.submit(self.veto_appointment(patient.representatives[who][0], self.someone(patient))):
            del patient.representatives[who]

    def do_dismiss(self) -> None:
        patient = self.patient()
        if not patient.representatives or self.random.random() < 0.5:
            return
        who = self.random.choice(list(patient.representatives))
        struct = typed.Dismiss(patient.subject, ids.signer_hash(who.address), self.serial(patient))
        by = self.random.choice(([self.someone(patient)], self.officers(patient.custodian, 3)))
        if self.submit(self.dismiss(struct, *by)):
            del patient.representatives[who]
            patient.epoch += 1

    def do_restrict_or_lift(self) -> None:
        patient, registrar = self.patient(), w.key(KINDS[KeyKind.REGISTRAR] + self.member())
        who: list[EoaKey | Staff] = [self.someone(patient), registrar, self.staff(self.member(), "OFFICER")]
        by = self.random.choice(who)
        if self.submit(self.restrict(typed.Restrict(patient.subject, self.serial(patient)), by)):
            patient.restricted = True
        both = (self.staff(patient.custodian, "OFFICER"), self.staff(patient.custodian, "NURSE"))
        struct = typed.Lift(patient.subject, self.serial(patient))
        if self.submit(self.lift(struct, *([self.someone(patient)] if patient.signers else both))):
            patient.restricted, patient.lifted = False, struct.serial
            patient.serial += 1

    def do_recover(self) -> None:
        patient, new = self.patient(), self.key()
        attempt = 2 if patient.contested else 1
        struct = typed.Recover(patient.subject, ids.signer_hash(new.address), attempt, self.recoveries(patient))
        count = attempt + 1 if patient.signers else 1
        if self.submit(self.recover(struct, new, *self.officers(patient.custodian, count))):
            patient.recovery = struct, new, self.clock.now() + DELAY_S
            patient.recoveries += 1

    def do_veto_or_complete_recovery(self) -> None:
        patient = self.patient()
        if patient.recovery is None:
            return
        struct, new, _ = patient.recovery
        if self.random.random() < 0.3:
            by = self.someone(patient)
            if self.submit(self.veto_recovery(struct, by)):
                patient.recovery, patient.contested = None, patient.contested or by in patient.signers
        elif self.submit(acts.CompleteRecoveryAct(patient.subject)):
            patient.signers.append(new)
            patient.epoch += 1
            patient.recovery, patient.contested = None, False

    def do_transfer(self) -> None:
        patient, custodian = self.patient(), self.member()
        struct = typed.Transfer(patient.subject, custodian, self.serial(patient))
        if self.submit(self.transfer(struct, self.registrar(custodian), self.someone(patient))):
            patient.custodian, patient.recovery, patient.contested = custodian, None, False
            patient.serial += 1

    def do_revoke_all(self) -> None:
        patient = self.patient()
        struct = typed.RevokeAll(patient.subject, patient.epoch)
        if self.random.random() < 0.2 and self.submit(
            acts.RevokeAllAct(struct, self.approval(self.someone(patient), struct))
        ):
            patient.epoch += 1
