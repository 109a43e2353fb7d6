"""Where the key-encryption key comes from: a file, a text from the settings, or a passphrase.

Owns the port and these three providers (`key_encryption_pkcs11` has the fourth), the format of the key file and
of the passphrase's parameter file, and the checks of mode and owner. Does not own what is sealed under the key
(`adapters.sql`) nor the reading of the environment (`app.settings` passes the text in). A provider never makes a
key by itself: a lost key must stay an error, or a fresh one would quietly lock everything that is sealed already.
Source: argon2id of RFC 9106, by default with its second recommended option.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw

from fiducia.errors import ConfigError, VaultError, VaultLockedError

KEY_BYTES: Final = 32
_SALT_BYTES: Final = 16
_MAX_FILE_BYTES: Final = 4096
_KEY_TEXT: Final = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")
# What a parameter file may ask for: not so little that guessing is cheap, not so much that opening hangs.
_BOUNDS: Final = {"memory_kib": (19 * 1024, 4 * 1024 * 1024), "iterations": (1, 64), "lanes": (1, 64)}


class KeyEncryption(Protocol):
    """One way to come by the key-encryption key."""

    def key(self) -> bytes:
        """Return the 32-byte key-encryption key, the same at every call.

        Raises:
            VaultLockedError: the key is missing or malformed, or others could have read or changed it.
        """
        ...


class KeyText:
    """The key as 64 hexadecimal digits, taken from a setting (an environment variable's value)."""

    def __init__(self, text: str) -> None:
        self._text = text

    def key(self) -> bytes:
        """Return the key. Raises: VaultLockedError (empty or not 64 hexadecimal digits)."""
        if not self._text.strip():
            raise VaultLockedError("the key-encryption key is empty: set it to 64 hexadecimal digits")
        return _parse_key(self._text, "the key-encryption key given in the settings")


class KeyFile:
    """The key in a file of one line, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def key(self) -> bytes:
        """Return the key, read anew. Raises: VaultLockedError (missing, unsafe mode or owner, malformed)."""
        return _parse_key(read_private(self._path, "key-encryption key"), f"the key file {self._path}")


class Passphrase:
    """A key derived from a passphrase with argon2id; parameters and salt lie in a file, the key nowhere."""

    def __init__(self, passphrase: str, parameters: Path) -> None:
        self._passphrase = passphrase
        self._parameters = parameters
        self._lock = threading.Lock()
        self._key: bytes | None = None

    def key(self) -> bytes:
        """Return the key, derived once and remembered: argon2id is slow on purpose.

        Raises:
            VaultLockedError: no passphrase, or its parameter file is missing, unsafe or malformed.
        """
        with self._lock:
            if self._key is None:
                self._key = self._derive()
            return self._key

    def _derive(self) -> bytes:
        if not self._passphrase:
            raise VaultLockedError("the passphrase is empty")
        text = read_private(self._parameters, "passphrase parameters")
        numbers, salt = _parse_parameters(text, self._parameters)
        try:
            return hash_secret_raw(
                secret=self._passphrase.encode(),
                salt=salt,
                time_cost=numbers["iterations"],
                memory_cost=numbers["memory_kib"],
                parallelism=numbers["lanes"],
                hash_len=KEY_BYTES,
                type=Type.ID,
            )
        except (HashingError, UnicodeEncodeError) as error:
            raise VaultLockedError("the passphrase could not be turned into a key") from error


def create_key_file(path: Path) -> None:
    """Make a new random key-encryption key in a new file of mode 0600, durable when this returns.

    Args:
        path: where; missing directories are made with mode 0700.

    Raises:
        ConfigError: a file is there already; it is left as it is.
        VaultError: the file cannot be written.
    """
    write_new(path, secrets.token_hex(KEY_BYTES) + "\n", "key-encryption key")


def create_passphrase_parameters(
    path: Path, *, memory_kib: int = 64 * 1024, iterations: int = 3, lanes: int = 4
) -> None:
    """Make the parameter file (argon2id costs, a random salt) that belongs to one passphrase.

    Args:
        path: where, usually beside the database; missing directories are made with mode 0700.
        memory_kib: memory in KiB, at least 19456.
        iterations: passes over the memory.
        lanes: parallel lanes.

    Raises:
        ConfigError: a file is there already, or a cost is out of bounds.
        VaultError: the file cannot be written.
    """
    numbers = {"memory_kib": memory_kib, "iterations": iterations, "lanes": lanes}
    for name, value in numbers.items():
        if not _within(name, value):
            raise ConfigError(f"argon2id's {name} must lie in {_BOUNDS[name][0]}..{_BOUNDS[name][1]}")
    body = {"kdf": "argon2id", "version": 1, **numbers, "salt": "0x" + secrets.token_hex(_SALT_BYTES)}
    write_new(path, json.dumps(body, indent=2) + "\n", "passphrase parameters")


def make_private_directory(path: Path) -> None:
    """Make a directory and its missing parents, each with mode 0700 (`os.makedirs` does so for the last only).

    Raises:
        OSError: it cannot be made.
    """
    for missing in reversed([p for p in (path, *path.parents) if not p.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Make the directory's entries durable: a file's own fsync does not cover its name. Raises: OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parse_key(text: str, what: str) -> bytes:
    match = _KEY_TEXT.fullmatch(text.strip())
    if match is None:
        raise VaultLockedError(f"{what} is not 64 hexadecimal digits")
    return bytes.fromhex(match[1])


def _within(name: str, value: object) -> bool:
    low, high = _BOUNDS[name]
    return type(value) is int and low <= value <= high


def _parse_parameters(text: str, path: Path) -> tuple[Mapping[str, int], bytes]:
    broken = VaultLockedError(f"the passphrase parameters in {path} are not what fiducia writes: restore the file")
    try:
        body = json.loads(text)
    except ValueError as error:
        raise broken from error
    if not isinstance(body, dict) or set(body) != {"kdf", "version", "salt", *_BOUNDS}:
        raise broken
    if body["kdf"] != "argon2id" or body["version"] != 1 or not all(_within(name, body[name]) for name in _BOUNDS):
        raise broken
    if not isinstance(body["salt"], str) or not re.fullmatch(rf"0x[0-9a-f]{{{2 * _SALT_BYTES}}}", body["salt"]):
        raise broken
    return {name: body[name] for name in _BOUNDS}, bytes.fromhex(body["salt"][2:])


def read_private(path: Path, what: str) -> str:
    """Read a small file that nobody else may read; judged on the open file, so it cannot be exchanged between.

    Raises:
        VaultLockedError: missing, unsafe mode or owner, unreadable.
    """
    try:
        # O_NONBLOCK: opening a FIFO put in the file's place must not hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise VaultLockedError(
            f"the {what} file {path} is missing: restore it from its backup; nothing that was sealed opens without it"
        ) from error
    except OSError as error:
        raise VaultLockedError(f"the {what} file {path} cannot be opened: {error.strerror}") from error
    try:
        _check_private(os.fstat(descriptor), path, what)
        return os.read(descriptor, _MAX_FILE_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise VaultLockedError(f"the {what} file {path} cannot be read") from error
    finally:
        os.close(descriptor)


def _check_private(found: os.stat_result, path: Path, what: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise VaultLockedError(f"the {what} file {path} is not a regular file")
    if found.st_uid != os.geteuid():
        raise VaultLockedError(f"the {what} file {path} belongs to another account: chown {os.geteuid()} {path}")
    if found.st_mode & 0o077:
        raise VaultLockedError(
            f"the {what} file {path} has mode {stat.S_IMODE(found.st_mode):04o}, open to others: chmod 600 {path}"
        )


def write_new(path: Path, text: str, what: str) -> None:
    """Write a file that did not exist: whole under its name, or not there at all.

    Raises:
        ConfigError: there is one already. VaultError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        make_private_directory(path.parent)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            os.link(draft, path)  # fails when the name is taken, where a rename would replace
        finally:
            draft.unlink()
        sync_directory(path.parent)
    except FileExistsError as error:
        raise ConfigError(f"there is a {what} file at {path} already; it was left as it is") from error
    except OSError as error:
        raise VaultError(f"the {what} file {path} cannot be written: {error.strerror}") from error
