"""A consortium in memory: two hospitals, a patient, a clinician, and every journey wired to in-memory ports.

Journeys are built anew by each property, as a process would be after a restart; what lasts (ledger, store,
vaults, directory, journal) stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.adapters.memory.examiner import DirectExaminer
from fiducia.adapters.memory.intake import MemoryIntake
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.adapters.memory.patients import MemoryPatients
from fiducia.adapters.memory.progress import MemoryProgress
from fiducia.adapters.memory.spool import MemorySpool
from fiducia.adapters.memory.steps import MemorySteps
from fiducia.adapters.memory.store import MemoryStore
from fiducia.adapters.memory.studies import MemoryStudies
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.app.broker import AskingParts, LogParts, ProvingParts, TrusteeParts
from fiducia.app.sample_dicom import Sample, sample_ct_series
from fiducia.core.keys.custody import CustodyRule
from fiducia.core.keys.kem import KemKey
from fiducia.core.rules import Action, Purpose, Role, mask
from fiducia.core.signatures import EoaKey
from fiducia.core.tlog.note import Note
from fiducia.core.tlog.signing import LogKey
from fiducia.errors import InputError
from fiducia.journeys.audit.audit import AuditLedger
from fiducia.journeys.audit.ledger_checkpoints import EventTree, SignLedgerCheckpoint, ViewLedger
from fiducia.journeys.audit.vouching import VouchForInstances
from fiducia.journeys.backup.catching_up import CatchUp
from fiducia.journeys.custody.erasing import EraseStudy
from fiducia.journeys.custody.moving_custody import MoveCustody
from fiducia.journeys.custody.rekeying import RekeyStudy
from fiducia.journeys.grants.asks import AnswerAsks, Asks
from fiducia.journeys.grants.grant import GiveGrant, GrantOrder, GrantResult, RelayGrant
from fiducia.journeys.grants.revoke import RelayTaken, RevokeAllGrants, RevokeGrant, TakeRevoke
from fiducia.journeys.grants.taken import TAKEN_KINDS, Taken
from fiducia.journeys.members.carry import CARRIED, CarryAct
from fiducia.journeys.members.members import AdmitMember, PublishKey
from fiducia.journeys.patients.enrol import EnrolPatient
from fiducia.journeys.patients.look_up import LookUpPatient
from fiducia.journeys.reading.asking import DrawUpRequest, Requester
from fiducia.journeys.reading.collecting import CollectKeys
from fiducia.journeys.reading.fetch import FetchOrder, FetchStudy
from fiducia.journeys.reading.handing import SealKeys
from fiducia.journeys.reading.opening import OpenOffers
from fiducia.journeys.reading.release import HandOverKeys, RecordRelease
from fiducia.journeys.reading.viewing import Noted, Viewing
from fiducia.journeys.shared.at_once import AskAtOnce, Workers, ask_at_once
from fiducia.journeys.sign_in.badges import IssueBadge
from fiducia.journeys.stalls.late import EmergencyHandOver
from fiducia.journeys.stalls.late_checks import JudgeEmergency
from fiducia.journeys.stalls.late_records import LateHandOvers, RecordLate
from fiducia.journeys.studies.quarantine import Quarantine, SetAside
from fiducia.journeys.studies.register import RegisterStudies
from fiducia.journeys.trustees.dealing import DealShares, DeliverRest
from fiducia.journeys.trustees.destroying import TellDestroy
from fiducia.journeys.trustees.giving_up import GiveUpShares
from fiducia.journeys.trustees.trusteeship import KeepShares
from fiducia.ports import Broker, Examiner, Intake, Journal, Steps
from fiducia.records.images import FetchedStudy, HandOver, JournalEntry, PatientIdentity, Registration, Release
from fiducia.records.ledger import Act, Founder, GrantAct, KeyKind, Receipt
from fiducia.records.provenance import SignedCheckpoint, VouchAsk, Vouched
from fiducia.records.statements import (
    EmergencyKeys,
    LateEmergency,
    LookedUp,
    SignedAsk,
    SignedAskList,
    SignedCollect,
    SignedDecline,
    SignedDeposit,
    SignedDestroy,
    SignedKeeping,
    SignedLookUp,
    StalledEmergency,
    WaitingAsks,
)
from fiducia.records.typed import Access, Admit
from tests.support.logs import LogMember

HOSPITAL_A, HOSPITAL_B = 1, 2
DAY_S = 86_400
IDENTITY = PatientIdentity("", "SAMPLE-1")


def key(number: int) -> EoaKey:
    """Return the test key of a number."""
    return EoaKey(number.to_bytes(32, "big"))


def begin_to_append(threads: Executor, journal: Journal, entries: Sequence[JournalEntry]) -> Noted:
    """Begin to write into a journal, as a watched one does."""
    return threads.submit(journal.append, entries).result


class DirectBroker:
    """A `Broker` that calls the journeys of a consortium's hospital A in the same process."""

    def __init__(self, consortium: Consortium) -> None:
        self._consortium = consortium

    def relay(self, act: Act) -> Receipt:
        assert isinstance(act, GrantAct)
        return self._consortium.relay_grant.run(act)

    def carry(self, act: Act) -> Receipt:
        assert isinstance(act, CARRIED)
        return self._consortium.carry_act.run(act)

    def revoke(self, act: Act) -> bool:
        assert isinstance(act, TAKEN_KINDS)
        return self._consortium.take_revoke.run(act)

    def release(self, access: Access) -> Release:
        return self._consortium.record_release.run(access)

    def hand_over(self, access: Access) -> HandOver:
        return self._consortium.hand_over.run(access)

    def emergency(self, asked: StalledEmergency) -> EmergencyKeys:
        return self._consortium.asking.hand_over.run(asked)

    def emergency_share(self, shown: LateEmergency) -> HandOver:
        return self._consortium.asking.hand_over.share(shown)

    def deposit(self, signed: SignedDeposit) -> SignedKeeping:
        return self._consortium.trustee.keep.run(signed)

    def collect(self, signed: SignedCollect) -> HandOver:
        return self._consortium.trustee.give_up.collect(signed)

    def destroy(self, signed: SignedDestroy) -> Note:
        return self._consortium.trustee.give_up.destroy(signed)

    def keeps_for(self, trustee: int) -> bool:
        return self._consortium.deliver_rest.keeps_for(trustee)

    def look_up(self, asked: SignedLookUp) -> LookedUp:
        return self._consortium.asking.look_up.run(asked)

    def ask(self, signed: SignedAsk) -> None:
        self._consortium.asking.asks.take(signed)

    def asks(self, asked: SignedAskList) -> WaitingAsks:
        return self._consortium.asking.asks.list(asked)

    def decline(self, signed: SignedDecline) -> None:
        self._consortium.asking.asks.decline(signed)

    def checkpoint(self, block_number: int) -> SignedCheckpoint:
        return self._consortium.proving.sign_ledger.run(block_number)

    def vouch(self, ask: VouchAsk) -> Vouched:
        return self._consortium.proving.vouch.run(ask)


