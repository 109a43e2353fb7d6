"""What the chain says and is told: heads, facts, acts, receipts, network pins.

Every answer about the present carries the block it was read at. Events are in `records.events`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from fiducia.records.events import LedgerEvent
from fiducia.records.typed import (
    Access,
    Admit,
    Anchor,
    Appoint,
    Approval,
    Bytes20,
    ChangeExports,
    Dismiss,
    Enrol,
    Erase,
    Grant,
    Hold,
    Late,
    Lift,
    LiftHold,
    NarrowExports,
    Publish,
    Recover,
    Reinstate,
    ReplaceGovernor,
    RequestErasure,
    Restrict,
    Retain,
    Review,
    Revise,
    RevokeAll,
    Rotate,
    StaffAccess,
    Suspend,
    Transfer,
    Withdraw,
)


class KeyKind(enum.IntEnum):
    """Kinds of published keys, numbered as on chain."""

    REGISTRAR = 1
    ISSUER = 2
    GATEWAY = 3
    BROKER_KEM = 4
    BROKER_SIGN = 5
    LOG = 6


class GrantState(enum.IntEnum):
    """A grant's slot on chain."""

    UNKNOWN = 0
    LIVE = 1
    REVOKED = 2


class StudyStatus(enum.IntEnum):
    """A study's slot on chain."""

    UNKNOWN = 0
    ANCHORED = 1
    WITHDRAWN = 2
    ERASED = 3


@dataclass(frozen=True, slots=True)
class Head:
    """One block: number, hash (32 bytes) and its time."""

    number: int
    hash: bytes
    time_at: int


@dataclass(frozen=True, slots=True)
class Founder:
    """A founding institution: numbered 1.. in constructor order."""

    governor: bytes  # 20 bytes
    region: int
    exports: int


