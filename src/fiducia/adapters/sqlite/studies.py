"""The directory's second half in SQLite: study UID <-> study_id and numbers, sealed.

Owns `studies` and the claims beside the file. A row is found by a keyed hash of the UID, and holds two
sealed values: what is anchored and what is about to be. Each is bound to its row and column.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from fiducia.adapters.custody_codec import decode_study, encode_study
from fiducia.adapters.key_encryption import KeyEncryption
from fiducia.adapters.sqlite.claims import claim
from fiducia.adapters.sqlite.custody import STUDIES, open_custody
from fiducia.adapters.sqlite.database import Kept
from fiducia.errors import EncodingError, VaultError
from fiducia.records.images import StudyEntry, StudyState


class SqliteStudies(Kept):
    """`fiducia.ports.Studies` on a SQLite file; thread-safe, several processes may share the file."""

    def __init__(self, path: Path, kek: KeyEncryption, *, claim_timeout_s: float = 60.0) -> None:
        """Open or make the file. Raises: VaultLockedError, VaultError, ConfigError."""
        database, self._sealer = open_custody(path, kek, "studies")
        super().__init__(database)
        self._locks = database.path.parent / "locks"
        self._claim_timeout_s = claim_timeout_s

    def claim(self, study_instance_uid: str) -> AbstractContextManager[None]:
        """Hold a study alone, across processes; a crash lets go. Raises: LimitError after `claim_timeout_s`."""
        return claim(self._locks / f"{self._lookup(study_instance_uid).hex()}.lock", self._claim_timeout_s)

    def find(self, study_instance_uid: str) -> StudyState:
        """Return what is anchored and what is pending. Raises: VaultError (altered, unreachable)."""
        lookup = self._lookup(study_instance_uid)
        with self._database.read() as connection:
            row = connection.execute(
                select(STUDIES.c.anchored, STUDIES.c.pending).where(STUDIES.c.lookup == lookup)
            ).one_or_none()
        if row is None:
            return StudyState()
        return StudyState(self._open("anchored", lookup, row.anchored), self._open("pending", lookup, row.pending))

    def propose(self, entry: StudyEntry) -> None:
        """Keep the entry as pending, durably, replacing an older one. Raises: EncodingError, VaultError."""
        lookup, sealed = self._seal("pending", entry)
        self._upsert(lookup, {"pending": sealed})

    def confirm(self, entry: StudyEntry) -> None:
        """Make the entry the anchored one and clear the pending one. Raises: EncodingError, VaultError."""
        lookup, sealed = self._seal("anchored", entry)
        self._upsert(lookup, {"anchored": sealed, "pending": None})

    def all(self) -> tuple[StudyEntry, ...]:
        """Return the anchored entry of every study, in the order they became known. Raises: VaultError."""
        with self._database.read() as connection:
            rows = connection.execute(select(STUDIES.c.lookup, STUDIES.c.anchored).order_by(STUDIES.c.id)).all()
        opened = (self._open("anchored", row.lookup, row.anchored) for row in rows)
        return tuple(entry for entry in opened if entry is not None)

    def _upsert(self, lookup: bytes, columns: dict[str, Any]) -> None:
        row = insert(STUDIES).values(lookup=lookup, **columns)
        with self._database.write() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=["lookup"], set_=columns))

    def _lookup(self, study_instance_uid: str) -> bytes:
        try:
            return self._sealer.lookup(study_instance_uid.encode())
        except UnicodeEncodeError:
            raise EncodingError("a study's UID is not valid Unicode") from None

    def _seal(self, column: str, entry: StudyEntry) -> tuple[bytes, bytes]:
        lookup = self._lookup(entry.study_instance_uid)
        return lookup, self._sealer.seal(encode_study(entry), column.encode(), lookup)

    def _open(self, column: str, lookup: bytes, sealed: bytes | None) -> StudyEntry | None:
        if sealed is None:
            return None
        try:
            return decode_study(self._sealer.open(sealed, column.encode(), lookup))
        except EncodingError as error:
            raise VaultError("an entry of the directory is not in a form this version reads") from error
