"""The change of a home's key-encryption key, in two halves between which both keys open everything.

Owns the order of steps, and the files that a rotation has in the home while it runs (`home.successor`,
`home.predecessor`). Begin: the new key is made, every database lets it in, the home gets it as its own. Finish: every
database ends the keys but that one. Between the two, processes and machines go over to the new key at leisure. Killed
at any step, the same half run again completes it; no process that is running notices either. Does not own what a
database does (`adapters.sql.key_wraps`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fiducia.adapters.key_encryption import (
    KeyEncryption,
    KeyFile,
    KeyText,
    Passphrase,
    create_key_file,
    create_passphrase_parameters,
    sync_directory,
)
from fiducia.adapters.key_encryption_pkcs11 import HsmKey, create_hsm_key
from fiducia.adapters.sql.claims import claim
from fiducia.adapters.sql.key_wraps import end_others, let_in, opens
from fiducia.app.home import Home, no_consortium
from fiducia.app.settings import Settings
from fiducia.app.wiring.custody import Custody
from fiducia.errors import ConfigError, LimitError, VaultError, VaultLockedError
from fiducia.ports import Steps


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a half of a rotation did.

    Attributes:
        databases: how many there are.
        changed: in how many a key was let in, or ended.
    """

    databases: int
    changed: int


class KeyRotation:
    """One home's change of its key-encryption key."""

    def __init__(self, *, home: Home, settings: Settings, custody: Custody, steps: Steps) -> None:
        self._home = home
        self._settings = settings
        self._custody = custody
        self._steps = steps

    def begin(self) -> Rotated:
        """Have a new key open everything that the present one does, and make it the home's own where files hold it.

        Raises:
            ConfigError: nothing is set up here, or no new key is named where the environment names the present one.
            VaultLockedError: a key cannot be had, or a database is opened by neither. VaultError: not done.
            LimitError: another rotation runs in this home.
        """
        with self._alone():
            return self._begun()

    def finish(self) -> Rotated:
        """End every key but the present one, everywhere.

        Raises:
            ConfigError: nothing is set up here, or a rotation did not get to its end: begin it again.
            VaultLockedError: the present key does not open all; nothing was ended. VaultError: not done.
            LimitError: another rotation runs in this home.
        """
        with self._alone():
            return self._finished()

    def _begun(self) -> Rotated:
        given = self._given()
        if given is not None:
            return self._let_in(self._custody.key_encryption, given)
        file, make, read = self._kept_file()
        successor, predecessor = self._home.successor(file), self._home.predecessor(file)
        changed = 0
        if successor.exists() or not predecessor.exists():
            if not successor.exists():
                make(successor)
                self._steps.reached("rotate-kek.made")
            changed = self._let_in(read(file), read(successor)).changed
            self._swap(file, successor, predecessor)
        # Once more: what was made by who had the key of before, between the two.
        done = self._let_in(read(predecessor), read(file))
        return Rotated(done.databases, changed + done.changed)

    def _finished(self) -> Rotated:
        kept = self._custody.key_encryption
        files = (self._home.key_file, self._home.hsm_file)
        if any(self._home.successor(file).exists() for file in files):
            raise ConfigError("the new key is not in place yet: run `fiducia key rotate-kek` again, without --finish")
        places = self._custody.places()
        if not all(opens(place, kept) for place in places):
            raise VaultLockedError(
                "the present key does not open every database here: run `fiducia key rotate-kek`, or give the right key"
            )
        changed = 0
        for place in places:
            changed += bool(end_others(place, kept))
            self._steps.reached("rotate-kek.ended")
        for file in files:
            self._home.predecessor(file).unlink(missing_ok=True)
        sync_directory(self._home.root)
        return Rotated(len(places), changed)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._custody.exists():
            raise no_consortium(self._home)
        with ExitStack() as held:
            try:
                held.enter_context(claim(self._home.root / "locks" / "rotate-kek.lock", 0))
            except LimitError as error:
                raise LimitError("another rotation runs in this home; try again later") from error
            yield

    def _given(self) -> KeyEncryption | None:
        """The new key that the environment names, if it does; the present one may have any source."""
        key, passphrase = self._settings.next_key, self._settings.next_passphrase
        if key is not None and passphrase is not None:
            raise ConfigError("give FIDUCIA_NEXT_KEY or FIDUCIA_NEXT_PASSPHRASE, not both")
        if key is not None:
            return KeyText(key.get_secret_value())
        if passphrase is not None:
            with suppress(ConfigError):  # the file is there: one salt serves two passphrases
                create_passphrase_parameters(self._home.passphrase_file)
            return Passphrase(passphrase.get_secret_value(), self._home.passphrase_file)
        return None

    def _kept_file(self) -> tuple[Path, Callable[[Path], None], Callable[[Path], KeyEncryption]]:
        """Where the home keeps its key, how another one is made, and how one is read."""
        if self._settings.key is not None or self._settings.passphrase is not None:
            raise ConfigError(
                "the environment names the key: name the new one, too, by FIDUCIA_NEXT_KEY or FIDUCIA_NEXT_PASSPHRASE"
            )
        token = self._custody.token
        if token is None:
            return self._home.key_file, create_key_file, KeyFile
        return self._home.hsm_file, partial(create_hsm_key, token), partial(HsmKey, token)

    def _let_in(self, known: KeyEncryption, further: KeyEncryption) -> Rotated:
        places = self._custody.places()
        changed = 0
        for place in places:
            changed += let_in(place, known, further)
            self._steps.reached("rotate-kek.let-in")
        return Rotated(len(places), changed)

    def _swap(self, file: Path, successor: Path, predecessor: Path) -> None:
        """Keep the present key beside, then have the new one take its name: there is a key at every moment."""
        try:
            with suppress(FileExistsError):
                os.link(file, predecessor)
            sync_directory(file.parent)
            self._steps.reached("rotate-kek.kept")
            successor.replace(file)
            sync_directory(file.parent)
        except OSError as error:
            raise VaultError(f"the new key cannot be put in place: {error.strerror}; run it again") from error
        self._steps.reached("rotate-kek.swapped")
