"""The stack that is measured: a development consortium in a temporary home, its parts, and a Kubo beside it.

Anvil, the custodian's broker as a process of its own, SQLite vaults, a directory store. It ends with the
bench, however that ends. Only what a journey is made of is chosen here, never how it works.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fiducia.adapters.evm.rpc import Rpc
from fiducia.adapters.memory.progress import MemoryProgress
from fiducia.adapters.sql import SqlStudies
from fiducia.adapters.store_kubo import KuboStore
from fiducia.adapters.system import SilentSteps
from fiducia.app import kubo_daemon, settings
from fiducia.app.anvil import anvil_program, find_anvil
from fiducia.app.home import Home
from fiducia.app.plan import Plan, new_plan
from fiducia.app.processes import Program, Stack, free_ports, port_is_open
from fiducia.app.profiles import KeyName, Profile
from fiducia.app.provision import CLINICIAN, FOUNDER, PATIENT, bind_network, create_profiles, provision
from fiducia.app.wiring import House
from fiducia.core.rules import Action, Purpose, mask
from fiducia.journeys.grants.grant import GrantOrder
from fiducia.journeys.reading.asking import Requester
from fiducia.journeys.reading.fetch import FetchStudy
from fiducia.journeys.studies.quarantine import SetAside
from fiducia.journeys.studies.register import RegisterStudies
from fiducia.ports import Steps, Store, Studies
from scripts.benches import peers
from scripts.benches.peers import Orthanc

ROOT = Path(__file__).resolve().parents[2]
GRANT_S = 86_400
NO_FEES = ("--accounts", "0", "--gas-price", "0", "--block-base-fee-per-gas", "0")
_READY_S = 60.0


def say(words: str) -> None:
    """Tell how it goes, on stderr."""
    print(words, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class World:
    """A running consortium.

    Attributes:
        root: a directory for everything that is written.
        house: the home of all its actors.
        kubo: a store on a Kubo of its own, or None where there is none.
        orthanc: a running Orthanc, or why there is none.
    """

    root: Path
    house: House
    kubo: KuboStore | None
    orthanc: Orthanc | str
    _numbers: Iterator[int]

    def fresh(self, name: str) -> Path:
        """Return a path that nothing lies at."""
        return self.root / f"{name}-{next(self._numbers)}"

    def profile(self, name: str) -> Profile:
        """Return an actor."""
        return self.house.profiles().load(name)

    @property
    def chain_url(self) -> str:
        """The chain's endpoint."""
        return self.house.consortium.network.rpc_urls[0]

    @property
    def clinician(self) -> Requester:
        """Who asks for keys."""
        profile = self.profile(CLINICIAN)
        return Requester(profile.signer(KeyName.SESSION), profile.gateway().seed, profile.badge)

    @contextlib.contextmanager
    def empty_directory(self) -> Iterator[Studies]:
        """Open a directory of studies of its own, made and ready: what is registered already counts as new there."""
        with SqlStudies(self.fresh("studies") / "studies.sqlite", self.house.key_encryption) as studies:
            yield studies

    def register(self, store: Store, paths: list[str], *, studies: Studies | None = None, alone: bool = False) -> bytes:
        """Register one study by the hospital's real journey; returns its study_id.

        Args:
            store: where its objects go.
            paths: files and folders.
            studies: another directory of studies than the hospital's.
            alone: with the hospital as the only trustee, whatever the consortium's custody is.
        """
        house = self.house
        founder = self.profile(FOUNDER)
        registration = RegisterStudies(
            intake=house.intake(),
            examiner=house.examiner(),
            store=store,
            vault=house.vault(FOUNDER),
            deal=house.deal_shares(FOUNDER, alone=alone),
            patients=house.patients(FOUNDER),
            studies=house.studies(FOUNDER) if studies is None else studies,
            ledger=house.ledger(FOUNDER),
            entropy=house.entropy,
            clock=house.clock,
            domains=house.domains,
            steps=SilentSteps(),
            progress=MemoryProgress(),
            set_aside=SetAside(spool=house.spool(FOUNDER), clock=house.clock),
        ).run(paths, custodian=founder.institution, registrar=founder.signer(KeyName.REGISTRAR))
        if len(registration.studies) != 1 or registration.problems:
            raise RuntimeError(f"one study was to be registered: {registration}")
        return registration.studies[0].study_id

    def grant(self, study_id: bytes, *, metadata: bool = False) -> None:
        """Have the patient grant the study to the clinician for a day; with `metadata`, viewers find it."""
        actions = mask(Action.VIEW, Action.RETAIN) | (mask(Action.METADATA) if metadata else 0)
        order = GrantOrder(
            study_id=study_id,
            series=0,
            grantee=self.profile(CLINICIAN).person,
            purposes=mask(Purpose.TREAT),
            actions=actions,
            not_after=self.house.clock.now() + GRANT_S,
        )
        patient = self.profile(PATIENT)
        self.house.give_grant(patient).run(order, patient.signer(KeyName.SIGNER))

    def fetch(self, store: Store, steps: Steps) -> FetchStudy:
        """Return the clinician's journey against a store."""
        house, profile = self.house, self.profile(CLINICIAN)
        return FetchStudy(
            broker_of=house.broker,
            ledger=house.ledger(profile.member),
            mirror=house.mirror(profile.member),
            store=store,
            vault=house.vault(CLINICIAN),
            clock=house.clock,
            entropy=house.entropy,
            domains=house.domains,
            steps=steps,
            progress=MemoryProgress(),
        )

    def make_blocks_only_every_second(self) -> None:
        """Have the chain make a block each second and at no other time, as validators do; there is no way back."""
        with contextlib.closing(Rpc([self.chain_url])) as rpc:
            answer = rpc.call("anvil_setIntervalMining", 1)
        if answer.fault is not None:
            raise RuntimeError(f"the chain does not keep time: {answer.fault.message}")


