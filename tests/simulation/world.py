"""A whole consortium in one thread, made from one seed: three members, their patients and clinicians, one chain, one
store, and everything that may go wrong between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.adapters.memory.store import MemoryStore
from fiducia.core import ids
from fiducia.core.keys.custody import CustodyRule
from fiducia.core.rules import Role, mask
from fiducia.core.signatures import EoaKey
from fiducia.errors import DeniedError, FiduciaError
from fiducia.journeys.members.members import AdmitMember, PublishKey
from fiducia.journeys.reading.asking import Requester
from fiducia.records.events import LedgerEvent
from fiducia.records.images import PatientIdentity
from fiducia.records.ledger import Founder, Head, KeyKind
from fiducia.records.typed import Admit, SignedBadge
from tests.simulation.chain import Chain
from tests.simulation.chance import Chance, Killed, Process, draw_weather
from tests.simulation.history import Attempted, Block, Files, Happened, History, Numbered
from tests.simulation.house import House
from tests.simulation.material import Folder, digest_of, key, member_keys
from tests.simulation.network import begin
from tests.simulation.places import Place
from tests.simulation.ports import Store

DAY_S = 86_400
MEMBERS = (1, 2, 3)
CUSTODIANS = (1, 2)


@dataclass
class Patient:
    """A patient of a hospital, with a key of their own and studies to be registered."""

    name: str
    custodian: int
    signer: EoaKey
    subject: bytes
    identity: PatientIdentity
    folders: dict[str, Folder] = field(default_factory=dict)
    ending: set[bytes] = field(default_factory=set)  # studies that are to be erased


@dataclass
class Clinician:
    """Somebody who works at an institution; `trusted` ones are given grants."""

    institution: int
    session: EoaKey
    person: bytes
    trusted: bool
    badge: SignedBadge | None = None
    withdrawn: bool = False


class World:
    """One seed's world. `house_of` makes its members: other ones where a bug is planted."""

    def __init__(self, seed: int, house_of: Callable[..., House] = House) -> None:
        self.seed, self.random = seed, Random(seed)
        self.chance = Chance(self.random, draw_weather(self.random), calm=True)
        self.history: History = []
        self.clock = MemoryClock()
        self.steps: Any = self
        self.stack: list[Process] = []
        self._meanwhile: Callable[[], None] | None = None
        self.store = Store(self, MemoryStore())
        founder = Founder(member_keys(1).governor.address, 1, 0b111)
        self.chain = Chain(self, MemoryLedger([founder], clock=self.clock, max_head_age_s=1 << 40))
        self.houses = {
            number: house_of(self, self.chain, number, member_keys(number), self._rule(number)) for number in MEMBERS
        }
        self._found()
        self.patients = [self._patient(f"P{number}", self.random.choice(CUSTODIANS)) for number in (1, 2)]
        self.clinicians = [self._clinician(2, "A"), self._clinician(2, "B"), self._clinician(3, "C")]
        self.clinicians.append(self._clinician(3, "stranger", trusted=False))

    def _rule(self, custodian: int) -> CustodyRule:
        return self.random.choice((CustodyRule(1, (custodian,)), CustodyRule(2, (1, 2, 3))))

    def _found(self) -> None:
        ledger, domains = self.houses[1].ledger, self.chain.ledger.domains
        admit, publish = AdmitMember(ledger=ledger, domains=domains), PublishKey(ledger=ledger, domains=domains)
        for number in MEMBERS[1:]:
            votes = {each: member_keys(each).governor for each in range(1, number)}
            admit.run(Admit(member_keys(number).governor.address, 1, 0b111, number - 1), votes)
        end = self.now + 365 * DAY_S
        for number in MEMBERS:
            keys = member_keys(number)
            for kind, public in (
                (KeyKind.REGISTRAR, keys.registrar.address),
                (KeyKind.ISSUER, keys.issuer.address),
                (KeyKind.BROKER_SIGN, keys.broker_sign.address),
                (KeyKind.BROKER_KEM, keys.broker_kem.public),
                (KeyKind.GATEWAY, keys.gateway.public),
                (KeyKind.LOG, keys.log.public),
            ):
                publish.run(number, kind, public, "", end, keys.governor)

    def _patient(self, name: str, custodian: int) -> Patient:
        signer, house = key(f"patient {name} {custodian}"), self.houses[custodian]
        identity = PatientIdentity("", f"SAMPLE-{name}")
        entry, _ = house.enrol.run(identity, custodian=custodian, registrar=house.registrar, patient=signer)
        return Patient(name, custodian, signer, entry.subject, identity)

    def _clinician(self, institution: int, name: str, *, trusted: bool = True) -> Clinician:
        session = key(f"session {name}")
        return Clinician(institution, session, ids.person(institution, session.address.rjust(28, b"\0")), trusted)

    # -- what is outside

    @property
    def now(self) -> int:
        """The true time, UTC Unix seconds."""
        return self.clock.now()

    def mark(self) -> tuple[int, int]:
        """Return where and when something begins."""
        self.history.append(Happened(at=len(self.history), time=self.now))
        return len(self.history) - 1, self.now

    def note(self, kind: type[Happened], /, **what: Any) -> None:
        """Write into the history."""
        self.history.append(kind(at=len(self.history), time=self.now, **what))

    def noted_block(self, head: Head, found: tuple[LedgerEvent, ...]) -> None:
        """Write a block into the history."""
        self.note(Block, number=head.number, time_at=head.time_at, events=found)

    # -- processes

    @contextmanager
    def running(self, process: Process) -> Iterator[None]:
        """Let a process be the one that works, until it answers."""
        self.stack.append(process)
        try:
            yield
        finally:
            self.stack.pop()

    def reached(self, name: str) -> None:
        """A journey's step: here the process may end, or somebody else act. See `Steps.reached`."""
        # A broker settles a revoke under a lock of its own, and others wait for it.
        self.point(name, meanwhile=not name.startswith("revoke."))

    def point(self, name: str, *, meanwhile: bool = False) -> None:
        """A point at which the working process may end; `meanwhile`, others may act before it goes on."""
        if not self.stack:
            return
        if self.chance.of(self.chance.weather.kill):
            self.stack[-1].alive = False
            raise Killed(self.stack[-1])
        if meanwhile and self._meanwhile and self.chance.of(self.chance.weather.meanwhile):
            act, self._meanwhile = self._meanwhile, None
            try:
                act()
            finally:
                self._meanwhile = act
            for process in self.stack:
                if not process.alive:
                    raise Killed(process)

    def meanwhile(self, act: Callable[[], None] | None) -> None:
        """Say what others may do at points."""
        self._meanwhile = act

    def attempt(self, what: str, process: Process, act: Callable[[], object]) -> str:
        """Have a process do something, and write down how it ended; returns that."""
        try:
            with self.running(process):
                act()
            outcome = "done"
        except FiduciaError as error:
            outcome = outcome_of(error)
        except Killed as killed:
            outcome = "killed"
            if killed.process is not process and killed.process in self.stack:
                raise
        self.note(Attempted, what=what, outcome=outcome)
        return outcome

    def at_desk(self, institution: int, what: str, act: Callable[[], object]) -> str:
        """Have a command run at an institution; see `attempt`."""
        return self.attempt(what, begin("desk", institution), act)

    def at_gateway(self, house: House, what: str, act: Callable[[], object]) -> str:
        """Have a gateway's process do something; see `attempt`. One that was killed begins again."""
        process = house.gateway_process
        try:
            return self.attempt(what, process, act)
        finally:
            if not process.alive:
                house.gateway_killed()

    def at_broker(self, house: House, what: str, act: Callable[[], object]) -> str:
        """Have a broker's process do something beside its door; see `attempt`."""
        process = house.broker_process
        if not process.alive:
            return "down"
        return self.attempt(what, process, act)

    # -- troubles

    def mend(self, institution: int) -> None:
        """Mend all that broke at a member, and the chain; its broker is begun again by others."""
        house = self.houses[institution]
        house.endpoint.unreachable, house.endpoint.lag_s, house.endpoint.clock.skew_s = False, 0, 0
        house.disk.full = False
        self.chain.ledger.faults.stalled = False

    # -- people

    def badge(self, who: Clinician, lasts_s: int = DAY_S) -> SignedBadge:
        """Return somebody's badge, a new one where they have none. Raises: LedgerError."""
        if who.badge is None:
            house = self.houses[who.institution]
            who.badge = house.issue_badge.run(
                institution=who.institution,
                roles=mask(Role.PHYSICIAN),
                session=who.session.address,
                issuer=house.issuer,
                not_after=self.now + lasts_s,
                trained_until=self.now + 100 * DAY_S,
                person=who.person,
            )
        return who.badge

    def seen(self, study_id: bytes, place: Place) -> Files:
        """Return what a place shows of a study, as it can be compared with what was given."""
        names: dict[int, str] = {}
        for each in self.history:
            if isinstance(each, Numbered) and each.study_id == study_id:
                names = dict(each.series)
        return tuple(sorted((names[series], digest_of(data)) for (series, _), data in place.visible.items()))

    def requester(self, who: Clinician) -> Requester:
        """Return somebody who asks through their institution's gateway. Raises: LedgerError."""
        return Requester(who.session, self.houses[who.institution].gateway.seed, self.badge(who))


def outcome_of(error: FiduciaError) -> str:
    """Return an error's kind, and a denial's reason."""
    return f"DeniedError {error.reason}" if isinstance(error, DeniedError) else type(error).__name__
