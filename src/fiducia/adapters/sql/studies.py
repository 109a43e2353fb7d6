"""The directory's second half in a database: study UID <-> study_id and numbers, sealed.

Owns `studies`. A row is found by a keyed hash of the UID, and holds two
sealed values: what is anchored and what is about to be. Each is bound to its row and column.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from fiducia.adapters.custody_codec import decode_study, encode_study
from fiducia.adapters.key_encryption import KeyEncryption
from fiducia.adapters.sql.custody import STUDIES, open_custody
from fiducia.adapters.sql.database import Kept, Place
from fiducia.errors import EncodingError, VaultError
from fiducia.records.images import StudyEntry, StudyState

_PAGE_ROWS: Final = 200


class SqlStudies(Kept):
    """`fiducia.ports.Studies` in a database; thread-safe, several processes may share it."""

    def __init__(self, place: Place, kek: KeyEncryption, *, claim_timeout_s: float = 60.0) -> None:
        """Open or make it. Raises: VaultLockedError, VaultError, ConfigError."""
        database, self._sealer = open_custody(place, kek, "studies")
        super().__init__(database)
        self._claim_timeout_s = claim_timeout_s

    def claim(self, study_instance_uid: str) -> AbstractContextManager[None]:
        """Hold a study alone, across processes; a crash lets go. Raises: LimitError after `claim_timeout_s`.

        Where a lost connection loses the claim, what is proposed or confirmed under it is refused from then on.
        """
        return self._database.claim(self._lookup(study_instance_uid), self._claim_timeout_s)

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

    def states(self) -> Iterator[StudyState]:
        """Yield what is anchored and what is pending of every study, in that order. Raises: VaultError."""
        seen = 0
        while True:
            # Page by page, as the journal does: a large directory is never in memory, nor in one transaction.
            wanted = select(STUDIES).where(STUDIES.c.id > seen).order_by(STUDIES.c.id).limit(_PAGE_ROWS)
            with self._database.read() as connection:
                rows = connection.execute(wanted).all()
            if not rows:
                return
            for row in rows:
                anchored = self._open("anchored", row.lookup, row.anchored)
                yield StudyState(anchored, self._open("pending", row.lookup, row.pending))
            seen = rows[-1].id

    def remove(self, study_instance_uid: str) -> None:
        """Destroy both entries of a study, also in the database's own files. Raises: VaultError.

        Also sees to the files when nothing was left to remove, so that running again finishes the work.
        """
        lookup = self._lookup(study_instance_uid)
        with self._database.write(claimed=lookup) as connection:
            connection.execute(delete(STUDIES).where(STUDIES.c.lookup == lookup))
        self._database.scrub(STUDIES.c.anchored)

    def _upsert(self, lookup: bytes, columns: dict[str, Any]) -> None:
        with self._database.write(claimed=lookup) as connection:
            if not connection.execute(update(STUDIES).where(STUDIES.c.lookup == lookup).values(**columns)).rowcount:
                connection.execute(insert(STUDIES).values(lookup=lookup, **columns))

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
