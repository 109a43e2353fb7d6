"""A consortium in memory with all who decide about a patient: officers of three hospitals, a parent, two brokers."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from fiducia.adapters.memory.steps import MemorySteps
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.core import ids
from fiducia.core.entries import Subject
from fiducia.core.rules import Action, Power, Purpose, Role, mask
from fiducia.core.signatures import EoaKey
from fiducia.errors import ConfigError
from fiducia.journeys.grants.grant import GrantOrder, GrantResult
from fiducia.journeys.members.members import AdmitMember, PublishKey
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.patients.custody import TransferCustody
from fiducia.journeys.patients.recovery import CompleteRecovery, RecoverSubject
from fiducia.journeys.patients.representatives import (
    Appointed,
    AppointOrder,
    AppointRepresentative,
    DismissRepresentative,
)
from fiducia.journeys.patients.restriction import LiftRestriction, RestrictProcessing
from fiducia.journeys.patients.signers import RotateSigner
from fiducia.journeys.patients.vetoes import VetoMatter
from fiducia.journeys.sign_in.badges import IssueBadge
from fiducia.ports import Broker, Signer
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Admit
from tests.support.brokers import MemberBroker
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, Consortium, key

HOSPITAL_C = 3


class Household(Consortium):
    """Hospitals A, B and C with an officer each, a registrar of B, a parent of the patient."""

    def __init__(self, *, enrolled: bool = True) -> None:
        super().__init__(enrolled=enrolled)
        self.governor_c, self.registrar_b, self.broker_sign_b = key(31), key(32), key(33)
        self.parent, self.new_key = key(34), key(35)
        self.issuers = {HOSPITAL_A: key(36), HOSPITAL_B: self.issuer, HOSPITAL_C: key(37)}
        self.acts_vault = MemoryVault()
        self.second_broker = MemberBroker(self, HOSPITAL_B, self.broker_sign_b)
        self._widen()

    def _widen(self) -> None:
        AdmitMember(ledger=self.ledger, domains=self.domains).run(
            Admit(self.governor_c.address, 1, 0b111, 2), {HOSPITAL_A: self.governor_a, HOSPITAL_B: self.governor_b}
        )
        publish = PublishKey(ledger=self.ledger, domains=self.domains)
        end = self.clock.now() + 365 * DAY_S
        for institution, kind, public, governor in (
            (HOSPITAL_A, KeyKind.ISSUER, self.issuers[HOSPITAL_A], self.governor_a),
            (HOSPITAL_C, KeyKind.ISSUER, self.issuers[HOSPITAL_C], self.governor_c),
            (HOSPITAL_B, KeyKind.REGISTRAR, self.registrar_b, self.governor_b),
            (HOSPITAL_B, KeyKind.BROKER_SIGN, self.broker_sign_b, self.governor_b),
        ):
            publish.run(institution, kind, public.address, "", end, governor)

    def restart(self) -> None:
        super().restart()
        self.steps = MemorySteps()

    def broker_of(self, institution: int) -> Broker:
        found = {HOSPITAL_A: self.broker, HOSPITAL_B: self.second_broker}.get(institution)
        if found is None:
            raise ConfigError(f"this home knows no broker of institution {institution}")
        return found

    @property
    def study_id(self) -> bytes:
        return self.mirror.catch_up().studies()[0].study_id

    # -- people

    @cached_property
    def subject(self) -> bytes:
        (entry,) = self.patients.all()
        return entry.subject

    @property
    def entry(self) -> Subject:
        """The patient, as the ledger has it now."""
        entry = self.mirror.catch_up().subject(self.subject)
        assert entry is not None
        return entry

    def staff(self, institution: int, role: Role = Role.OFFICER, number: int = 1) -> Approver:
        """Return somebody who works there, with a badge of today."""
        session = key(1000 * institution + 100 * int(role) + number)
        issue = IssueBadge(mirror=self.mirror, clock=self.clock, entropy=self.entropy, domains=self.domains)
        badge = issue.run(
            institution=institution,
            roles=mask(role),
            session=session.address,
            issuer=self.issuers[institution],
            not_after=self.clock.now() + DAY_S,
            trained_until=self.clock.now() + DAY_S,
            person=ids.person(institution, session.address.rjust(28, b"\0")),
        )
        return Approver(session, badge)

    @property
    def officer_a(self) -> Approver:
        return self.staff(HOSPITAL_A)

    @property
    def officer_b(self) -> Approver:
        return self.staff(HOSPITAL_B)

    @property
    def officer_c(self) -> Approver:
        return self.staff(HOSPITAL_C)

    # -- journeys

    def _parts(self) -> dict[str, Any]:
        return {
            "broker": self.broker,
            "mirror": self.mirror,
            "vault": self.acts_vault,
            "domains": self.domains,
            "steps": self.steps,
        }

    @property
    def rotate(self) -> RotateSigner:
        return RotateSigner(**self._parts())

    @property
    def appoint(self) -> AppointRepresentative:
        return AppointRepresentative(**self._parts(), entropy=self.entropy)

    @property
    def dismiss(self) -> DismissRepresentative:
        return DismissRepresentative(**self._parts())

    @property
    def veto(self) -> VetoMatter:
        return VetoMatter(**self._parts())

    @property
    def restrict(self) -> RestrictProcessing:
        return RestrictProcessing(broker=self.broker, mirror=self.mirror, domains=self.domains)

    @property
    def lift(self) -> LiftRestriction:
        return LiftRestriction(**self._parts())

    @property
    def recover(self) -> RecoverSubject:
        return RecoverSubject(**self._parts())

    @property
    def complete(self) -> CompleteRecovery:
        return CompleteRecovery(broker=self.broker)

    @property
    def transfer(self) -> TransferCustody:
        return TransferCustody(**{**self._parts(), "broker": self.second_broker})

    # -- short ways

    def run_appoint(self, who: EoaKey | None = None, *by: Approver, **changes: Any) -> Appointed:
        """Appoint the parent, with all powers, to treat and on behalf of the family, for 90 days."""
        order = {
            "subject": self.subject,
            "representative": ids.signer_hash((who or self.parent).address),
            "powers": mask(Power.GRANT, Power.ACCESS),
            "purposes": mask(Purpose.TREAT, Purpose.FAMRQT),
            "not_after": self.clock.now() + 90 * DAY_S,
        }
        return self.appoint.run(AppointOrder(**{**order, **changes}), by or (Approver(self.patient),))

    def grant_by(self, signer: Signer, **changes: Any) -> GrantResult:
        """Grant the study to the clinician for treatment, for ten days, signed by somebody."""
        order = {
            "study_id": self.study_id,
            "series": 0,
            "grantee": self.badge.badge.person,
            "purposes": mask(Purpose.TREAT),
            "actions": mask(Action.VIEW, Action.RETAIN),
            "not_after": self.clock.now() + 10 * DAY_S,
        }
        return self.give.run(GrantOrder(**{**order, **changes}), signer)

    def appointed(self) -> Appointed:
        """Appoint the parent and wait until that has begun."""
        done = self.run_appoint()
        self.clock.advance(self.appointment_delay_s)
        return done


def settled() -> Household:
    """A household whose patient has one registered study."""
    world = Household()
    world.add_series(1)
    world.run_register()
    return world
