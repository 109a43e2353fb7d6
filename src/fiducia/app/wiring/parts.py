"""Which adapter stands behind each port, opened once, closed in the end.

Owns which member's vault, directory, mirror, relayer and store a home has; where custody lies is `custody`'s.
Journeys are put together in `house`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from fiducia.adapters.broker_http import HttpBroker
from fiducia.adapters.copied import CopiedJournal, CopiedPatients, CopiedStudies, CopiedVault
from fiducia.adapters.copied_logbook import CopiedLogbook
from fiducia.adapters.dicom_files import FileIntake
from fiducia.adapters.dicom_worker.examiner import ConfinedExaminer
from fiducia.adapters.evm.deploy import APPOINTMENT_DELAY_S, RECOVERY_DELAY_S, deploy
from fiducia.adapters.evm.lane import account_of
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.faults import FaultSteps
from fiducia.adapters.folder_destination import FolderDestination
from fiducia.adapters.held_back import HeldLedger, HeldStudies, HeldVault
from fiducia.adapters.journal_watched import WatchedJournal
from fiducia.adapters.key_encryption import KeyEncryption
from fiducia.adapters.log_http import HttpLogDoor
from fiducia.adapters.spool_folder import FolderSpool
from fiducia.adapters.sql import Place, SqlJournal, SqlLogbook, SqlPatients, SqlStudies, SqlVault
from fiducia.adapters.sqlite_mirror import SqliteMirror
from fiducia.adapters.store_directory import DirectoryStore
from fiducia.adapters.system import SystemClock, SystemEntropy
from fiducia.app.consortium import Consortium, MemberAddress, StoreAddress
from fiducia.app.home import Home, no_consortium
from fiducia.app.key_slots import VaultKeySlot
from fiducia.app.profiles import BROKER_KEM, BROKER_LOG, BROKER_SIGN, RELAYER, KeyName, Kind, Profile, Profiles
from fiducia.app.settings import Settings
from fiducia.app.wiring.custody import Custody
from fiducia.app.wiring.shipping import HomeShipping
from fiducia.core.keys.kem import KemKey
from fiducia.core.signatures import EoaKey
from fiducia.core.tlog.signing import LogKey
from fiducia.core.typed_data import Domains
from fiducia.errors import ConfigError, InputError
from fiducia.journeys.audit.ledger_checkpoints import EventTree
from fiducia.journeys.backup.catching_up import Standing
from fiducia.journeys.members.acts_noted import NoteAct
from fiducia.journeys.shared.fresh import FreshLogKey, FreshSigner
from fiducia.journeys.shared.subjects import freshest, known_subject
from fiducia.journeys.trustees.dealing import DealShares
from fiducia.journeys.trustees.destroying import TellDestroy
from fiducia.ports import (
    Anchors,
    Broker,
    IdentityProvider,
    Intake,
    Journal,
    Ledger,
    Logbook,
    LogDoor,
    Patients,
    Pixels,
    Spool,
    Store,
    Studies,
    Vault,
)
from fiducia.records.ledger import Act, Founder, Network

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

READER = "auditor"
"""Whose mirror is read when nobody in particular asks."""

ANSWER_S = 30.0
"""How long a broker may take for what is not waiting for the chain."""

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class BrokerKeys:
    """What a member's vault holds of the broker's own keys, as it is now."""

    sign: EoaKey
    kem: KemKey
    log: LogKey
    relayer: LocalAccount


@dataclass(frozen=True, slots=True)
class ServingKeys:
    """The same for a process that serves: what is replaced in the vault is so here, too, a moment later.

    Attributes:
        sign: the BROKER_SIGN key.
        kem: the secrets of all BROKER_KEM keys that are in use, read each time.
        log: the LOG key.
    """

    sign: FreshSigner
    kem: Callable[[], tuple[bytes, ...]]
    log: FreshLogKey


class Parts:
    """The parts of one home, opened as they are asked for; safe to share between threads once opened."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.clock = SystemClock()
        self.entropy = SystemEntropy()
        self.custody = Custody(home, settings)
        self.steps = FaultSteps(settings.stop_at)
        self.shipping = HomeShipping(self)
        self._opened: dict[tuple[str, str], Any] = {}
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close everything that was opened."""
        self._closing.close()
        self._opened.clear()

    # -- what the home is bound to

    @cached_property
    def consortium(self) -> Consortium:
        """The public pins. Raises: ConfigError (no consortium here)."""
        return self.home.load()

    @cached_property
    def domains(self) -> Domains:
        """What signatures are bound to. Raises: ConfigError."""
        return self.consortium.domains()

    def rebind(self, consortium: Consortium) -> None:
        """Save other pins, and let go of everything that was opened under the old ones."""
        self.close()
        self.home.save(consortium)
        for name in ("consortium", "domains"):
            self.__dict__.pop(name, None)

    def forget_mirrors(self) -> None:
        """Remove every copy of the ledger: it is read again."""
        self.close()
        for path in (self.home.root / "members").glob("*/mirror.sqlite*"):
            path.unlink(missing_ok=True)

    # -- secrets

    @property
    def key_encryption(self) -> KeyEncryption:
        """Where the key-encryption key comes from."""
        return self.custody.key_encryption

    def profiles(self) -> Profiles:
        """Return the home's profiles. Raises: ConfigError (an empty home), VaultError."""
        if not self.custody.exists():
            raise no_consortium(self.home)
        return self.new_profiles()

    def new_profiles(self) -> Profiles:
        """Return the home's profiles; the file is made when there is none. Raises: VaultError."""
        return self._open(
            "profiles", "", lambda: Profiles(CopiedVault("profiles", self.plain_home_vault(), self.shipping))
        )

    def home_vault(self) -> Vault:
        """Return the home's own vault. Raises: ConfigError (an empty home), VaultError."""
        if not self.custody.exists():
            raise no_consortium(self.home)
        return CopiedVault("profiles", self.plain_home_vault(), self.shipping)

    def institution(self, profile: Profile) -> Profile:
        """Return a profile that is an institution, or refuse. Raises: InputError."""
        if profile.kind is not Kind.INSTITUTION:
            raise InputError(f"{profile.name} is a {profile.kind.value}: act as an institution (--as hospital-a)")
        if not profile.institution:
            raise ConfigError(f"{profile.name} is not a member yet: `fiducia member admit {profile.name}`")
        return profile

    def reader(self, acting: str | None) -> str:
        """Return whose mirror a command reads: the acting profile's member, or the auditor's."""
        if acting is None:
            return READER
        profile = self.profiles().load(acting)
        return profile.member or profile.name

    def broker_keys(self, member: str) -> BrokerKeys:
        """Return a member's broker keys. Raises: KeyMissingError, VaultError."""
        vault = self.vault(member)
        return BrokerKeys(
            EoaKey(vault.get(BROKER_SIGN)),
            KemKey.from_seed(vault.get(BROKER_KEM)),
            LogKey(vault.get(BROKER_LOG)),
            account_of(vault.get(RELAYER)),
        )

    def serving_keys(self, member: str) -> ServingKeys:
        """Return a member's broker keys for a process that goes on. Raises: KeyMissingError, VaultError."""
        vault = self.vault(member)
        return ServingKeys(
            FreshSigner(lambda: vault.get(BROKER_SIGN)),
            VaultKeySlot(vault, BROKER_KEM).all,
            FreshLogKey(lambda: vault.get(BROKER_LOG)),
        )

    def serving_signer(self, profile: Profile, key: KeyName) -> FreshSigner:
        """Return a profile's key that signs, for a process that goes on. Raises: KeyMissingError, VaultError."""
        profiles = self.profiles()
        return FreshSigner(lambda: profiles.load(profile.name).key(key))

    # -- ports

    def vault(self, owner: str) -> Vault:
        """Return the vault of a member or another profile. Raises: VaultError.

        A restored member's gives no share before it has caught up (NotCaughtUpError).
        """

        def make() -> Vault:
            copied = CopiedVault(f"vault/{owner}", self.plain_vault(owner), self.shipping)
            return HeldVault(copied, self.standing(owner).require)

        return self._open("vault", owner, make)

    def patients(self, member: str) -> Patients:
        """Return a member's patients. Raises: VaultError."""
        return self._open(
            "patients",
            member,
            lambda: CopiedPatients(f"patients/{member}", self.plain_patients(member), self.shipping),
        )

    def studies(self, member: str) -> Studies:
        """Return a member's studies; no restored member's are claimed before it caught up. Raises: VaultError."""

        def make() -> Studies:
            copied = CopiedStudies(f"studies/{member}", self.plain_studies(member), self.shipping)
            return HeldStudies(copied, self.standing(member).require)

        return self._open("studies", member, make)

    def journal(self, member: str) -> Journal:
        """Return a member's journal. Raises: JournalError, VaultError."""
        return self._open(
            "journal", member, lambda: CopiedJournal(f"journal/{member}", self.plain_journal(member), self.shipping)
        )

    def held_ledger(self, member: str) -> Ledger:
        """Return the ledger for what a restored member may not do before it has caught up."""
        return HeldLedger(self.ledger(member), self.standing(member).require)

    def standing(self, member: str) -> Standing:
        """Return whether a member was restored and has yet to catch up. Raises: VaultError."""
        return self._open("standing", member, lambda: Standing(self.plain_vault(member)))

    # -- custody in this place alone: neither shipped nor held back

    def plain_home_vault(self) -> SqlVault:
        """Return the home's own vault, which holds its profiles. Raises: VaultError."""
        return self._open("plain-profiles", "", lambda: self._kept(SqlVault, "", self.home.profiles))

    def plain_vault(self, owner: str) -> SqlVault:
        """Return a vault as it is. Raises: VaultError."""
        path = self.home.member(owner).vault
        return self._open("plain-vault", owner, lambda: self._kept(SqlVault, owner, path))

    def plain_patients(self, member: str) -> SqlPatients:
        """Return patients as they are. Raises: VaultError."""
        path = self.home.member(member).patients
        return self._open("plain-patients", member, lambda: self._kept(SqlPatients, member, path))

    def plain_studies(self, member: str) -> SqlStudies:
        """Return studies as they are. Raises: VaultError."""
        path = self.home.member(member).studies
        return self._open("plain-studies", member, lambda: self._kept(SqlStudies, member, path))

    def plain_journal(self, member: str) -> SqlJournal:
        """Return a journal as it is. Raises: JournalError, VaultError."""
        path = self.home.member(member).journal
        return self._open("plain-journal", member, lambda: self._kept(SqlJournal, member, path))

    def plain_logbook(self, owner: str) -> SqlLogbook:
        """Return what is remembered of logs as it is; in a home without custody, an auditor's, it is a file.

        Raises:
            JournalError, VaultError.
        """
        file = self.home.member(owner).logbook
        place: Place = self.custody.place(owner, file) if self.custody.exists() else file
        return self._open("plain-logbook", owner, lambda: self._closed_later(SqlLogbook(place)))

    def watched_journal(self, member: str, guard: Callable[[], None] = lambda: None) -> WatchedJournal:
        """Return a member's journal as its broker or gateway writes it: in time or not at all, and not past a guard.

        Raises:
            JournalError, VaultError.
        """
        return self._open(
            "watched journal", member, lambda: self._closed_later(WatchedJournal(self.journal(member), guard))
        )

    def logbook(self, owner: str) -> Logbook:
        """Return what a member, or an auditor, remembers of logs. Raises: JournalError."""
        return self._open(
            "logbook", owner, lambda: CopiedLogbook(f"logbook/{owner}", self.plain_logbook(owner), self.shipping)
        )

    def log_doors(self) -> Mapping[int, LogDoor]:
        """Return every member's log door, by institution."""

        def door(address: MemberAddress) -> LogDoor:
            return self._open("log", address.broker_url, lambda: self._closed_later(HttpLogDoor(address.broker_url)))

        return {address.institution: door(address) for address in self.consortium.members}

    def anchors(self, member: str) -> Anchors:
        """Return the checkpoints on chain; a member's relayer pays for new ones, if it has one."""
        return self.ledger(member).anchors()

    def note_act(self, member: str) -> NoteAct:
        """Return the journey that notes administrative acts in a member's journal. Raises: JournalError, VaultError."""
        return NoteAct(journal=self.watched_journal(member), clock=self.clock)

    def ledger(self, member: str) -> EvmLedger:
        """Return the ledger; transactions are paid by the member's relayer, if it has one, and noted in its journal."""

        def note(act: Act) -> None:
            self.note_act(member).on_chain(act)

        def make() -> EvmLedger:
            relayer = None
            if self.custody.is_kept(member, self.home.member(member).vault) and RELAYER in self.vault(member).names(
                RELAYER
            ):
                relayer = account_of(self.vault(member).get(RELAYER))
            lock = self.home.root / "locks" / f"relayer-{member}"
            return EvmLedger(
                self.consortium.network,
                clock=self.clock,
                relayer=relayer,
                lock_path=lock,
                timeout_s=self.settings.finality_s,
                carried=note,
            )

        return self._open("ledger", member, lambda: self._closed_later(make()))

    def mirror(self, member: str) -> SqliteMirror:
        """Return a member's mirror of the ledger."""
        path = self.home.member(member).mirror

        def make() -> SqliteMirror:
            network = self.consortium.network
            # Contracts deployed anew on the same chain are another ledger.
            identity = network.genesis_hash + self.domains.members
            return SqliteMirror(path, self.ledger(member), network=identity, first_block=network.first_block)

        return self._open("mirror", member, lambda: self._closed_later(make()))

    def event_tree(self, member: str) -> EventTree:
        """Return the tree over the ledger's events as a member's mirror has them."""
        return self._open("event tree", member, lambda: EventTree(self.mirror(member)))

    def store(self) -> Store:
        """Return the object store."""
        return self._open("store", "", lambda: self._closed_later(open_store(self.consortium.store)))

    def broker(self, institution: int) -> Broker:
        """Return an institution's broker. Raises: ConfigError (unknown here)."""
        url = self.consortium.broker_of(institution)
        # A broker answers when its transaction is final, or says that it is not.
        timeout_s = self.settings.finality_s + ANSWER_S
        return self._open("broker", str(institution), lambda: self._closed_later(HttpBroker(url, timeout_s=timeout_s)))

    def deal_shares(self, member: str, *, alone: bool = False) -> DealShares:
        """Return how a custodian deals its keys; `alone`: to itself, whatever the consortium's custody is.

        Raises:
            ConfigError, KeyMissingError, VaultError, JournalError.
        """
        address = self.consortium.member(member)
        if address is None:
            raise ConfigError(f"{member} is no member of this consortium")
        return DealShares(
            mirror=self.mirror(member),
            vault=self.vault(member),
            journal=self.journal(member),
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            broker_of=self.broker,
            signer=self.serving_keys(member).sign,
            custodian=address.institution,
            rule=None if alone else self.consortium.custody,
        )

    def tell_destroy(self, member: str) -> TellDestroy:
        """Return how a custodian has shares of before destroyed. Raises: VaultError, JournalError."""
        return TellDestroy(
            broker_of=self.broker,
            mirror=self.mirror(member),
            vault=self.vault(member),
            journal=self.journal(member),
            clock=self.clock,
            domains=self.domains,
            steps=self.steps,
            signer=self.serving_keys(member).sign,
        )

    def broker_of_subject(self, reader: str, subject: bytes) -> Broker:
        """Return the broker of a patient's present custodian, by the last facts seen. Raises: InputError (unknown)."""
        return self.broker(known_subject(freshest(self.mirror(reader)), subject).custodian)

    def spool(self, member: str) -> Spool:
        """Return a member's instances that are not registered yet. Raises: VaultError."""
        path = self.home.member(member).spool
        return self._open("spool", member, lambda: FolderSpool(path, self.vault(member)))

    def examiner(self) -> ConfinedExaminer:
        """Return who reads instances that nobody vouches for: a process of its own, ended with the house."""
        return self._open("examiner", "", lambda: self._closed_later(ConfinedExaminer()))

    def pixels(self) -> Pixels:
        """Return who decodes and renders frames: a process of its own, ended with the house."""
        from fiducia.adapters.dicom_pixels.pixels import ConfinedPixels  # loads for gateways alone

        return self._open("pixels", "", lambda: self._closed_later(ConfinedPixels()))

    def identity_provider(self, issuer: str, client_id: str, secret: str = "") -> IdentityProvider:
        """Return a hospital's OpenID provider. Raises: ConfigError (no issuer that is safe to ask)."""
        from fiducia.adapters.oidc_http import HttpProvider  # loads for gateways alone

        return self._open("provider", issuer, lambda: self._closed_later(HttpProvider(issuer, client_id, secret)))

    def intake(self) -> Intake:
        """Return where instances come from."""
        return FileIntake(self.examiner())

    def folder(self, out: Path, label: str) -> FolderDestination:
        """Return where fetched instances go."""
        return FolderDestination(out, label)

    # -- opening and closing

    def _open(self, kind: str, owner: str, make: Callable[[], _Part]) -> _Part:
        key = (kind, owner)
        if key not in self._opened:
            self._opened[key] = make()
        part: _Part = self._opened[key]
        return part

    def _closed_later(self, part: _Part) -> _Part:
        close = getattr(part, "close", None)
        if close is not None:
            self._closing.callback(close)
        return part

    def _kept(self, adapter: Callable[[Place, KeyEncryption], _Part], owner: str, file: Path) -> _Part:
        """Open a part of custody, wherever this home keeps it."""
        return self._closed_later(adapter(self.custody.place(owner, file), self.key_encryption))


def open_store(address: StoreAddress) -> Store:
    """Return the store at an address."""
    if address.kind == "embedded":
        return DirectoryStore(Path(address.address))
    from fiducia.adapters.store_kubo import KuboStore  # its client's libraries take a while to load

    return KuboStore(address.address)


def deploy_ledger(
    rpc_urls: Sequence[str],
    deployer: LocalAccount,
    founders: Sequence[Founder],
    *,
    rp_id: str,
    appointment_delay_s: int = APPOINTMENT_DELAY_S,
    recovery_delay_s: int = RECOVERY_DELAY_S,
) -> Network:
    """Deploy the contracts of a new consortium and return its pins.

    Args:
        rpc_urls: the chain's endpoints.
        deployer: the account that sends the transactions.
        founders: institutions 1, 2, ... in order.
        rp_id: the relying party of the consortium's passkeys.
        appointment_delay_s: how long an appointment waits for vetoes.
        recovery_delay_s: how long a recovery does.

    Raises:
        LedgerError, ConfigError, InputError.
    """
    return deploy(
        rpc_urls,
        deployer,
        founders,
        rp_id=rp_id,
        appointment_delay_s=appointment_delay_s,
        recovery_delay_s=recovery_delay_s,
    )
