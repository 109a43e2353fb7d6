"""The directory's first half in memory: identity <-> subject."""

from __future__ import annotations

import threading

from fiducia.adapters.custody_codec import encode_patient, identity_bytes
from fiducia.adapters.memory.closing import Closing
from fiducia.records.images import PatientIdentity, SubjectEntry


class MemoryPatients(Closing):
    """`fiducia.ports.Patients` in a dictionary; thread-safe."""

    def __init__(self) -> None:
        self._entries: dict[bytes, SubjectEntry] = {}
        self._lock = threading.Lock()

    def subject_of(self, identity: PatientIdentity) -> SubjectEntry | None:
        """Return the entry of an identity, if it is known."""
        with self._lock:
            return self._entries.get(identity_bytes(identity))

    def add(self, entry: SubjectEntry) -> SubjectEntry:
        """Add a patient, or return the entry that the identity has already. Raises: EncodingError."""
        encode_patient(entry)  # what could not be kept at rest is refused here too
        with self._lock:
            return self._entries.setdefault(identity_bytes(entry.identity), entry)

    def all(self) -> tuple[SubjectEntry, ...]:
        """Return every patient in the order of adding."""
        with self._lock:
            return tuple(self._entries.values())

    def remove(self, identity: PatientIdentity) -> None:
        """Destroy the entry of an identity; an absent one is done."""
        with self._lock:
            self._entries.pop(identity_bytes(identity), None)
