"""The ledger's events as records, past tense, each with the block it stands in.

Replaying them rebuilds the contracts' storage (`core.replay`). Names and fields are those of
contracts/src/interfaces; pseudonyms only.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.records.typed import Grant, UInt64


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEvent:
    """Where an event stands: block number, the block's time, transaction hash, index in the block."""

    block_number: int
    time_at: int
    transaction_hash: bytes
    log_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdmitted(LedgerEvent):
    institution: int
    governor: bytes
    region: int
    exports: UInt64


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSuspended(LedgerEvent):
    institution: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberReinstated(LedgerEvent):
    institution: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPublished(LedgerEvent):
    institution: int
    kind: int
    key_hash: bytes
    not_after: UInt64
    key: bytes
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeEpochRaised(LedgerEvent):
    institution: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonWithdrawn(LedgerEvent):
    institution: int
    person: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectEnrolled(LedgerEvent):
    subject: bytes
    custodian: int
    signer_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRaised(LedgerEvent):
    """All grants of the subject's earlier epochs ended; `by` as in `GrantRevoked`."""

    subject: bytes
    epoch: int
    by: bytes = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyAnchored(LedgerEvent):
    study_id: bytes
    subject: bytes
    manifest: bytes
    retain_until_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRevised(LedgerEvent):
    study_id: bytes
    revision: int
    manifest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyWithdrawn(LedgerEvent):
    """Revision 0: the whole study."""

    study_id: bytes
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantGiven(LedgerEvent):
    """A grant's full terms; `expiry_at` is what storage holds."""

    grant_id: bytes
    grant: Grant
    expiry_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRevoked(LedgerEvent):
    """The end of a grant; `by` is keccak256 of the signer bytes of whoever revoked, or a badge's person."""

    grant_id: bytes
    subject: bytes
    by: bytes = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecorded(LedgerEvent):
    """A release decision that was recorded; institution 0 and grant_id zeros for own access."""

    request_id: bytes
    study_id: bytes
    revision: int
    series: int
    grant_id: bytes
    purpose: int
    action: int
    person: bytes
    recipient: bytes
    institution: int
    badge_epoch: int
    lapse_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDenied(LedgerEvent):
    """A batch item that was refused after its signatures were verified; `reason` as core.policy.Reason."""

    request_id: bytes
    reason: int
    study_id: bytes = bytes(32)
    person: bytes = bytes(32)
    institution: int = 0


# Listed by hand: `__subclasses__` also finds the classes that slots replaced.
EVENTS: tuple[type[LedgerEvent], ...] = (
    MemberAdmitted,
    MemberSuspended,
    MemberReinstated,
    KeyPublished,
    BadgeEpochRaised,
    PersonWithdrawn,
    SubjectEnrolled,
    EpochRaised,
    StudyAnchored,
    StudyRevised,
    StudyWithdrawn,
    GrantGiven,
    GrantRevoked,
    ReleaseRecorded,
    ReleaseDenied,
)
"""Every event, in the order of the contracts."""
