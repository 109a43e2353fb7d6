"""Which key-encryption keys open a database: a further one is let in, then the others are ended.

Owns the changes of `key_wraps`. Each is one transaction and may be repeated. The data key stays, so rows are not
touched and whoever has the database open reads and writes on. A wrap that ended is overwritten in place, as a salt is
(`vault`): the key it was for opens the database no more, nor any copy made of it from then on.
"""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import insert, select, update

from fiducia.adapters.key_encryption import KeyEncryption
from fiducia.adapters.sql.custody import CUSTODY, KEY_WRAPS, is_bound, key_of, unlocked
from fiducia.adapters.sql.database import Place, open_database
from fiducia.adapters.sql.sealing import WRAP_BYTES, unwrap, wrap
from fiducia.errors import VaultLockedError

_PART = "key-wraps"
_ENDED = bytes(WRAP_BYTES)


def let_in(place: Place, known: KeyEncryption, further: KeyEncryption) -> bool:
    """Have a further key open a database, durably, beside the one that does.

    Returns:
        Whether anything changed: not when it opened the database already, or nothing is sealed in it.

    Raises:
        VaultLockedError: neither opens it. ConfigError, VaultError: as `open_database`.
    """
    key, other = key_of(known), key_of(further)
    with closing(open_database(place, CUSTODY, _PART)) as database, database.write() as connection:
        if not is_bound(connection):
            return False
        try:
            unlocked(connection, other)
        except VaultLockedError:
            data_key, salt = unlocked(connection, key)
        else:
            return False
        if connection.scalar(select(KEY_WRAPS.c.id).limit(1)) is None:
            # From before there were wraps: the first one would lock the key that has none.
            connection.execute(insert(KEY_WRAPS).values(wrapped=wrap(data_key, key, salt)))
        connection.execute(insert(KEY_WRAPS).values(wrapped=wrap(data_key, other, salt)))
        return True


def opens(place: Place, kek: KeyEncryption) -> bool:
    """Tell whether a key opens a database, or nothing is sealed in it. Raises: VaultLockedError (no key at all)."""
    key = key_of(kek)
    with closing(open_database(place, CUSTODY, _PART)) as database, database.read() as connection:
        try:
            return not is_bound(connection) or bool(unlocked(connection, key))
        except VaultLockedError:
            return False


def end_others(place: Place, kept: KeyEncryption) -> int:
    """End every key but one, which must open the database; see to its files also when nothing was left to end.

    Returns:
        How many were ended.

    Raises:
        VaultLockedError: that one does not open it; nothing was changed. ConfigError, VaultError: as `open_database`.
    """
    key, ended = key_of(kept), 0
    with closing(open_database(place, CUSTODY, _PART)) as database:
        with database.write() as connection:
            if not is_bound(connection):
                return 0
            _, salt = unlocked(connection, key)
            for row in connection.execute(select(KEY_WRAPS).where(KEY_WRAPS.c.wrapped != _ENDED)).all():
                if unwrap(row.wrapped, key, salt) is None:
                    connection.execute(update(KEY_WRAPS).where(KEY_WRAPS.c.id == row.id).values(wrapped=_ENDED))
                    ended += 1
        database.scrub(KEY_WRAPS.c.wrapped)
    return ended
