"""A home's parts as copies hold them, over their ports: the same for every database and every key.

Owns how a vault, patients, studies, a journal and the settings' files are told as changes and made of changes again.
A vault's names are told whatever they are, so that new kinds of secrets need nothing here. Applying is repeatable: a
restore that was cut off is finished by the same restore.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from pathlib import Path
from typing import Protocol

from fiducia.adapters import custody_changes as changes
from fiducia.core.copies.changes import NOT_COPIED, batches
from fiducia.errors import BackupError, EncodingError, JournalError, KeyMissingError, VaultError
from fiducia.ports import Journal, Patients, Studies, Vault
from fiducia.records.copies import Change
from fiducia.records.images import JournalEntry, PatientIdentity, SubjectEntry

_AT_ONCE = 200


class Bulk(Protocol):
    """What every custody adapter offers beside its port: many writes as one."""

    def together(self) -> AbstractContextManager[None]:
        """Make all that this thread does here in the block one transaction."""
        ...


class BulkVault(Vault, Bulk, Protocol):
    """A vault of our own."""


class BulkPatients(Patients, Bulk, Protocol):
    """Patients of our own."""


class BulkStudies(Studies, Bulk, Protocol):
    """Studies of our own."""


class SaltedJournal(Journal, Protocol):
    """A journal of our own: whoever knows the salts of leaves can have them made again as they were."""

    def append(self, entries: Sequence[JournalEntry], salts: Sequence[bytes] | None = None) -> None:
        """Append with these salts."""
        ...

    def salted(self) -> Iterator[tuple[JournalEntry, bytes]]:
        """Yield what stood in the journal at the first step, with the salts of the leaves. Raises: JournalError."""
        ...


class VaultSource:
    """A vault as a `fiducia.ports.CopySource`."""

    grows = False

    def __init__(self, name: str, vault: BulkVault) -> None:
        self._name = name
        self._vault = vault

    def dump(self) -> Iterator[Change]:
        """Yield all secrets, some at a time. Raises: VaultError."""
        names = [name for name in self._vault.names("") if not name.startswith(NOT_COPIED)]
        kept = ((name, secret) for name in names if (secret := self._get(name)) is not None)
        for some in batches(kept, _AT_ONCE, lambda each: len(each[1])):
            yield changes.put(self._name, dict(some))

    def apply(self, taken: Sequence[Change]) -> None:
        """Keep and destroy secrets; of several changes to one name the last counts. Raises: VaultError."""
        last = {name: secret for change in taken for name, secret in changes.vault_steps(change)}
        self._vault.put({name: secret for name, secret in last.items() if secret is not None})
        if gone := [name for name, secret in last.items() if secret is None]:
            self._vault.remove(gone)

    def _get(self, name: str) -> bytes | None:
        try:
            return self._vault.get(name)
        except KeyMissingError:
            return None  # destroyed since it was listed


class PatientsSource:
    """Patients as a `fiducia.ports.CopySource`."""

    grows = False

    def __init__(self, name: str, patients: BulkPatients) -> None:
        self._name = name
        self._patients = patients

    def dump(self) -> Iterator[Change]:
        """Yield every patient. Raises: VaultError."""
        for entry in self._patients.all():
            yield changes.add_patient(self._name, entry)

    def apply(self, taken: Sequence[Change]) -> None:
        """Add and destroy patients. Raises: VaultError (one is known as somebody else)."""
        steps = [
            changes.forgotten_patient(change) if change.verb == changes.FORGET else changes.patient_of(change)
            for change in taken
        ]
        for gone, some in groupby(steps, lambda step: isinstance(step, PatientIdentity)):
            # What is destroyed is seen to in the database's files, which no open transaction may stand in the way of.
            with nullcontext() if gone else self._patients.together():
                for step in some:
                    self._take(step)

    def _take(self, step: SubjectEntry | PatientIdentity) -> None:
        if isinstance(step, PatientIdentity):
            self._patients.remove(step)
        elif self._patients.add(step) != step:
            raise VaultError("a patient of the copy is known here as another subject: restore an empty home")


class StudiesSource:
    """Studies as a `fiducia.ports.CopySource`."""

    grows = False

    def __init__(self, name: str, studies: BulkStudies) -> None:
        self._name = name
        self._studies = studies

    def dump(self) -> Iterator[Change]:
        """Yield what is anchored and what is pending of every study. Raises: VaultError."""
        for state in self._studies.states():
            yield from changes.study_changes(self._name, state)

    def apply(self, taken: Sequence[Change]) -> None:
        """Propose, confirm and destroy. Raises: VaultError."""
        for gone, some in groupby(taken, lambda change: change.verb == changes.FORGET):
            entries = [(change, None if gone else changes.study_of(change)) for change in some]
            with nullcontext() if gone else self._studies.together():
                for change, entry in entries:
                    if entry is None:
                        self._studies.remove(changes.forgotten_study(change))
                    else:
                        (self._studies.confirm if change.verb == changes.CONFIRM else self._studies.propose)(entry)


class JournalSource:
    """A journal as a `fiducia.ports.CopySource`."""

    grows = True

    def __init__(self, name: str, journal: SaltedJournal) -> None:
        self._name = name
        self._journal = journal
        self._here: Iterator[JournalEntry] | None = None

    def dump(self) -> Iterator[Change]:
        """Yield all entries that stood there at the first step. Raises: JournalError."""
        for some in batches(self._journal.salted(), _AT_ONCE, lambda each: len(each[0].body)):
            yield changes.append(self._name, some)

    def apply(self, taken: Sequence[Change]) -> None:
        """Append what is not here yet. Raises: JournalError (what is here is another journal's)."""
        if self._here is None:
            self._here = self._journal.entries()
        new: list[JournalEntry] = []
        salts: list[bytes] = []
        for entry, salt in (each for change in taken for each in changes.entries_of(change)):
            known = None if new else next(self._here, None)
            if known is None:
                new.append(entry)
                salts.append(salt)
            elif known != entry:
                raise JournalError("the journal here is not the one of the copy: restore an empty home")
        self._journal.append(new, salts)


class FilesSource:
    """A home's settings as a `fiducia.ports.CopySource`: small text files by name."""

    grows = False

    def __init__(self, name: str, root: Path, files: Sequence[str]) -> None:
        """Take the files' paths below `root`; others are neither told nor written."""
        self._name = name
        self._root = root
        self._files = tuple(files)

    def dump(self) -> Iterator[Change]:
        """Yield the files that are there. Raises: BackupError."""
        for file in self._files:
            try:
                yield changes.put(self._name, {file: (self._root / file).read_bytes()})
            except FileNotFoundError:
                continue
            except OSError as error:
                raise BackupError(f"{self._root / file} cannot be read: {error.strerror}") from error

    def apply(self, taken: Sequence[Change]) -> None:
        """Write the files that are not here; one that is stays. Raises: EncodingError, BackupError."""
        for file, content in (step for change in taken for step in changes.vault_steps(change)):
            if file not in self._files or content is None:
                raise EncodingError("a copy has a file among its settings that this version does not know")
            path = self._root / file
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not path.exists():
                    part = path.with_name(f".{path.name}.restored")
                    part.write_bytes(content)
                    part.chmod(0o600)
                    part.replace(path)
            except OSError as error:
                raise BackupError(f"{path} cannot be written: {error.strerror}") from error
