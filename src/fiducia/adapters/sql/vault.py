"""The vault in a database: secrets by name, each sealed under a key of its own that removal destroys.

Owns `vault` and `vault_salts`. Names are in the clear (the port forbids identities in them). Does not
notice when the whole database is put back to an older copy: that is the backup's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from fiducia.adapters.custody_codec import check_name, check_secret
from fiducia.adapters.key_encryption import KeyEncryption
from fiducia.adapters.sql.custody import VAULT, VAULT_SALTS, open_custody
from fiducia.adapters.sql.database import Kept, Place
from fiducia.adapters.sql.prepared import Prepared
from fiducia.adapters.sql.sealing import SALT_BYTES
from fiducia.errors import KeyMissingError

_ONE: Final = Prepared(
    select(VAULT_SALTS.c.salt, VAULT.c.sealed).join_from(VAULT, VAULT_SALTS).where(VAULT.c.name == bindparam("wanted"))
)


class SqlVault(Kept):
    """`fiducia.ports.Vault` in a database; thread-safe, several processes may share it."""

    def __init__(self, place: Place, kek: KeyEncryption) -> None:
        """Open or make it. Raises: VaultLockedError, VaultError, ConfigError."""
        database, self._sealer = open_custody(place, kek, "vault")
        super().__init__(database)

    def put(self, secrets: Mapping[str, bytes]) -> None:
        """Keep all of them or none, durable when this returns. See `Vault.put`."""
        for name, secret in secrets.items():
            check_name(name)
            check_secret(secret)
        sealed = {name: self._sealer.seal(secret, name.encode()) for name, secret in secrets.items()}
        with self._database.write() as connection:
            for name, value in sealed.items():
                _forget(connection, name)
                salt = connection.execute(insert(VAULT_SALTS).values(salt=value[:SALT_BYTES]))
                (salt_id,) = salt.inserted_primary_key or (None,)
                connection.execute(insert(VAULT).values(name=name, salt_id=salt_id, sealed=value[SALT_BYTES:]))

    def get(self, name: str) -> bytes:
        """Return one secret. See `Vault.get`."""
        check_name(name)
        rows = self._database.rows(_ONE, wanted=name)
        if not rows:
            raise KeyMissingError("there is no such key here: it was never kept, or was destroyed")
        ((salt, sealed),) = rows
        return self._sealer.open(salt + sealed, name.encode())

    def remove(self, names: Iterable[str]) -> None:
        """Destroy secrets: their salts are overwritten, and gone from the database's files. See `Vault.remove`.

        Also sees to the files when nothing was left to remove, so that running again finishes the work.
        """
        names = tuple(names)
        for name in names:
            check_name(name)
        with self._database.write() as connection:
            for name in names:
                _forget(connection, name)
        self._database.scrub(VAULT_SALTS.c.salt)

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the names that start with `prefix`, sorted. See `Vault.names`."""
        if prefix:
            check_name(prefix)
        # Names are ASCII, so everything that starts with the prefix sorts before prefix ‖ DEL.
        wanted = select(VAULT.c.name).where(VAULT.c.name >= prefix, VAULT.c.name < prefix + "\x7f")
        with self._database.read() as connection:
            return tuple(connection.scalars(wanted.order_by(VAULT.c.name)))


def _forget(connection: Connection, name: str) -> None:
    """Drop a name and overwrite its salt with zeros of the same length, which SQLite does in place."""
    salt_id = connection.scalar(delete(VAULT).where(VAULT.c.name == name).returning(VAULT.c.salt_id))
    if salt_id is not None:
        connection.execute(update(VAULT_SALTS).where(VAULT_SALTS.c.id == salt_id).values(salt=bytes(SALT_BYTES)))
