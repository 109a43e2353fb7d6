"""Where a home's custody lies, and where its key-encryption key comes from.

Owns the choice between SQLite files in the home and a PostgreSQL database, and that a home keeps to the one it was made
with: in another it would find itself empty, and forget what it promised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from fiducia.adapters.key_encryption import (
    KeyEncryption,
    KeyFile,
    KeyText,
    Passphrase,
    create_key_file,
    create_passphrase_parameters,
)
from fiducia.adapters.key_encryption_pkcs11 import HsmKey, HsmToken, create_hsm_key
from fiducia.adapters.sql import Place, PostgresPlace, open_database
from fiducia.adapters.sql.custody import CUSTODY
from fiducia.adapters.sql.database import revision_of
from fiducia.adapters.sql.sqlite import version_of
from fiducia.app.home import Home, no_consortium, write_private
from fiducia.app.settings import Settings
from fiducia.errors import ConfigError

POSTGRESQL, SQLITE = "postgresql", "sqlite"


class Custody:
    """One home's custody: its places and its key."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self._home = home
        self._settings = settings

    # -- places

    def exists(self) -> bool:
        """Tell whether the home was set up, in whichever database. Raises: ConfigError (it is set up in the other)."""
        marked, files = self._home.custody_file.exists(), self._home.profiles.exists()
        if self._database is None:
            if marked:
                raise ConfigError("this home's custody is in PostgreSQL: set FIDUCIA_DATABASE_URL to its database")
            return files
        if files:
            raise ConfigError("this home's custody is in SQLite files: unset FIDUCIA_DATABASE_URL")
        return marked

    def place(self, owner: str, file: Path) -> Place:
        """Return where an owner's rows lie.

        Args:
            owner: a profile's name; empty for the home's own.
            file: the file in a home whose custody is in files.

        Raises:
            ConfigError: the home is set up in the other database, or not at all.
        """
        if not self.exists() and self._database is not None:
            raise no_consortium(self._home)
        return file if self._database is None else replace(self._database, owner=owner)

    def is_kept(self, owner: str, file: Path) -> bool:
        """Tell whether an owner has anything yet. Raises: ConfigError, VaultError."""
        place = self.place(owner, file)
        return owner in self.versions() if isinstance(place, PostgresPlace) else file.exists()

    def places(self) -> Sequence[Place]:
        """Return where every owner's rows lie that are there already. Raises: ConfigError, VaultError."""
        if self._database is None or not self.exists():
            return self._files()
        return [replace(self._database, owner=owner) for owner in sorted(self.versions())]

    def _files(self) -> list[Path]:
        self.exists()
        found = [self._home.profiles, *sorted((self._home.root / "members").glob("*/*.sqlite"))]
        return [path for path in found if path.exists() and path.name != "mirror.sqlite"]

    @cached_property
    def _database(self) -> PostgresPlace | None:
        """The database that the settings name, as the home's own place in it."""
        if self._settings.database_url is None:
            return None
        try:
            url = make_url(self._settings.database_url.get_secret_value())
        except (ArgumentError, ValueError):
            url = None
        if url is None or url.drivername not in ("postgresql", "postgres") or not url.database:
            # Not quoted: it may hold a password.
            raise ConfigError("FIDUCIA_DATABASE_URL is postgresql://ACCOUNT@HOST/DATABASE, or unset for SQLite files")
        return PostgresPlace(url)

    # -- the key

    @cached_property
    def key_encryption(self) -> KeyEncryption:
        """Where the key-encryption key comes from: the environment, a token, or the home's key file."""
        settings, home = self._settings, self._home
        if settings.key is not None:
            return KeyText(settings.key.get_secret_value())
        if settings.passphrase is not None:
            return Passphrase(settings.passphrase.get_secret_value(), home.passphrase_file)
        token = self.token
        return KeyFile(home.key_file) if token is None else HsmKey(token, home.hsm_file)

    @property
    def token(self) -> HsmToken | None:
        """The PKCS#11 token that the settings name, if they do."""
        settings = self._settings
        if settings.pkcs11_module is None:
            return None
        pin = settings.pkcs11_pin.get_secret_value()
        return HsmToken(settings.pkcs11_module, settings.pkcs11_token, pin, settings.pkcs11_key)

    # -- setting up

    def create(self) -> None:
        """Make the key-encryption key and the database of a new home; an existing home never gets another one.

        Raises:
            ConfigError, VaultError: a part of it cannot be made; run again, it goes on.
        """
        if self.exists():
            return
        self._create_key()
        if self._database is not None:
            from fiducia.adapters.sql.postgresql import migrate

            migrate(self._database, CUSTODY)
            write_private(self._home.custody_file, f"{POSTGRESQL}\n")

    def _create_key(self) -> None:
        settings, home = self._settings, self._home
        if settings.key is not None:
            return
        if settings.passphrase is not None:
            if not home.passphrase_file.exists():
                create_passphrase_parameters(home.passphrase_file)
        elif (token := self.token) is not None:
            if not home.hsm_file.exists():
                create_hsm_key(token, home.hsm_file)
        elif not home.key_file.exists():
            create_key_file(home.key_file)

    # -- versions

    @property
    def kind(self) -> str:
        """Which database it is."""
        return SQLITE if self._database is None else POSTGRESQL

    def versions(self) -> Mapping[str, str]:
        """Return the version of each owner's tables, in PostgreSQL. Raises: ConfigError, VaultError."""
        from fiducia.adapters.sql.postgresql import versions

        return {} if self._database is None else versions(self._database)

    def migrate(self) -> Mapping[str, tuple[str | None, str]]:
        """Bring every owner's tables to the present version, and make the home's own where there are none.

        Returns:
            The version before (None: it was not there) and now, by owner or file.

        Raises:
            ConfigError: newer than this fiducia, or none that it can bring further. VaultError: not done.
        """
        self.exists()
        if self._database is None:
            # An older file is brought further as it is opened.
            return {str(path.relative_to(self._home.root)): _opened(path) for path in self._files()}
        from fiducia.adapters.sql.postgresql import migrate

        owners = {"", *self.versions()}
        return {owner: migrate(replace(self._database, owner=owner), CUSTODY) for owner in sorted(owners)}


def _opened(path: Path) -> tuple[str, str]:
    before = version_of(path)
    open_database(path, CUSTODY).close()
    return revision_of(before), CUSTODY.revision
