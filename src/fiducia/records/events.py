"""The ledger's events as records, past tense, each with the block it stands in.

Replaying them rebuilds the contracts' storage (`core.replay`). Names and fields are those of
contracts/src/interfaces; pseudonyms only.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.records.typed import Appoint, Grant, UInt64


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
class GovernorReplaced(LedgerEvent):
    institution: int
    governor: bytes
    round: UInt64


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportsChanged(LedgerEvent):
    """Round 0: the institution's own governor narrowed them."""

    institution: int
    exports: UInt64
    round: UInt64


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
    """`signer_hash` zeros: a patient without a device."""

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
class SignerRotated(LedgerEvent):
    subject: bytes
    signer_hash: bytes
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentativeAppointed(LedgerEvent):
    """`by` is keccak256 of the patient's signer bytes, or the person of the first badge."""

    appointment: Appoint
    from_at: int
    by: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentVetoed(LedgerEvent):
    subject: bytes
    representative: bytes
    by: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentativeDismissed(LedgerEvent):
    """An `EpochRaised` follows: grants end with the power behind them."""

    subject: bytes
    representative: bytes
    by: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRestricted(LedgerEvent):
    subject: bytes
    by: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionLifted(LedgerEvent):
    subject: bytes
    serial: int
    by: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryBegun(LedgerEvent):
    """`institutions` are those whose officers approved, the custodian first."""

    subject: bytes
    signer_hash: bytes
    attempt: int
    serial: int
    ready_at: int
    institutions: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryVetoed(LedgerEvent):
    """`contested`: a second attempt may be made from now on."""

    subject: bytes
    attempt: int
    contested: bool
    by: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRecovered(LedgerEvent):
    """An `EpochRaised` follows; the signers before are former ones."""

    subject: bytes
    signer_hash: bytes
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyTransferred(LedgerEvent):
    subject: bytes
    from_custodian: int
    custodian: int
    by: bytes


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
class StudyRetained(LedgerEvent):
    study_id: bytes
    retain_until_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyHeld(LedgerEvent):
    study_id: bytes
    serial: int
    terms: bytes
    by: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLifted(LedgerEvent):
    """`by` is the custodian's officer, `second` the other institution's."""

    study_id: bytes
    serial: int
    by: bytes
    second: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequested(LedgerEvent):
    """A `StudyWithdrawn` of the whole study follows, unless it was withdrawn before."""

    study_id: bytes
    subject: bytes
    by: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyErased(LedgerEvent):
    study_id: bytes
    subject: bytes
    certificate: bytes


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
class ReviewOwed(LedgerEvent):
    """An emergency was opened by two persons; its review is overdue from `due_at` on."""

    grant_id: bytes
    institution: int
    due_at: int
    first: bytes
    second: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFiled(LedgerEvent):
    """`by` is the officer's person; outcome 1 justified, 2 not justified."""

    grant_id: bytes
    by: bytes
    outcome: int
    report: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewContested(LedgerEvent):
    grant_id: bytes
    by: bytes
    outcome: int
    report: bytes


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
class ReleaseRecordedLate(LedgerEvent):
    """A hand-over on basis EMERGENCY while the chain stalled, recorded afterwards; it was never open."""

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
    handed_over_at: UInt64


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
    GovernorReplaced,
    ExportsChanged,
    KeyPublished,
    BadgeEpochRaised,
    PersonWithdrawn,
    SubjectEnrolled,
    EpochRaised,
    SignerRotated,
    RepresentativeAppointed,
    AppointmentVetoed,
    RepresentativeDismissed,
    SubjectRestricted,
    RestrictionLifted,
    RecoveryBegun,
    RecoveryVetoed,
    SubjectRecovered,
    CustodyTransferred,
    StudyAnchored,
    StudyRevised,
    StudyWithdrawn,
    StudyRetained,
    StudyHeld,
    HoldLifted,
    ErasureRequested,
    StudyErased,
    GrantGiven,
    GrantRevoked,
    ReviewOwed,
    ReviewFiled,
    ReviewContested,
    ReleaseRecorded,
    ReleaseRecordedLate,
    ReleaseDenied,
)
"""Every event, in the order of the contracts."""
