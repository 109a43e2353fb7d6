"""The home directory: where everything of one development consortium lies.

Owns the layout, the modes of what is made (0700), locks between processes, and that network.json (its form is
`app.consortium`'s) is read and written whole. Knows no secret: keys lie in the vaults (`profiles.sqlite`,
members/*/vault.sqlite), sealed under `key`, the one file whose loss loses everything.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fiducia.app import consortium as pins
from fiducia.app.consortium import Consortium
from fiducia.errors import ConfigError, EncodingError, LimitError


@dataclass(frozen=True, slots=True)
class MemberPaths:
    """One member's files; each is sealed or holds public facts only."""

    root: Path

    @property
    def vault(self) -> Path:
        """Secrets: shares and the broker's keys."""
        return self.root / "vault.sqlite"

    @property
    def patients(self) -> Path:
        """The directory's patients."""
        return self.root / "patients.sqlite"

    @property
    def studies(self) -> Path:
        """The directory's studies."""
        return self.root / "studies.sqlite"

    @property
    def journal(self) -> Path:
        """The broker's acts."""
        return self.root / "journal.sqlite"

    @property
    def logbook(self) -> Path:
        """The newest checkpoints of logs that it signed, cosigned or saw, and evidence; public."""
        return self.root / "log.sqlite"

    @property
    def spool(self) -> Path:
        """Instances that are not registered yet, and the quarantine; sealed."""
        return self.root / "spool"

    @property
    def cache(self) -> Path:
        """The gateway's cache: ciphertext that a store gave; may be deleted, it is read again."""
        return self.root / "cache"

    @property
    def mirror(self) -> Path:
        """The member's copy of the ledger; may be deleted, it is read again."""
        return self.root / "mirror.sqlite"


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under one root; nothing is read or made before a method says so."""

    root: Path

    @property
    def key_file(self) -> Path:
        """The key-encryption key, when it comes from a file."""
        return self.root / "key"

    @property
    def passphrase_file(self) -> Path:
        """The parameters of the passphrase, when there is one."""
        return self.root / "passphrase.json"

    @property
    def hsm_file(self) -> Path:
        """The key-encryption key as a PKCS#11 token wrapped it, when there is one."""
        return self.root / "hsm.json"

    def successor(self, file: Path) -> Path:
        """The key that is about to take a key file's place (`wiring.key_rotation`)."""
        return file.with_name(f"{file.name}.next")

    def predecessor(self, file: Path) -> Path:
        """The key that a key file held before, until a rotation is finished."""
        return file.with_name(f"{file.name}.before")

    @property
    def custody_file(self) -> Path:
        """There when custody lies in a database elsewhere: says in which kind."""
        return self.root / "custody"

    @property
    def profiles(self) -> Path:
        """The sealed profiles."""
        return self.root / "profiles.sqlite"

    @property
    def network_file(self) -> Path:
        """The public pins."""
        return self.root / "network.json"

    @property
    def backup_file(self) -> Path:
        """What the home knows of its copies; public."""
        return self.root / "backup.json"

    @property
    def copied_file(self) -> Path:
        """How far its copies reach, as the home wrote them; public, and may be deleted."""
        return self.root / "backup.last"

    @property
    def run(self) -> Path:
        """Pid files and the plan of the stack (ports)."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """What the stack's processes write."""
        return self.root / "logs"

    @property
    def chain_state(self) -> Path:
        """The local chain's state."""
        return self.root / "chain" / "state.json"

    @property
    def validators(self) -> Path:
        """The validators of a lab, a directory each; made in one step."""
        return self.root / "chain" / "validators"

    @property
    def embedded_store(self) -> Path:
        """The embedded store's directory."""
        return self.root / "store"

    @property
    def kubo_repository(self) -> Path:
        """The local Kubo node's repository."""
        return self.root / "ipfs"

    def member(self, name: str) -> MemberPaths:
        """Return a member's paths. Raises: ConfigError (not a name)."""
        return MemberPaths(self.root / "members" / check_name(name))

    def members(self) -> tuple[str, ...]:
        """Return the names of all who keep something here, sorted."""
        return tuple(sorted(path.name for path in (self.root / "members").glob("*") if path.is_dir()))

    def create(self) -> None:
        """Make the home, open to its owner alone. Raises: ConfigError (not writable, or open to others)."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not any(self.root.iterdir()):  # made by hand for us: nothing in it could have been seen or planted
                self.root.chmod(0o700)
            mode = self.root.stat().st_mode & 0o777
            for directory in (self.run, self.logs, self.root / "locks", self.chain_state.parent):
                directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"the home {self.root} cannot be made: {error.strerror}") from error
        if mode & 0o077:
            raise ConfigError(f"the home {self.root} is open to others: chmod 700 {self.root}")

    @contextlib.contextmanager
    def lock(self, name: str, wait_s: float = 0.0) -> Iterator[None]:
        """Hold one of the home's locks; a crash lets go of it.

        Raises:
            LimitError: another process holds it, also after `wait_s`.
            ConfigError: there is no home here.
        """
        path = self.root / "locks" / name
        deadline = time.monotonic() + wait_s
        while (descriptor := self._try_lock(path)) is None:
            if time.monotonic() >= deadline:
                raise LimitError(f"another fiducia is at `{name}` in this home; try again later")
            time.sleep(0.05)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)

    def _try_lock(self, path: Path) -> int | None:
        """Take a lock file; None when another holds it, or removed it between opening and locking."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise no_consortium(self) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return None

    def load(self) -> Consortium:
        """Read network.json. Raises: ConfigError (missing: run `fiducia up`; or not what fiducia writes)."""
        try:
            text = self.network_file.read_bytes()
        except FileNotFoundError as error:
            raise no_consortium(self) from error
        except OSError as error:
            raise ConfigError(f"{self.network_file} cannot be read: {error.strerror}") from error
        try:
            return pins.from_json(text)
        except EncodingError as error:
            raise ConfigError(
                f"{self.network_file}: {error}; restore it, or remove the home and run `fiducia up`"
            ) from error

    def save(self, consortium: Consortium) -> None:
        """Write network.json in one step, durably. Raises: ConfigError."""
        write_private(self.network_file, pins.to_json(consortium))


def check_name(name: str) -> str:
    """Return a profile's or member's name. Raises: ConfigError (anything else)."""
    if not re.fullmatch(pins.NAME_FORM, name):
        raise ConfigError("a profile's name begins with a lower-case letter and has up to 32 of a-z, 0-9 and -")
    return name


def no_consortium(home: Home) -> ConfigError:
    """Return the error of a home that is empty."""
    return ConfigError(
        f"there is no consortium in {home.root}: run `fiducia up --detach` for this home, or give another --home"
    )


def write_private(path: Path, text: str) -> None:
    """Replace a file (mode 0600) in one durable step. Raises: ConfigError."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
