"""The directory's first half in a database: identity <-> subject, sealed.

Owns `patients`. A row is found by a keyed hash of the identity, so the database alone neither shows who is in
it nor lets anyone test whether somebody is.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from fiducia.adapters.custody_codec import decode_patient, encode_patient, identity_bytes
from fiducia.adapters.key_encryption import KeyEncryption
from fiducia.adapters.sql.custody import PATIENTS, open_custody
from fiducia.adapters.sql.database import Kept, Place
from fiducia.errors import EncodingError, VaultError
from fiducia.records.images import PatientIdentity, SubjectEntry


class SqlPatients(Kept):
    """`fiducia.ports.Patients` in a database; thread-safe, several processes may share it."""

    def __init__(self, place: Place, kek: KeyEncryption) -> None:
        """Open or make it. Raises: VaultLockedError, VaultError, ConfigError."""
        database, self._sealer = open_custody(place, kek, "patients")
        super().__init__(database)

    def subject_of(self, identity: PatientIdentity) -> SubjectEntry | None:
        """Return the entry of an identity, if it is known. Raises: VaultError (altered, unreachable)."""
        lookup = self._sealer.lookup(identity_bytes(identity))
        with self._database.read() as connection:
            return self._find(connection, lookup)

    def add(self, entry: SubjectEntry) -> SubjectEntry:
        """Add a patient durably, or return the entry that the identity has already.

        Raises:
            EncodingError: a text of the entry is not Unicode.
            VaultError: not added.
        """
        lookup = self._sealer.lookup(identity_bytes(entry.identity))
        sealed = self._sealer.seal(encode_patient(entry), lookup)
        with self._database.write() as connection:
            known = self._find(connection, lookup)
            if known is None:
                connection.execute(insert(PATIENTS).values(lookup=lookup, sealed=sealed))
            return known or entry

    def all(self) -> tuple[SubjectEntry, ...]:
        """Return every patient in the order of adding. Raises: VaultError."""
        with self._database.read() as connection:
            rows = connection.execute(select(PATIENTS.c.lookup, PATIENTS.c.sealed).order_by(PATIENTS.c.id)).all()
        return tuple(self._open(row.lookup, row.sealed) for row in rows)

    def remove(self, identity: PatientIdentity) -> None:
        """Destroy the entry of an identity, also in the database's own files. Raises: VaultError.

        Also sees to the files when nothing was left to remove, so that running again finishes the work.
        """
        lookup = self._sealer.lookup(identity_bytes(identity))
        with self._database.write() as connection:
            connection.execute(delete(PATIENTS).where(PATIENTS.c.lookup == lookup))
        self._database.scrub(PATIENTS.c.sealed)

    def _find(self, connection: Connection, lookup: bytes) -> SubjectEntry | None:
        sealed = connection.scalar(select(PATIENTS.c.sealed).where(PATIENTS.c.lookup == lookup))
        return None if sealed is None else self._open(lookup, sealed)

    def _open(self, lookup: bytes, sealed: bytes) -> SubjectEntry:
        try:
            return decode_patient(self._sealer.open(sealed, lookup))
        except EncodingError as error:
            raise VaultError("an entry of the directory is not in a form this version reads") from error