class Consortium:
    """Everything, from an empty chain to a patient whose studies can be registered."""

    institution = HOSPITAL_A
    appointment_delay_s, recovery_delay_s = 10, 20
    rule: CustodyRule | None = None
    trustee_steps: Steps | None = None
    at_once: AskAtOnce = staticmethod(ask_at_once)
    workers: Workers = ThreadPoolExecutor

    def __init__(self, *, enrolled: bool = True) -> None:
        self.clock = MemoryClock()
        self.entropy = SeededEntropy()
        self.governor_a, self.governor_b = key(1), key(2)
        self.registrar, self.issuer = key(3), key(4)
        self.session_secret = (6).to_bytes(32, "big")
        self.broker_sign, self.session, self.patient = key(5), EoaKey(self.session_secret), key(7)
        self.gateway, self.broker_kem = KemKey.from_seed(b"g" * 32), KemKey.from_seed(b"k" * 32)
        self.log_key = LogKey(bytes([HOSPITAL_A]) * 32)
        self.ledger = MemoryLedger(
            [Founder(self.governor_a.address, 1, 0b111)],
            clock=self.clock,
            appointment_delay_s=self.appointment_delay_s,
            recovery_delay_s=self.recovery_delay_s,
        )
        self.gateway_ledger = self.ledger
        self.domains = self.ledger.domains
        self.mirror = MemoryMirror(self.ledger)
        self.store = MemoryStore()
        self.vault, self.gateway_vault, self.patient_vault = MemoryVault(), MemoryVault(), MemoryVault()
        self.patients, self.studies, self.journal = MemoryPatients(), MemoryStudies(), MemoryJournal()
        self.spool, self.gateway_journal = MemorySpool(), MemoryJournal()
        self.held_until = 0
        self.examiner: Examiner = DirectExaminer()
        self.steps = MemorySteps()
        self.progress = MemoryProgress()
        self.files: dict[str, bytes | InputError] = {}
        self.destination = MemoryDestination()
        self._found()
        if enrolled:
            self.enrol.run(IDENTITY, custodian=HOSPITAL_A, registrar=self.registrar, patient=self.patient)

    def _found(self) -> None:
        AdmitMember(ledger=self.ledger, domains=self.domains).run(
            Admit(self.governor_b.address, 1, 0b111, 1), {HOSPITAL_A: self.governor_a}
        )
        publish = PublishKey(ledger=self.ledger, domains=self.domains)
        end = self.clock.now() + 365 * DAY_S
        publish.run(HOSPITAL_A, KeyKind.REGISTRAR, self.registrar.address, "", end, self.governor_a)
        publish.run(HOSPITAL_A, KeyKind.BROKER_SIGN, self.broker_sign.address, "", end, self.governor_a)
        publish.run(HOSPITAL_A, KeyKind.LOG, self.log_key.public, "", end, self.governor_a)
        publish.run(HOSPITAL_B, KeyKind.ISSUER, self.issuer.address, "", end, self.governor_b)
        publish.run(HOSPITAL_B, KeyKind.GATEWAY, self.gateway.public, "", end, self.governor_b)
        self.badge = self.issue_badge.run(
            institution=HOSPITAL_B,
            roles=mask(Role.PHYSICIAN),
            session=self.session.address,
            issuer=self.issuer,
            not_after=self.clock.now() + DAY_S,
            trained_until=self.clock.now() + 100 * DAY_S,
        )

    def restart(self) -> None:
        """Forget what a process would: the broker's memory of taken revokes, and its mirror."""
        self.restart_keeping_mirror()
        self.mirror = MemoryMirror(self.ledger)

    def restart_keeping_mirror(self) -> None:
        """Forget what a process would, but for the mirror, which lasts where the chain is down."""
        for name in ("taken", "late", "kept_asks", "tree"):
            self.__dict__.pop(name, None)
        self.steps = MemorySteps()

    # -- journeys

    @property
    def issue_badge(self) -> IssueBadge:
        return IssueBadge(mirror=self.mirror, clock=self.clock, entropy=self.entropy, domains=self.domains)

    @property
    def enrol(self) -> EnrolPatient:
        return EnrolPatient(
            ledger=self.ledger, patients=self.patients, entropy=self.entropy, domains=self.domains, steps=self.steps
        )

    @property
    def register(self) -> RegisterStudies:
        return self.register_from(MemoryIntake(self.files), self.examiner)

    def register_from(self, intake: Intake, examiner: Examiner) -> RegisterStudies:
        """Return the journey over some other door."""
        return RegisterStudies(
            intake=intake,
            examiner=examiner,
            store=self.store,
            vault=self.vault,
            deal=self.deal,
            patients=self.patients,
            studies=self.studies,
            ledger=self.ledger,
            entropy=self.entropy,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            progress=self.progress,
            set_aside=self.set_aside,
            workers=self.workers,
        )

    @property
    def deal(self) -> DealShares:
        return DealShares(
            mirror=self.mirror,
            vault=self.vault,
            journal=self.journal,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            broker_of=self.broker_of,
            signer=self.broker_sign,
            custodian=self.institution,
            rule=self.rule,
            at_once=self.at_once,
        )

    @property
    def deliver_rest(self) -> DeliverRest:
        return DeliverRest(vault=self.vault, clock=self.clock, deal=self.deal)

    @property
    def tell_destroy(self) -> TellDestroy:
        return TellDestroy(
            broker_of=self.broker_of,
            mirror=self.mirror,
            vault=self.vault,
            journal=self.journal,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            signer=self.broker_sign,
        )

    @property
    def trustee(self) -> TrusteeParts:
        """What hospital A's broker does with shares."""
        on: dict[str, Any] = {
            "mirror": self.mirror,
            "store": self.store,
            "vault": self.vault,
            "journal": self.journal,
            "clock": self.clock,
            "domains": self.domains,
            "steps": self.trustee_steps or self.steps,
            "trustee": self.institution,
            "signer": self.broker_sign,
        }
        return TrusteeParts(
            keep=KeepShares(seeds=lambda: (self.broker_kem.seed,), **on),
            give_up=GiveUpShares(log=self.log_key, held_until=lambda: self.held_until, **on),
            deliver_rest=self.deliver_rest,
            tell_destroy=self.tell_destroy,
        )

    @property
    def move_custody(self) -> MoveCustody:
        return MoveCustody(
            broker_of=self.broker_of,
            ledger=self.ledger,
            mirror=self.mirror,
            store=self.store,
            studies=self.studies,
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            deal=self.deal,
            tell=self.tell_destroy,
            signer=self.broker_sign,
            seed=self.broker_kem.seed,
            custodian=self.institution,
            at_once=self.at_once,
        )

    @property
    def rekey_study(self) -> RekeyStudy:
        return RekeyStudy(
            examiner=self.examiner,
            store=self.store,
            vault=self.vault,
            deal=self.deal,
            patients=self.patients,
            studies=self.studies,
            ledger=self.ledger,
            mirror=self.mirror,
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            progress=self.progress,
            move=lambda: self.move_custody,
            tell=self.tell_destroy,
            workers=self.workers,
        )

    @property
    def erase(self) -> EraseStudy:
        return EraseStudy(
            ledger=self.ledger,
            mirror=self.mirror,
            store=self.store,
            vault=self.vault,
            studies=self.studies,
            patients=self.patients,
            journal=self.journal,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            tell=self.tell_destroy,
            signer=self.broker_sign,
            log=self.log_key,
            custodian=self.institution,
            held_until=lambda: self.held_until,
        )

    @property
    def set_aside(self) -> SetAside:
        return SetAside(spool=self.spool, clock=self.clock)

    @property
    def quarantine(self) -> Quarantine:
        return Quarantine(spool=self.spool, journal=self.journal, clock=self.clock)

    @cached_property
    def taken(self) -> Taken:
        return Taken(self.journal)

    @property
    def relay_grant(self) -> RelayGrant:
        return RelayGrant(ledger=self.ledger, mirror=self.mirror, custodian=self.institution)

    @property
    def carry_act(self) -> CarryAct:
        return CarryAct(ledger=self.ledger, mirror=self.mirror, institution=self.institution)

    @property
    def take_revoke(self) -> TakeRevoke:
        return TakeRevoke(
            ledger=self.ledger,
            mirror=self.mirror,
            journal=self.journal,
            taken=self.taken,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
        )

    @property
    def relay_taken(self) -> RelayTaken:
        return RelayTaken(taken=self.taken, take=self.take_revoke)

    @property
    def record_release(self) -> RecordRelease:
        return RecordRelease(
            ledger=self.ledger,
            journal=self.journal,
            taken=self.taken,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            custodian=self.institution,
        )

    @property
    def hand_over(self) -> HandOverKeys:
        return HandOverKeys(
            ledger=self.ledger,
            mirror=self.mirror,
            journal=self.journal,
            taken=self.taken,
            seal=self.seal,
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
        )

    @property
    def catch_up(self) -> CatchUp:
        return CatchUp(
            ledger=self.ledger,
            mirror=self.mirror,
            vault=self.vault,
            studies=self.studies,
            patients=self.patients,
            journal=self.journal,
            clock=self.clock,
            steps=self.steps,
        )

    @property
    def seal(self) -> SealKeys:
        return SealKeys(
            mirror=self.mirror,
            store=self.store,
            vault=self.vault,
            domains=self.domains,
            trustee=self.institution,
            signer=self.broker_sign,
        )

    @cached_property
    def logs(self) -> LogMember:
        """Hospital A as a log and a witness, over its journal."""
        return LogMember(self, self.institution, self.journal)

    @property
    def log(self) -> LogParts:
        """What hospital A's broker keeps its log with."""
        return self.logs.parts

    @cached_property
    def late(self) -> LateHandOvers:
        return LateHandOvers(self.journal)

    @cached_property
    def kept_asks(self) -> Asks:
        return Asks(self.journal, self.clock.now())

    @property
    def asking(self) -> AskingParts:
        """What hospital A's broker answers emergency teams and access requests with."""
        on: dict[str, Any] = {
            "mirror": self.mirror,
            "journal": self.journal,
            "clock": self.clock,
            "domains": self.domains,
        }
        own: dict[str, Any] = {**on, "custodian": self.institution}
        late: dict[str, Any] = {**on, "steps": self.steps}
        return AskingParts(
            look_up=LookUpPatient(patients=self.patients, **own),
            asks=AnswerAsks(asks=self.kept_asks, **own),
            late=self.late,
            hand_over=EmergencyHandOver(
                judge=JudgeEmergency(taken=self.taken, **on),
                journal=self.journal,
                seal=self.seal,
                domains=self.domains,
                steps=self.steps,
                institution=self.institution,
                signer=self.broker_sign,
            ),
            record_late=RecordLate(ledger=self.ledger, late=self.late, signer=self.broker_sign, **late),
        )

    @cached_property
    def tree(self) -> EventTree:
        return EventTree(self.mirror)

    @property
    def view(self) -> ViewLedger:
        return ViewLedger(ledger=self.ledger, mirror=self.mirror, tree=self.tree)

    @property
    def proving(self) -> ProvingParts:
        """What hospital A's broker signs."""
        signer: dict[str, Any] = {"clock": self.clock, "domains": self.domains, "signer": self.broker_sign}
        return ProvingParts(
            sign_ledger=SignLedgerCheckpoint(view=self.view, institution=self.institution, **signer),
            vouch=VouchForInstances(mirror=self.mirror, store=self.store, custodian=self.institution, **signer),
        )

    @property
    def broker(self) -> Broker:
        return DirectBroker(self)

    def broker_of(self, institution: int) -> Broker:
        """Return an institution's broker; there is but one here."""
        return self.broker

    @property
    def give(self) -> GiveGrant:
        return GiveGrant(
            broker=self.broker,
            mirror=self.mirror,
            vault=self.patient_vault,
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
        )

    @property
    def revoke(self) -> RevokeGrant:
        return RevokeGrant(broker=self.broker, mirror=self.mirror, domains=self.domains)

    @property
    def revoke_all(self) -> RevokeAllGrants:
        return RevokeAllGrants(broker=self.broker, mirror=self.mirror, domains=self.domains)

    @property
    def fetch(self) -> FetchStudy:
        return FetchStudy(
            broker_of=self.broker_of,
            ledger=self.gateway_ledger,
            mirror=self.mirror,
            store=self.store,
            vault=self.gateway_vault,
            clock=self.clock,
            entropy=self.entropy,
            domains=self.domains,
            steps=self.steps,
            progress=self.progress,
            at_once=self.at_once,
        )

    @property
    def open_offers(self) -> OpenOffers:
        on: dict[str, Any] = {"mirror": self.mirror, "clock": self.clock, "domains": self.domains}
        return OpenOffers(
            draw_up=DrawUpRequest(entropy=self.entropy, **on),
            collect=CollectKeys(broker_of=self.broker_of, store=self.store, at_once=self.at_once, **on),
            workers=self.workers,
        )

    def viewing(
        self,
        purpose: Purpose = Purpose.TREAT,
        requester: Requester | None = None,
        requester_of: Callable[[], Requester] | None = None,
    ) -> Viewing:
        """Return the clinician's view, or somebody else's; its gateway's journal is `gateway_journal`."""
        return Viewing(
            requester=requester_of or (lambda: requester or self.clinician),
            purpose=purpose,
            open_offers=self.open_offers,
            mirror=self.mirror,
            write_down=partial(begin_to_append, self.workers(8), self.gateway_journal),
            clock=self.clock,
            monotonic=lambda: float(self.clock.now()),
        )

    @property
    def audit(self) -> AuditLedger:
        return AuditLedger(ledger=self.ledger, store=self.store, domains=self.domains, first_block=0)

    # -- short ways

    def add_series(self, slices: int = 3, **about: object) -> dict[str, bytes]:
        """Put a synthetic CT series among the files to register; returns it by name."""
        made = ct_series(slices, **about)
        self.files.update(made)
        return made

    def run_register(self) -> Registration:
        """Register all files."""
        return self.register.run(sorted(self.files), custodian=self.institution, registrar=self.registrar)

    def run_grant(self, study_id: bytes, **changes: object) -> GrantResult:
        """Grant a study to the clinician for treatment, viewing and retaining, for ten days."""
        order = {
            "study_id": study_id,
            "series": 0,
            "grantee": self.badge.badge.person,
            "purposes": mask(Purpose.TREAT),
            "actions": mask(Action.VIEW, Action.RETAIN),
            "not_after": self.clock.now() + 10 * DAY_S,
        }
        return self.give.run(GrantOrder(**{**order, **changes}), self.patient)  # type: ignore[arg-type]

    @property
    def clinician(self) -> Requester:
        return Requester(self.session, self.gateway.seed, self.badge)

    def run_fetch(
        self,
        study_id: bytes,
        destination: MemoryDestination,
        series: int = 0,
        purpose: Purpose = Purpose.TREAT,
        requester: Requester | None = None,
    ) -> FetchedStudy:
        """Fetch as the clinician, or as somebody else."""
        order = FetchOrder(study_id, series, purpose, Action.RETAIN)
        return self.fetch.run(order, requester or self.clinician, destination)


def ct_series(slices: int = 3, **about: object) -> dict[str, bytes]:
    """Return a small synthetic CT series by file name."""
    sample = Sample(**{"rows": 16, "columns": 16, **about})  # type: ignore[arg-type]
    with TemporaryDirectory() as folder:
        paths = sample_ct_series(Path(folder), slices, sample)
        prefix = f"{sample.study}-{sample.series_number}-{sample.patient_id}"
        return {f"{prefix}/{path.name}": path.read_bytes() for path in paths}


def contents(files: Mapping[str, bytes | InputError]) -> list[bytes]:
    """Return the files' bytes in an order that does not depend on names."""
    return sorted(data for data in files.values() if isinstance(data, bytes))
