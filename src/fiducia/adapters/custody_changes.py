"""What custody's ports do, as changes in a copy: one form for whole copies and for what is added to them.

Owns the verbs and the bodies of changes to vaults, patients, studies, journals and logbooks. Their rows' own form is
`custody_codec`'s; how a copy is sealed is `core.copies`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from libipld import decode_dag_cbor, encode_dag_cbor

from fiducia.adapters.custody_codec import (
    decode_journal_body,
    decode_patient,
    decode_study,
    encode_journal_body,
    encode_patient,
    encode_study,
)
from fiducia.errors import EncodingError
from fiducia.records.copies import Change
from fiducia.records.images import JournalEntry, PatientIdentity, StudyEntry, StudyState, SubjectEntry
from fiducia.records.journal import KeptCheckpoint

PUT, REMOVE, ADD, PROPOSE, CONFIRM, APPEND = "put", "remove", "add", "propose", "confirm", "append"
KEEP, ACCUSE = "keep", "accuse"
FORGET = "forget"
"""A patient or a study that is destroyed."""

_ROOT_BYTES = 32


def put(source: str, secrets: Mapping[str, bytes]) -> Change:
    """Return the keeping of secrets."""
    return Change(source, PUT, encode_dag_cbor(dict(secrets)))


def remove(source: str, names: Iterable[str]) -> Change:
    """Return the destruction of secrets."""
    return Change(source, REMOVE, encode_dag_cbor(list(names)))


def vault_steps(change: Change) -> Iterable[tuple[str, bytes | None]]:
    """Return what a change does to a vault: names with their secrets, or None for one that is destroyed."""
    match change.verb, _decoded(change):
        case "put", dict(secrets) if all(isinstance(each, bytes) for each in secrets.values()):
            return secrets.items()
        case "remove", list(names) if all(isinstance(each, str) for each in names):
            return [(name, None) for name in names]
    raise _other(change)


def add_patient(source: str, entry: SubjectEntry) -> Change:
    """Return the adding of a patient."""
    return Change(source, ADD, encode_patient(entry))


def patient_of(change: Change) -> SubjectEntry:
    """Return the patient that a change adds. Raises: EncodingError."""
    if change.verb != ADD:
        raise _other(change)
    return decode_patient(change.body)


def forget_patient(source: str, identity: PatientIdentity) -> Change:
    """Return the destruction of a patient's entry."""
    return Change(source, FORGET, encode_dag_cbor([identity.issuer, identity.patient_id]))


def forgotten_patient(change: Change) -> PatientIdentity:
    """Return whose entry a change destroys. Raises: EncodingError."""
    match change.verb, _decoded(change):
        case "forget", [str(issuer), str(patient_id)]:
            return PatientIdentity(issuer, patient_id)
    raise _other(change)


def propose(source: str, entry: StudyEntry) -> Change:
    """Return the proposing of a study's revision."""
    return Change(source, PROPOSE, encode_study(entry))


def confirm(source: str, entry: StudyEntry) -> Change:
    """Return the confirming of a study's revision."""
    return Change(source, CONFIRM, encode_study(entry))


def study_changes(source: str, state: StudyState) -> Iterable[Change]:
    """Return what gives a study its state."""
    if state.anchored is not None:
        yield confirm(source, state.anchored)
    if state.pending is not None:
        yield propose(source, state.pending)


def study_of(change: Change) -> StudyEntry:
    """Return the revision that a change proposes or confirms. Raises: EncodingError."""
    if change.verb not in (PROPOSE, CONFIRM):
        raise _other(change)
    return decode_study(change.body)


def forget_study(source: str, study_instance_uid: str) -> Change:
    """Return the destruction of a study's entries."""
    return Change(source, FORGET, encode_dag_cbor([study_instance_uid]))


def forgotten_study(change: Change) -> str:
    """Return the UID of the study that a change destroys. Raises: EncodingError."""
    match change.verb, _decoded(change):
        case "forget", [str(study_instance_uid)]:
            return study_instance_uid
    raise _other(change)


def append(source: str, entries: Iterable[tuple[JournalEntry, bytes]]) -> Change:
    """Return the appending of journal entries, each with the salt of its leaf."""
    rows = [[entry.kind, entry.at, encode_journal_body(entry), salt] for entry, salt in entries]
    return Change(source, APPEND, encode_dag_cbor(rows))


def entries_of(change: Change) -> Sequence[tuple[JournalEntry, bytes]]:
    """Return the journal entries that a change appends, with their leaves' salts. Raises: EncodingError."""
    rows = _decoded(change) if change.verb == APPEND else None
    if not isinstance(rows, list):
        raise _other(change)
    try:
        return [(decode_journal_body(kind, at, body), bytes(salt)) for kind, at, body, salt in rows]
    except (TypeError, ValueError):
        raise _other(change) from None


def keep(source: str, kept: Iterable[KeptCheckpoint]) -> Change:
    """Return the keeping of logs' newest checkpoints."""
    return Change(source, KEEP, encode_dag_cbor([[each.origin, each.size, each.root, each.note] for each in kept]))


def accuse(source: str, evidence: Iterable[bytes]) -> Change:
    """Return the keeping of evidence."""
    return Change(source, ACCUSE, encode_dag_cbor(list(evidence)))


def logbook_steps(change: Change) -> Sequence[KeptCheckpoint | bytes]:
    """Return what a change has a logbook remember: checkpoints, or evidence. Raises: EncodingError."""
    match change.verb, _decoded(change):
        case "keep", list(rows):
            return [_checkpoint_of(change, row) for row in rows]
        case "accuse", list(evidence) if all(isinstance(each, bytes) for each in evidence):
            return evidence
    raise _other(change)


def _checkpoint_of(change: Change, row: object) -> KeptCheckpoint:
    match row:
        case [str(origin), int(size), bytes(root), bytes(note)] if len(root) == _ROOT_BYTES and size >= 0:
            return KeptCheckpoint(origin, size, root, note)
    raise _other(change)


def _decoded(change: Change) -> object:
    try:
        return decode_dag_cbor(change.body)
    except (ValueError, RecursionError):
        raise _other(change) from None


def _other(change: Change) -> EncodingError:
    return EncodingError(f"a copy has a change of {change.source} that this version does not know: update fiducia")