def new_world(root: Path, house: House, kubo: KuboStore | None = None, orthanc: Orthanc | str = "") -> World:
    """Return a world around an open home; everything it writes lies under `root`."""
    root.mkdir(parents=True, exist_ok=True)
    return World(root, house, kubo, orthanc, itertools.count(1))


@contextlib.contextmanager
def running(root: Path) -> Iterator[World]:
    """Run a consortium in `root` for as long as the block lasts.

    What `fiducia up` starts, but for what is not measured: its chain writes its whole state down every second, which
    stops it for longer and longer as thousands of releases gather.
    """
    environment = settings.load()
    with (
        _members(root, environment, None) as house,
        _kubo(root, environment) as kubo,
        peers.running(root, environment.search_environment()) as orthanc,
    ):
        yield new_world(root / "work", house, kubo, orthanc)


@contextlib.contextmanager
def dealt(root: Path) -> Iterator[World]:
    """Run a consortium of three members that deals its keys, two of whom open one; nothing else beside it."""
    with _members(root, settings.load(), (2, 3)) as house:
        yield new_world(root / "work", house)


@contextlib.contextmanager
def _members(root: Path, environment: settings.Settings, custody: tuple[int, int] | None) -> Iterator[House]:
    """Run a chain and brokers: the founder's, and those of all members where they are trustees."""
    home = Home(root / "home")
    home.create()
    with House(home, environment) as house, Stack() as processes:
        house.custody.create()
        plan = new_plan(house.entropy, house.clock.now(), "embedded", custody=custody)
        create_profiles(house, plan.members)
        anvil = find_anvil(environment.search_environment(), ROOT)
        log = home.logs / "anvil.log"
        chain = processes.start(
            anvil_program(anvil, port=plan.chain_port, chain_id=plan.chain_id, log=log, extra=NO_FEES)
        )
        chain.wait_ready(lambda: port_is_open(plan.chain_port), _READY_S)
        bind_network(house, plan, say)
        provision(house, plan, say)
        for member in plan.members if custody else (FOUNDER,):
            broker = processes.start(_broker(home, plan, environment, member))
            broker.wait_ready(partial(port_is_open, plan.broker_ports[member]), _READY_S)
        yield house


def _broker(home: Home, plan: Plan, environment: settings.Settings, member: str) -> Program:
    port = str(plan.broker_ports[member])
    words = ("--home", str(home.root), "broker", "serve", "--member", member, "--port", port)
    return Program(
        name=f"broker-{member}",
        command=(sys.executable, "-I", "-u", "-m", "fiducia.app.cli", *words),
        log=home.logs / f"broker-{member}.log",
        environment=environment.child_environment(),
        directory=home.root,
    )


@contextlib.contextmanager
def _kubo(root: Path, environment: settings.Settings) -> Iterator[KuboStore | None]:
    binary = kubo_daemon.find_kubo(environment.search_environment(), environment.cache_directory())
    if binary is None:
        yield None
        return
    (port,) = free_ports(1)
    repository = root / "kubo"
    kubo_daemon.init_repository(binary, repository, api_port=port)
    with Stack() as stack:
        child = stack.start(kubo_daemon.kubo_program(binary, repository, root / "kubo.log"))
        store = KuboStore(f"/ip4/127.0.0.1/tcp/{port}")
        child.wait_ready(store.health, _READY_S)
        try:
            yield store
        finally:
            store.close()
