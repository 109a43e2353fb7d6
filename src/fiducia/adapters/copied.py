"""Custody whose every change is in a second place, too, before it is acknowledged.

Owns which calls of the ports change something and how each is told as a change. Whether and where changes are shipped
is decided by a `Shipping`; reading goes past it. A method of a port that is missing here fails loudly, so nothing new
is written to one place only.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from fiducia.adapters import custody_changes as changes
from fiducia.adapters.copy_sources import SaltedJournal
from fiducia.adapters.custody_codec import check_journal_entry, encode_journal_body
from fiducia.core.copies.changes import NOT_COPIED
from fiducia.core.tlog.leaf import SALT_BYTES
from fiducia.errors import ConfigError, EncodingError, JournalError, VaultError
from fiducia.ports import Patients, Studies, Vault
from fiducia.records.copies import Change
from fiducia.records.images import JournalEntry, PatientIdentity, StudyEntry, StudyState, SubjectEntry
from fiducia.records.journal import Disclosed

_Written = TypeVar("_Written")


class Shipping(Protocol):
    """Does a write, and has it in the second place before it returns, where there is one."""

    def run(self, write: Callable[[], _Written], told: Callable[[_Written], Sequence[Change]]) -> _Written:
        """Do `write` and ship what `told` makes of its result. Raises: what `write` raises, BackupError."""
        ...


class CopiedVault:
    """A `fiducia.ports.Vault` in both places."""

    def __init__(self, name: str, vault: Vault, shipping: Shipping) -> None:
        self._name = name
        self._vault = vault
        self._shipping = shipping

    def put(self, secrets: Mapping[str, bytes]) -> None:
        """See `Vault.put`."""
        copied = {name: secret for name, secret in secrets.items() if not name.startswith(NOT_COPIED)}
        if not copied:
            return self._vault.put(secrets)
        return self._shipping.run(lambda: self._vault.put(secrets), lambda _: [changes.put(self._name, copied)])

    def get(self, name: str) -> bytes:
        """See `Vault.get`."""
        return self._vault.get(name)

    def remove(self, names: Iterable[str]) -> None:
        """See `Vault.remove`."""
        names = tuple(names)
        copied = [name for name in names if not name.startswith(NOT_COPIED)]
        if not copied:
            return self._vault.remove(names)
        return self._shipping.run(lambda: self._vault.remove(names), lambda _: [changes.remove(self._name, copied)])

    def names(self, prefix: str) -> tuple[str, ...]:
        """See `Vault.names`."""
        return self._vault.names(prefix)


class CopiedPatients:
    """`fiducia.ports.Patients` in both places."""

    def __init__(self, name: str, patients: Patients, shipping: Shipping) -> None:
        self._name = name
        self._patients = patients
        self._shipping = shipping

    def subject_of(self, identity: PatientIdentity) -> SubjectEntry | None:
        """See `Patients.subject_of`."""
        return self._patients.subject_of(identity)

    def add(self, entry: SubjectEntry) -> SubjectEntry:
        """See `Patients.add`."""
        return self._shipping.run(
            lambda: self._patients.add(entry), lambda kept: [changes.add_patient(self._name, kept)]
        )

    def all(self) -> tuple[SubjectEntry, ...]:
        """See `Patients.all`."""
        return self._patients.all()

    def remove(self, identity: PatientIdentity) -> None:
        """See `Patients.remove`."""
        self._shipping.run(
            lambda: self._patients.remove(identity), lambda _: [changes.forget_patient(self._name, identity)]
        )


class CopiedStudies:
    """`fiducia.ports.Studies` in both places; claims are this place's own."""

    def __init__(self, name: str, studies: Studies, shipping: Shipping) -> None:
        self._name = name
        self._studies = studies
        self._shipping = shipping

    def claim(self, study_instance_uid: str) -> AbstractContextManager[None]:
        """See `Studies.claim`."""
        return self._studies.claim(study_instance_uid)

    def find(self, study_instance_uid: str) -> StudyState:
        """See `Studies.find`."""
        return self._studies.find(study_instance_uid)

    def propose(self, entry: StudyEntry) -> None:
        """See `Studies.propose`."""
        self._shipping.run(lambda: self._studies.propose(entry), lambda _: [changes.propose(self._name, entry)])

    def confirm(self, entry: StudyEntry) -> None:
        """See `Studies.confirm`."""
        self._shipping.run(lambda: self._studies.confirm(entry), lambda _: [changes.confirm(self._name, entry)])

    def all(self) -> tuple[StudyEntry, ...]:
        """See `Studies.all`."""
        return self._studies.all()

    def states(self) -> Iterator[StudyState]:
        """See `Studies.states`."""
        return self._studies.states()

    def remove(self, study_instance_uid: str) -> None:
        """See `Studies.remove`."""
        self._shipping.run(
            lambda: self._studies.remove(study_instance_uid),
            lambda _: [changes.forget_study(self._name, study_instance_uid)],
        )


