"""A consortium in memory whose keys are dealt: three hospitals (or more) with a broker each, t of which open a key."""

from __future__ import annotations

from collections.abc import Callable

from fiducia.adapters.memory.steps import MemorySteps
from fiducia.core import ids
from fiducia.core.keys.custody import CustodyRule
from fiducia.core.rules import Action, Purpose
from fiducia.core.signatures import EoaKey
from fiducia.core.tlog.note import Note
from fiducia.errors import LedgerUnreachableError
from fiducia.journeys.members.members import AdmitMember, PublishKey
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.journeys.reading.collecting import CollectKeys
from fiducia.ports import Broker
from fiducia.records.images import HandOver
from fiducia.records.ledger import KeyKind
from fiducia.records.statements import (
    EmergencyKeys,
    LateEmergency,
    SignedCollect,
    SignedDeposit,
    SignedDestroy,
    SignedKeeping,
    StalledEmergency,
)
from fiducia.records.typed import Access, Admit
from tests.support.brokers import MemberBroker
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, Consortium, key

HOSPITAL_C = 3


class Down:
    """A broker that does not answer."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def unreachable(*_: object) -> object:
            raise LedgerUnreachableError("the broker does not answer; is it up? see `fiducia status`")

        return unreachable


class Answering:
    """A broker whose hand-overs or deposits somebody changed; everything else is the honest one's."""

    def __init__(
        self,
        honest: Broker,
        *,
        hand_over: Callable[[Access], HandOver] | None = None,
        deposit: Callable[[SignedDeposit], SignedKeeping] | None = None,
        collect: Callable[[SignedCollect], HandOver] | None = None,
        destroy: Callable[[SignedDestroy], Note] | None = None,
        emergency: Callable[[StalledEmergency], EmergencyKeys] | None = None,
        emergency_share: Callable[[LateEmergency], HandOver] | None = None,
    ) -> None:
        self._honest = honest
        self._changed = {
            "hand_over": hand_over,
            "deposit": deposit,
            "collect": collect,
            "destroy": destroy,
            "emergency": emergency,
            "emergency_share": emergency_share,
        }

    def __getattr__(self, name: str) -> object:
        return self._changed.get(name) or getattr(self._honest, name)


class Trustees(Consortium):
    """Hospital A deals its keys to all of them; `changed` are brokers that are down, patched or stolen."""

    def __init__(self, threshold: int = 2, count: int = 3, members: int = 0) -> None:
        self.changed: dict[int, object] = {}
        self.others: dict[int, MemberBroker] = {}
        self.trustee_steps = MemorySteps()  # asked in threads of their own
        self.rule = CustodyRule(threshold, tuple(range(1, count + 1)))
        super().__init__()
        self._admit(max(count, members))

    def _admit(self, count: int) -> None:
        governors: dict[int, EoaKey] = {HOSPITAL_A: self.governor_a, HOSPITAL_B: self.governor_b}
        for number in range(3, count + 1):
            governor = key(40 + number)
            admit = Admit(governor.address, 1, 0b111, self.mirror.catch_up().round)
            AdmitMember(ledger=self.ledger, domains=self.domains).run(admit, dict(governors))
            governors[number] = governor
        publish = PublishKey(ledger=self.ledger, domains=self.domains)
        end = self.clock.now() + 365 * DAY_S
        publish.run(HOSPITAL_A, KeyKind.BROKER_KEM, self.broker_kem.public, "", end, self.governor_a)
        for number in range(2, count + 1):
            broker = self.others[number] = MemberBroker(self, number, key(60 + number), MemorySteps())
            publish.run(number, KeyKind.BROKER_SIGN, broker.sign.address, "", end, governors[number])
            publish.run(number, KeyKind.LOG, broker.log.public, "", end, governors[number])
            publish.run(number, KeyKind.BROKER_KEM, broker.kem.public, "", end, governors[number])

    def broker_of(self, institution: int) -> Broker:
        return self.changed.get(institution) or self.honest(institution)  # type: ignore[return-value]

    def honest(self, institution: int) -> Broker:
        """Return a member's own broker, whatever was changed about it."""
        return self.broker if institution == HOSPITAL_A else self.others[institution]

    def down(self, *institutions: int) -> None:
        """Let brokers be down, and all others be up."""
        self.changed = {institution: Down() for institution in institutions}

    @property
    def study_id(self) -> bytes:
        return self.mirror.catch_up().studies()[0].study_id

    @property
    def collect(self) -> CollectKeys:
        return CollectKeys(
            broker_of=self.broker_of, mirror=self.mirror, store=self.store, clock=self.clock, domains=self.domains
        )

    def access(self, action: int = Action.RETAIN, series: int = 0) -> Access:
        """Return a new request of the clinician's, signed."""
        draw_up = DrawUpRequest(mirror=self.mirror, clock=self.clock, entropy=self.entropy, domains=self.domains)
        return draw_up.run(self.study_id, series, Purpose.TREAT, action, self.clinician)


def dealt(threshold: int = 2, count: int = 3, members: int = 0) -> Trustees:
    """A consortium whose patient has one registered, granted study of two series."""
    world = Trustees(threshold, count, members)
    world.add_series(2)
    world.add_series(1, series_number=2)
    world.run_register()
    world.run_grant(world.study_id)
    return world


def request_id(access: Access) -> bytes:
    """Return a request's id."""
    return ids.request_id(access.request)
