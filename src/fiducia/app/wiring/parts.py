"""Which adapter stands behind each port, opened once, closed in the end.

Owns which member's vault, directory, mirror, relayer and store a home has, and where its key-encryption key comes
from. Journeys are put together in `house`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from fiducia.adapters.broker_http import HttpBroker
from fiducia.adapters.dicom_files import FileIntake
from fiducia.adapters.evm.deploy import deploy
from fiducia.adapters.evm.lane import account_of
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.faults import FaultSteps
from fiducia.adapters.folder_destination import FolderDestination
from fiducia.adapters.key_encryption import (
    KeyEncryption,
    KeyFile,
    KeyText,
    Passphrase,
    create_key_file,
    create_passphrase_parameters,
)
from fiducia.adapters.sqlite import SqliteJournal, SqlitePatients, SqliteStudies, SqliteVault
from fiducia.adapters.sqlite_mirror import SqliteMirror
from fiducia.adapters.store_directory import DirectoryStore
from fiducia.adapters.system import SystemClock, SystemEntropy
from fiducia.app.consortium import Consortium, StoreAddress
from fiducia.app.home import Home, no_consortium
from fiducia.app.profiles import BROKER_KEM, BROKER_SIGN, RELAYER, Kind, Profile, Profiles
from fiducia.app.settings import Settings
from fiducia.core.keys.sealing import KemKey
from fiducia.core.signatures import EoaKey
from fiducia.core.typed_data import Domains
from fiducia.errors import ConfigError, InputError
from fiducia.ports import Broker, Intake, Journal, Patients, Store, Studies, Vault
from fiducia.records.ledger import Founder, Network

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

READER = "auditor"
"""Whose mirror is read when nobody in particular asks."""

ANSWER_S = 30.0
"""How long a broker may take for what is not waiting for the chain."""

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class BrokerKeys:
    """What a member's vault holds of the broker's own keys."""

    sign: EoaKey
    kem: KemKey
    relayer: LocalAccount


class Parts:
    """The parts of one home, opened as they are asked for; safe to share between threads once opened."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.clock = SystemClock()
        self.entropy = SystemEntropy()
        self.steps = FaultSteps(settings.stop_at)
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

    @cached_property
    def key_encryption(self) -> KeyEncryption:
        """Where the key-encryption key comes from: the environment, else the home's key file."""
        if self.settings.key is not None:
            return KeyText(self.settings.key.get_secret_value())
        if self.settings.passphrase is not None:
            return Passphrase(self.settings.passphrase.get_secret_value(), self.home.passphrase_file)
        return KeyFile(self.home.key_file)

    def create_key(self) -> None:
        """Make the key-encryption key of a new home; an existing home never gets another one."""
        if self.home.profiles.exists() or self.settings.key is not None:
            return
        make, path = create_key_file, self.home.key_file
        if self.settings.passphrase is not None:
            make, path = create_passphrase_parameters, self.home.passphrase_file
        if not path.exists():
            make(path)

    def profiles(self) -> Profiles:
        """Return the home's profiles. Raises: ConfigError (an empty home), VaultError."""
        if not self.home.profiles.exists():
            raise no_consortium(self.home)
        return self.new_profiles()

    def new_profiles(self) -> Profiles:
        """Return the home's profiles; the file is made when there is none. Raises: VaultError."""
        return self._open(
            "profiles", "", lambda: Profiles(self._sqlite(SqliteVault(self.home.profiles, self.key_encryption)))
        )

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
            EoaKey(vault.get(BROKER_SIGN)), KemKey.from_seed(vault.get(BROKER_KEM)), account_of(vault.get(RELAYER))
        )

    # -- ports

    def vault(self, owner: str) -> Vault:
        """Return the vault of a member or another profile. Raises: VaultError."""
        path = self.home.member(owner).vault
        return self._open("vault", owner, lambda: self._sqlite(SqliteVault(path, self.key_encryption)))

    def patients(self, member: str) -> Patients:
        """Return a member's patients. Raises: VaultError."""
        path = self.home.member(member).patients
        return self._open("patients", member, lambda: self._sqlite(SqlitePatients(path, self.key_encryption)))

    def studies(self, member: str) -> Studies:
        """Return a member's studies. Raises: VaultError."""
        path = self.home.member(member).studies
        return self._open("studies", member, lambda: self._sqlite(SqliteStudies(path, self.key_encryption)))

    def journal(self, member: str) -> Journal:
        """Return a member's journal. Raises: JournalError, VaultError."""
        path = self.home.member(member).journal
        return self._open("journal", member, lambda: self._sqlite(SqliteJournal(path, self.key_encryption)))

    def ledger(self, member: str) -> EvmLedger:
        """Return the ledger; transactions are paid by the member's relayer, if it has one."""

        def make() -> EvmLedger:
            vault_file = self.home.member(member).vault
            relayer = None
            if vault_file.exists() and RELAYER in self.vault(member).names(RELAYER):
                relayer = account_of(self.vault(member).get(RELAYER))
            lock = self.home.root / "locks" / f"relayer-{member}"
            return EvmLedger(
                self.consortium.network,
                clock=self.clock,
                relayer=relayer,
                lock_path=lock,
                timeout_s=self.settings.finality_s,
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

    def store(self) -> Store:
        """Return the object store."""
        return self._open("store", "", lambda: self._closed_later(open_store(self.consortium.store)))

    def broker(self, institution: int) -> Broker:
        """Return an institution's broker. Raises: ConfigError (unknown here)."""
        url = self.consortium.broker_of(institution)
        # A broker answers when its transaction is final, or says that it is not.
        timeout_s = self.settings.finality_s + ANSWER_S
        return self._open("broker", str(institution), lambda: self._closed_later(HttpBroker(url, timeout_s=timeout_s)))

    def broker_of_study(self, reader: str, study_id: bytes) -> Broker:
        """Return the broker of a study's custodian. Raises: InputError (no such study), LedgerError."""
        study = self.mirror(reader).catch_up().study(study_id)
        if study is None:
            raise InputError("no such study on this ledger; see `fiducia study list --all`")
        return self.broker(study.custodian)

    def intake(self) -> Intake:
        """Return where instances come from."""
        return FileIntake()

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

    _sqlite = _closed_later


def open_store(address: StoreAddress) -> Store:
    """Return the store at an address."""
    if address.kind == "embedded":
        return DirectoryStore(Path(address.address))
    from fiducia.adapters.store_kubo import KuboStore  # its client's libraries take a while to load

    return KuboStore(address.address)


def deploy_ledger(
    rpc_urls: Sequence[str], deployer: LocalAccount, founders: Sequence[Founder], *, rp_id: str
) -> Network:
    """Deploy the contracts of a new consortium and return its pins. Raises: LedgerError, ConfigError."""
    return deploy(rpc_urls, deployer, founders, rp_id=rp_id)