@dataclass(slots=True, eq=False)
class _Waiting:
    """One append call and how it went."""

    entries: Sequence[JournalEntry]
    done: bool = False
    error: BaseException | None = None


class CopiedJournal:
    """A `fiducia.ports.Journal` in both places. Appenders that meet share one write and one shipment."""

    def __init__(self, name: str, journal: SaltedJournal, shipping: Shipping) -> None:
        self._name = name
        self._journal = journal
        self._shipping = shipping
        self._queue: list[_Waiting] = []
        self._queue_lock = threading.Lock()
        self._pen = threading.Lock()

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """See `Journal.append`; in both places when it returns. Raises: JournalError."""
        mine = _Waiting(tuple(entries))
        if not mine.entries:
            return
        try:
            for entry in mine.entries:  # one that cannot be kept must not keep the others who wait from being kept
                check_journal_entry(entry)
                encode_journal_body(entry)
        except EncodingError as error:
            raise JournalError("the journal cannot be written: nothing may be released") from error
        with self._queue_lock:
            self._queue.append(mine)
        with self._pen:
            if not mine.done:
                self._append_waiting()
        if mine.error is not None:
            where = "" if isinstance(mine.error, JournalError) else " in both places"
            raise JournalError(f"the journal was not written{where}: {mine.error}") from mine.error

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """See `Journal.entries`."""
        return self._journal.entries(kind)

    def size(self) -> int:
        """See `Journal.size`."""
        return self._journal.size()

    def leaves(self, start: int, end: int) -> Sequence[bytes]:
        """See `Journal.leaves`."""
        return self._journal.leaves(start, end)

    def disclose(self, index: int) -> Disclosed:
        """See `Journal.disclose`."""
        return self._journal.disclose(index)

    def since(self, reached: int, kinds: Collection[str]) -> tuple[int, Sequence[JournalEntry]]:
        """See `Journal.since`."""
        return self._journal.since(reached, kinds)

    def health(self) -> None:
        """See `Journal.health`; the second place is written to, too. Raises: JournalError."""
        self._journal.health()
        try:
            self._shipping.run(lambda: None, lambda _: [])
        except (VaultError, ConfigError) as error:
            raise JournalError(f"the second place cannot be written: {error}") from error

    def _append_waiting(self) -> None:
        with self._queue_lock:
            batch, self._queue = self._queue, []
        error: BaseException | None = JournalError("writing the journal was interrupted")
        together = [entry for waiting in batch for entry in waiting.entries]
        salts = [secrets.token_bytes(SALT_BYTES) for _ in together]  # ours to draw: the copy's leaves are the same
        salted = list(zip(together, salts, strict=True))
        try:
            self._shipping.run(
                lambda: self._journal.append(together, salts), lambda _: [changes.append(self._name, salted)]
            )
            error = None
        except Exception as raised:
            error = raised  # each caller raises it for itself
        finally:
            for waiting in batch:
                waiting.done, waiting.error = True, error
