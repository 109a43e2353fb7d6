"""The directory's second half in memory: study UID <-> study_id and numbers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fiducia.adapters.custody_codec import encode_study
from fiducia.adapters.memory.closing import Closing
from fiducia.errors import LimitError
from fiducia.records.images import StudyEntry, StudyState


class MemoryStudies(Closing):
    """`fiducia.ports.Studies` in a dictionary; thread-safe, one process."""

    def __init__(self, *, claim_timeout_s: float = 60.0) -> None:
        self._states: dict[str, StudyState] = {}
        self._claims: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._claim_timeout_s = claim_timeout_s

    @contextmanager
    def claim(self, study_instance_uid: str) -> Iterator[None]:
        """Hold a study alone. Raises: LimitError after `claim_timeout_s`."""
        with self._lock:
            held = self._claims.setdefault(study_instance_uid, threading.Lock())
        if not held.acquire(timeout=self._claim_timeout_s):
            raise LimitError("this study is being worked on elsewhere; try again later")
        try:
            yield
        finally:
            held.release()

    def find(self, study_instance_uid: str) -> StudyState:
        """Return what is anchored and what is pending."""
        with self._lock:
            return self._states.get(study_instance_uid, StudyState())

    def propose(self, entry: StudyEntry) -> None:
        """Keep the entry as pending, replacing an older one. Raises: EncodingError."""
        encode_study(entry)  # what could not be kept at rest is refused here too
        with self._lock:
            known = self._states.get(entry.study_instance_uid, StudyState())
            self._states[entry.study_instance_uid] = StudyState(anchored=known.anchored, pending=entry)

    def confirm(self, entry: StudyEntry) -> None:
        """Make the entry the anchored one and clear the pending one. Raises: EncodingError."""
        encode_study(entry)
        with self._lock:
            self._states[entry.study_instance_uid] = StudyState(anchored=entry)

    def all(self) -> tuple[StudyEntry, ...]:
        """Return the anchored entry of every study, in the order they became known."""
        with self._lock:
            return tuple(state.anchored for state in self._states.values() if state.anchored is not None)

    def states(self) -> Iterator[StudyState]:
        """Yield what is anchored and what is pending of every study, in the order they became known."""
        with self._lock:
            found = tuple(self._states.values())
        yield from found

    def remove(self, study_instance_uid: str) -> None:
        """Destroy both entries of a study; an unknown one is done."""
        with self._lock:
            self._states.pop(study_instance_uid, None)
