"""The binary form of what custody keeps, and the rules its values obey in every adapter.

Owns the encoding of patients, studies and journal bodies, and the limits of vault names, secrets and
journal entries. Does not own their sealing (`adapters.sql.sealing`). Each value is one DAG-CBOR
array that begins with its format's number; decoding is strict: types, lengths, and that encoding again
gives the same bytes. Source: RFC 8949 section 4.2 (deterministic encoding), as DAG-CBOR restricts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from libipld import decode_dag_cbor, encode_dag_cbor

from fiducia.errors import EncodingError
from fiducia.records.images import (
    InstanceEntry,
    JournalEntry,
    PatientIdentity,
    SeriesEntry,
    StudyEntry,
    SubjectEntry,
)

MAX_SECRET_BYTES: Final = 1 << 20
_FORMAT: Final = 1
_MAX_INT: Final = (1 << 63) - 1
_NAME: Final = re.compile(r"[!-~]{1,256}")
_KIND: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def check_name(name: str) -> None:
    """Refuse a vault name that is not 1 to 256 printable ASCII characters without spaces.

    Raises:
        EncodingError: the name is not one; it is not repeated in the message.
    """
    if not _NAME.fullmatch(name):
        raise EncodingError("a vault name has 1 to 256 printable ASCII characters and no spaces")


def check_secret(secret: bytes) -> None:
    """Refuse a secret of more than 1 MiB. Raises: EncodingError."""
    if len(secret) > MAX_SECRET_BYTES:
        raise EncodingError("a secret has at most 1 MiB")


def check_journal_entry(entry: JournalEntry) -> None:
    """Refuse an entry whose kind or time the journal cannot hold. Raises: EncodingError."""
    if not _KIND.fullmatch(entry.kind):
        raise EncodingError("a journal entry's kind is a lower-case word of at most 64 characters")
    if not _is_count(entry.at):
        raise EncodingError("a journal entry's time is in whole seconds since 1970")


def identity_bytes(identity: PatientIdentity) -> bytes:
    """Return an identity's unambiguous bytes, from which its lookup value is made. Raises: EncodingError."""
    return _encode([identity.issuer, identity.patient_id])


def encode_patient(entry: SubjectEntry) -> bytes:
    """Return a patient's binary form. Raises: EncodingError (text that is not Unicode)."""
    identity = entry.identity
    fields = [identity.issuer, identity.patient_id, entry.subject, entry.salt, entry.signer, entry.profile]
    return _readable(_encode([_FORMAT, *fields]), decode_patient, entry)


def decode_patient(data: bytes) -> SubjectEntry:
    """Return the patient in its binary form. Raises: EncodingError."""
    issuer, patient_id, subject, salt, signer, profile = _decode(data, str, str, bytes, bytes, bytes, str)
    return SubjectEntry(PatientIdentity(issuer, patient_id), subject, salt, signer, profile)


def encode_study(entry: StudyEntry) -> bytes:
    """Return a study's binary form: about 120 bytes per instance. Raises: EncodingError."""
    series = []
    for one in entry.series:
        instances = [[i.sop_instance_uid, i.number, i.identity_digest] for i in one.instances]
        series.append([one.series_instance_uid, one.number, one.sealed_in, instances])
    names = [entry.study_instance_uid, entry.study_id, entry.subject, entry.salt]
    fields = [*names, entry.revision, entry.manifest, series, entry.retain_until_day]
    return _readable(_encode([_FORMAT, *fields]), decode_study, entry)


def decode_study(data: bytes) -> StudyEntry:
    """Return the study in its binary form. Raises: EncodingError."""
    types = (str, bytes, bytes, bytes, int, bytes, list, int)
    uid, study_id, subject, salt, revision, manifest, rows, retain_until_day = _decode(data, *types)
    series = tuple(_series(row) for row in rows)
    return StudyEntry(uid, study_id, subject, salt, revision, manifest, series, retain_until_day)


def encode_journal_body(entry: JournalEntry) -> bytes:
    """Return what a journal entry says beside its kind and time. Raises: EncodingError."""
    data = _encode([_FORMAT, entry.subject_id, entry.body])
    return _readable(data, lambda body: decode_journal_body(entry.kind, entry.at, body), entry)


def decode_journal_body(kind: str, at: int, data: bytes) -> JournalEntry:
    """Return the journal entry of that kind and time (UTC Unix seconds). Raises: EncodingError."""
    subject_id, body = _decode(data, bytes, str)
    return JournalEntry(kind, at, subject_id, body)


def _readable(data: bytes, decode: Callable[[bytes], object], entry: object) -> bytes:
    """Return `data` when it reads back as the entry: nothing is acknowledged that could not be read."""
    if decode(data) != entry:
        raise EncodingError("an entry does not survive its own encoding")
    return data


def _series(row: object) -> SeriesEntry:
    uid, number, sealed_in, instances = _fields(row, str, int, int, list)
    return SeriesEntry(uid, number, sealed_in, tuple(InstanceEntry(*_fields(i, str, int, bytes)) for i in instances))


def _encode(value: list[Any]) -> bytes:
    try:
        return encode_dag_cbor(value)
    except (ValueError, TypeError, OverflowError):
        # The cause is dropped on purpose: its text may quote the value.
        raise EncodingError("a value of the directory or journal is not valid Unicode, bytes or number") from None


def _decode(data: bytes, *types: type) -> list[Any]:
    try:
        value = decode_dag_cbor(data)
        canonical = encode_dag_cbor(value) == data
    except (ValueError, RecursionError):
        raise EncodingError("an entry at rest is not in a form this version reads") from None
    if not canonical:
        raise EncodingError("an entry at rest is not in canonical form")
    version, *fields = _fields(value, int, *types)
    if version != _FORMAT:
        raise EncodingError("an entry at rest is in another version's form")
    return fields


def _fields(value: object, *types: type) -> list[Any]:
    if not isinstance(value, list) or len(value) != len(types):
        raise EncodingError("an entry at rest has other fields than it should")
    for field, wanted in zip(value, types, strict=True):
        if type(field) is not wanted or (wanted is int and not _is_count(field)):
            raise EncodingError("an entry at rest has a field of another type than it should")
    return value


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_INT
