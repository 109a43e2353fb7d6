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
    Approval,
    Enrol,
    Grant,
    Publish,
    Revise,
    RevokeAll,
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
    subject_signer_hash: bytes
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


Act = (
    AdmitAct
    | PublishAct
    | WithdrawPersonAct
    | RaiseBadgeEpochAct
    | EnrolAct
    | AnchorAct
    | ReviseAct
    | GrantAct
    | RevokeAct
    | RevokeAllAct
    | RecordAct
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that is final by the network's profile."""

    transaction_hash: bytes
    head: Head
    gas_used: int
    events: tuple[LedgerEvent, ...] = field(default=())
