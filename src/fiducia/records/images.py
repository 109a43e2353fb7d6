"""What intake finds, what the custodian keeps about studies, and what journeys report.

Identities and UIDs live only in these values, in the sealed directory and inside sealed objects; never
in logs, errors or on chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fiducia.errors import InputError
from fiducia.records.intake import Note
from fiducia.records.quality import SeriesQuality


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """Who a DICOM object is about: (issuer of patient ID, patient ID); issuer "" is the custodian."""

    issuer: str
    patient_id: str


@dataclass(frozen=True, slots=True)
class InstanceInfo:
    """What is read from one instance's head before it is sealed.

    `header_bytes` counts preamble and group 0002, `size_bytes` the whole file.
    """

    identity: PatientIdentity
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    modality: str
    header_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class IntakeProblem:
    """One input that was not taken, where it was found, and why (with what to do)."""

    where: str
    error: InputError


@dataclass(frozen=True, slots=True)
class SubjectEntry:
    """A patient at this custodian: identity and pseudonym, with the salt that ties them."""

    identity: PatientIdentity
    subject: bytes  # 20 bytes
    salt: bytes  # 32 bytes
    signer: bytes  # ERC-7913 bytes
    profile: str = ""


@dataclass(frozen=True, slots=True)
class InstanceEntry:
    """An instance's number in its series (from 1, never reused) and identity digest."""

    sop_instance_uid: str
    number: int
    identity_digest: bytes


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """A series' number in its study, the revision it was sealed in, and its instances."""

    series_instance_uid: str
    number: int
    sealed_in: int
    instances: tuple[InstanceEntry, ...]


@dataclass(frozen=True, slots=True)
class StudyEntry:
    """What the custodian keeps about one revision of a study."""

    study_instance_uid: str
    study_id: bytes
    subject: bytes
    salt: bytes
    revision: int
    manifest: bytes = b""  # SHA-256 of the manifest
    series: tuple[SeriesEntry, ...] = ()
    retain_until_day: int = 0  # days since 1970-01-01


@dataclass(frozen=True, slots=True)
class StudyState:
    """A study in the custodian's directory: what is anchored, and what is about to be."""

    anchored: StudyEntry | None = None
    pending: StudyEntry | None = None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that the store holds durably."""

    cid: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """Keys leaving a trustee: sealed to the request's recipient, signed by the trustee (BROKER_SIGN)."""

    request_id: bytes
    trustee: int
    sealed: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class HandOvers:
    """What enough trustees handed over for one request, by share index."""

    hand_overs: tuple[HandOver, ...]


@dataclass(frozen=True, slots=True)
class Blame:
    """What a trustee handed over and should not have.

    Attributes:
        trustee: whose broker was asked.
        what: what is wrong with it.
        signed: its published BROKER_SIGN key signed `evidence`; without that anybody on the way may have made it.
        evidence: the hand-over as it came.
    """

    trustee: int
    what: str
    signed: bool
    evidence: HandOver


@dataclass(frozen=True, slots=True)
class Release:
    """A recorded release: final in `block_number`, void from `lapse_at`."""

    request_id: bytes
    block_number: int
    lapse_at: int
    gas_used: int = 0


@dataclass(frozen=True, slots=True)
class RegisteredStudy:
    """What one registration did; `unchanged` when every instance was already anchored.

    `quality` has the series with something to report, as found by this registration.
    """

    study_id: bytes
    subject: bytes
    revision: int
    series: int
    instances: int
    size_bytes: int
    unchanged: bool
    gas_used: int = 0
    patient_profile: str = ""
    quality: tuple[SeriesQuality, ...] = ()


@dataclass(frozen=True, slots=True)
class Registration:
    """The outcome of one `register` run: studies done, inputs not taken, and what was noted about the others."""

    studies: tuple[RegisteredStudy, ...]
    problems: tuple[IntakeProblem, ...] = field(default=())
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchedStudy:
    """What one fetch wrote and verified."""

    study_id: bytes
    revision: int
    series: int
    instances: int
    size_bytes: int
    request_id: bytes
    gas_used: int = 0
    blamed: tuple[Blame, ...] = ()


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One act of a broker: kind, time, the id it is about, and a JSON body in wire form; of the last
    two kinds, what was attested, as a signed note.

    Kinds: revoke_taken, revoke_relayed, revoke_refused, release_asked, denied, handed_over, hand_over_denied,
    looked_up, ask_taken, ask_declined, notice_delivered, notice_deferred, late_handed_over, late_share_handed_over,
    late_recorded, late_refused, late_denied, quarantine_released, quarantine_deleted, gateway_read,
    gateway_signed_in, gateway_signed_out, emergency_opened, emergency_reviewed, staff_grant, act_carried,
    badge_issued, staff_added, staff_removed, intake_token_made, share_kept, share_delivered, share_collected,
    share_destroyed, study_cleared.
    """

    kind: str
    at: int
    subject_id: bytes  # a struct hash: request_id, grant_id, ask_id, ...
    body: str = ""