@dataclass(frozen=True, slots=True)
class Network:
    """What settings pin about a chain, so that another one is refused.

    `contracts` and `code_hashes` are keyed by contract name (WebAuthnVerifier, Members, Subjects,
    Studies, Grants, Releases); `finality` is "instant" or "tag"; `webauthn_rp_id` is the relying party of
    the consortium's passkeys, such as a domain name: its hash is fixed in the verifier.
    """

    chain_id: int
    genesis_hash: bytes
    contracts: tuple[tuple[str, bytes], ...]
    code_hashes: tuple[tuple[str, bytes], ...]
    rpc_urls: tuple[str, ...]
    finality: str = "instant"
    max_head_age_s: int = 15
    first_block: int = 0
    webauthn_rp_id: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything `core.policy.decide` needs about one request, read at one block.

    An end (`*_end_at`) is exclusive; 0 means never published. For own access the badge and grant
    facts are zero. `request_recorded_at` is 0 when the request was never recorded.
    """

    head: Head
    # badge
    institution_active: bool
    institution_region: int
    issuer_end_at: int
    badge_epoch: int
    person_withdrawn: bool
    # study
    study_status: StudyStatus
    study_subject: bytes
    study_revision: int
    study_anchored_at: int
    revision_withdrawn: bool
    # grant
    grant_state: GrantState
    grant_epoch: int
    grant_expiry_at: int
    # subject and custodian
    subject_epoch: int
    subject_restricted: bool
    own_purposes: int  # own access: the purposes of whoever asks; 0 for nobody with ACCESS
    own_end_at: int  # own access: the end of that power; 0 for nobody with ACCESS
    custodian: int
    custodian_exports: int
    # recipient, release
    recipient_end_at: int
    request_recorded_at: int
    request_lapse_at: int


@dataclass(frozen=True, slots=True)
class AdmitAct:
    """Admission with the governors' approvals: (institution, 65-byte signature), ascending."""

    admit: Admit
    approvals: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class PublishAct:
    """A key, where it is reached, and the governor's signature."""

    publish: Publish
    key: bytes
    endpoint: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class WithdrawPersonAct:
    """An issuer withdraws a person at once: signature over WithdrawPerson { bytes32 person }."""

    person: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class RaiseBadgeEpochAct:
    """A governor ends all badges: signature over RaiseBadgeEpoch { uint32 institution; uint32 epoch }."""

    institution: int
    epoch: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class EnrolAct:
    """Enrolment, signed by a registrar of the custodian and by the patient."""

    enrol: Enrol
    registrar_signature: bytes
    signer: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class AnchorAct:
    """One or more anchors under one registrar's signature (over Anchor, or AnchorBatch when several)."""

    anchors: tuple[Anchor, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class ReviseAct:
    """A revision, signed by a registrar."""

    revise: Revise
    signature: bytes


@dataclass(frozen=True, slots=True)
class GrantAct:
    """A grant and the approvals that its basis asks for."""

    grant: Grant
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class RevokeAct:
    """The end of one grant, by anyone with standing."""

    grant: Grant
    approval: Approval


@dataclass(frozen=True, slots=True)
class RevokeAllAct:
    """The end of all grants of a subject's epoch."""

    revoke_all: RevokeAll
    approval: Approval


@dataclass(frozen=True, slots=True)
class RecordAct:
    """A release to be recorded: by staff under a grant, or the patient's own access."""

    access: Access


@dataclass(frozen=True, slots=True)
class VoteAct:
    """What the governors decide about a member, with their approvals as in `AdmitAct`."""

    vote: Suspend | Reinstate | ReplaceGovernor | ChangeExports
    approvals: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class NarrowExportsAct:
    """A governor takes regions out of its own institution's exports."""

    narrow_exports: NarrowExports
    signature: bytes


@dataclass(frozen=True, slots=True)
class EnrolBatchAct:
    """Enrolments under one registrar's signature over `EnrolBatch`; signers and signatures in order."""

    enrolments: tuple[Enrol, ...]
    registrar_signature: bytes
    signers: tuple[bytes, ...]
    signatures: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RotateAct:
    """Another signer for a subject: signed by the new one and approved by the current one."""

    rotate: Rotate
    signer: bytes
    signature: bytes
    approval: Approval


@dataclass(frozen=True, slots=True)
class AppointAct:
    """An appointment: one approval by the patient's signer, or two by the custodian's staff."""

    appoint: Appoint
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class VetoAppointmentAct:
    """Stops an appointment that waits; the approval is over `Veto`."""

    appoint: Appoint
    approval: Approval


@dataclass(frozen=True, slots=True)
class DismissAct:
    """Ends an appointment: one approval by the patient's side, or three by officers of three institutions."""

    dismiss: Dismiss
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class RestrictAct:
    """Restricts processing, by anyone with standing."""

    restrict: Restrict
    approval: Approval


@dataclass(frozen=True, slots=True)
class LiftAct:
    """Lifts the restriction: one approval by the patient's side, or two by staff while there is no signer."""

    lift: Lift
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class RecoverAct:
    """Begins a recovery: signed by the new signer, approved by officers, the custodian's first."""

    recover: Recover
    signer: bytes
    signature: bytes
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class VetoRecoveryAct:
    """Stops a recovery that waits; the approval is over `Veto`."""

    recover: Recover
    approval: Approval


@dataclass(frozen=True, slots=True)
class CompleteRecoveryAct:
    """Completes a recovery whose delay is over; anyone may, nothing is signed."""

    subject: Bytes20


@dataclass(frozen=True, slots=True)
class TransferAct:
    """Another custodian: signed by its registrar, approved by the patient's side."""

    transfer: Transfer
    registrar_signature: bytes
    approval: Approval


@dataclass(frozen=True, slots=True)
class WithdrawAct:
    """Withdraws a revision or a study, signed by a registrar."""

    withdraw: Withdraw
    signature: bytes


@dataclass(frozen=True, slots=True)
class RetainAct:
    """Keeps a study for longer, signed by a registrar."""

    retain: Retain
    signature: bytes


@dataclass(frozen=True, slots=True)
class HoldAct:
    """Puts a study under legal hold, approved by an officer of the custodian."""

    hold: Hold
    approval: Approval


@dataclass(frozen=True, slots=True)
class LiftHoldAct:
    """Lifts a legal hold, approved by officers of two institutions, the custodian's first."""

    lift_hold: LiftHold
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class RequestErasureAct:
    """The patient's side asks for a study's erasure."""

    request_erasure: RequestErasure
    approval: Approval


@dataclass(frozen=True, slots=True)
class EraseAct:
    """Records an erasure, signed by a registrar."""

    erase: Erase
    signature: bytes


@dataclass(frozen=True, slots=True)
class GrantBatchAct:
    """Several grants in one transaction; what the ledger refuses is skipped."""

    grants: tuple[GrantAct, ...]


@dataclass(frozen=True, slots=True)
class ReviewAct:
    """Files or contests the review of an emergency, approved by an officer."""

    review: Review
    approval: Approval


@dataclass(frozen=True, slots=True)
class RecordLateAct:
    """Records a hand-over during a stall, signed by the trustee that made it."""

    access: StaffAccess
    late: Late
    signature: bytes


Act = (
    AdmitAct
    | VoteAct
    | NarrowExportsAct
    | PublishAct
    | WithdrawPersonAct
    | RaiseBadgeEpochAct
    | EnrolAct
    | EnrolBatchAct
    | RotateAct
    | AppointAct
    | VetoAppointmentAct
    | DismissAct
    | RestrictAct
    | LiftAct
    | RecoverAct
    | VetoRecoveryAct
    | CompleteRecoveryAct
    | TransferAct
    | AnchorAct
    | ReviseAct
    | WithdrawAct
    | RetainAct
    | HoldAct
    | LiftHoldAct
    | RequestErasureAct
    | EraseAct
    | GrantAct
    | GrantBatchAct
    | RevokeAct
    | RevokeAllAct
    | ReviewAct
    | RecordAct
    | RecordLateAct
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that is final by the network's profile."""

    transaction_hash: bytes
    head: Head
    gas_used: int
    events: tuple[LedgerEvent, ...] = field(default=())
