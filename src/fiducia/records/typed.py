"""What is signed: the EIP-712 structs, field for field and in order.

Each field is annotated with its Solidity type; `core.typed_data` derives type strings and digests from
the annotations, `core.wire` derives JSON and its limits, so a struct is written down once. Field names
are the snake_case of the Solidity names. Times are Unix seconds UTC, masks have bit i for list position
i (`core.rules`). Source: EIP-712; the structs are final.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Solidity:
    """The Solidity type of an annotated field."""

    name: str


UInt8 = Annotated[int, Solidity("uint8")]
UInt16 = Annotated[int, Solidity("uint16")]
UInt32 = Annotated[int, Solidity("uint32")]
UInt64 = Annotated[int, Solidity("uint64")]
Address = Annotated[bytes, Solidity("address")]
Bytes20 = Annotated[bytes, Solidity("bytes20")]
Bytes32 = Annotated[bytes, Solidity("bytes32")]


@dataclass(frozen=True, slots=True)
class Grant:
    """A patient's (or, on another basis, the law's) permission. Windows are [not_before, not_after)."""

    basis: UInt8
    subject: Bytes20
    scope: Bytes32  # zeros, a study_id, or keccak256(abi.encode(study_id, series))
    anchored_by: UInt64
    grantee: Bytes32  # a person, or institution (4 bytes) and zeros
    purposes: UInt32
    actions: UInt32
    not_before: UInt64
    not_after: UInt64
    epoch: UInt32
    relay_by: UInt64
    terms: Bytes32  # salted hash of what was shown
    salt: Bytes32


@dataclass(frozen=True, slots=True)
class Revoke:
    """Ends one grant, also before it was relayed."""

    grant_id: Bytes32


@dataclass(frozen=True, slots=True)
class RevokeAll:
    """Ends every grant of the subject's current epoch."""

    subject: Bytes20
    epoch: UInt32


@dataclass(frozen=True, slots=True)
class Badge:
    """A staff member's short-lived credential, signed by the institution's issuer."""

    institution: UInt32
    person: Bytes32  # institution (4 bytes) and 28 random bytes
    session: Address  # the session key's address
    roles: UInt32
    trained_until: UInt64
    not_before: UInt64
    not_after: UInt64
    epoch: UInt32


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A request for keys; `series` 0 is every series of the revision."""

    study_id: Bytes32
    revision: UInt16
    series: UInt32
    grant_id: Bytes32  # zeros for own access
    purpose: UInt8  # position in core.rules' purposes
    action: UInt8  # position in core.rules' actions
    person: Bytes32  # zeros for own access
    recipient: Bytes32  # SHA-256 of the HPKE public key to seal to
    not_after: UInt64
    salt: Bytes32


@dataclass(frozen=True, slots=True)
class Enrol:
    """Brings a subject into being; signed by a registrar and by the patient."""

    custodian: UInt32
    salt: Bytes32
    signer_hash: Bytes32  # keccak256(signer); zeros for a patient without a device


@dataclass(frozen=True, slots=True)
class EnrolBatch:
    """Several enrolments under one registrar's signature; each patient signs their own `Enrol`."""

    enrolments: tuple[Enrol, ...]


@dataclass(frozen=True, slots=True)
class Rotate:
    """A patient's signer gives way to another one; both sign."""

    subject: Bytes20
    signer_hash: Bytes32
    serial: UInt32


@dataclass(frozen=True, slots=True)
class Appoint:
    """Somebody may decide for a patient: a parent, a guardian, a delegate."""

    subject: Bytes20
    representative: Bytes32  # keccak256(signer)
    powers: UInt32  # core.rules.Power
    purposes: UInt32
    not_after: UInt64
    serial: UInt32
    terms: Bytes32  # salted hash of what it rests on


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Ends an appointment and every grant with it; `serial` is later than the appointment's."""

    subject: Bytes20
    representative: Bytes32
    serial: UInt32


@dataclass(frozen=True, slots=True)
class Restrict:
    """Restricts processing; `serial` is later than that of the last `Lift`."""

    subject: Bytes20
    serial: UInt32


@dataclass(frozen=True, slots=True)
class Lift:
    """Lifts the restriction."""

    subject: Bytes20
    serial: UInt32


@dataclass(frozen=True, slots=True)
class Recover:
    """Institutions give a patient who lost the signer another one, after a delay.

    `serial` is how many recoveries of the subject were begun before: nothing that a stolen signer signs outdates it.
    """

    subject: Bytes20
    signer_hash: Bytes32
    attempt: UInt8
    serial: UInt32


@dataclass(frozen=True, slots=True)
class Veto:
    """Stops an appointment or a recovery that waits; `matter` is the struct hash of its Appoint or Recover."""

    subject: Bytes20
    matter: Bytes32


@dataclass(frozen=True, slots=True)
class Transfer:
    """Another institution becomes the custodian."""

    subject: Bytes20
    custodian: UInt32
    serial: UInt32


@dataclass(frozen=True, slots=True)
class Anchor:
    """The first digest of a study; signed by a registrar of the subject's custodian."""

    subject: Bytes20
    salt: Bytes32
    manifest: Bytes32  # SHA-256 of the manifest
    retain_until_day: UInt32  # days since 1970-01-01


@dataclass(frozen=True, slots=True)
class AnchorBatch:
    """Several anchors under one registrar's signature."""

    anchors: tuple[Anchor, ...]


@dataclass(frozen=True, slots=True)
class Revise:
    """A later revision of a study; `revision` is the current one plus 1."""

    study_id: Bytes32
    revision: UInt16
    manifest: Bytes32


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Withdraws a revision, or the whole study (revision 0), for good."""

    study_id: Bytes32
    revision: UInt16


@dataclass(frozen=True, slots=True)
class Retain:
    """Keeps a study for longer; never for shorter."""

    study_id: Bytes32
    retain_until_day: UInt32


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold; `serial` is how many holds of the study were lifted before."""

    study_id: Bytes32
    serial: UInt32
    terms: Bytes32  # salted hash of what it rests on


@dataclass(frozen=True, slots=True)
class LiftHold:
    """Lifts a legal hold; signed by officers of two institutions."""

    study_id: Bytes32
    serial: UInt32


@dataclass(frozen=True, slots=True)
class RequestErasure:
    """The patient's side asks for a study's erasure; it is withdrawn at once."""

    study_id: Bytes32


@dataclass(frozen=True, slots=True)
class Erase:
    """A withdrawn study was erased; `certificate` is the SHA-256 of the certificate."""

    study_id: Bytes32
    certificate: Bytes32


@dataclass(frozen=True, slots=True)
class Review:
    """What an officer finds about an emergency access; outcome 1 justified, 2 not justified."""

    grant_id: Bytes32
    outcome: UInt8
    report: Bytes32  # salted hash of the officer's report


@dataclass(frozen=True, slots=True)
class Late:
    """A trustee handed keys over while the chain stalled, on basis EMERGENCY."""

    request_id: Bytes32
    handed_over_at: UInt64


@dataclass(frozen=True, slots=True)
class Admit:
    """Admission of an institution, signed by a strict majority of the other active governors."""

    governor: Address
    region: UInt8
    exports: UInt64
    round: UInt64


@dataclass(frozen=True, slots=True)
class Suspend:
    """The other governors suspend an institution."""

    institution: UInt32
    round: UInt64


@dataclass(frozen=True, slots=True)
class Reinstate:
    """The governors reinstate a suspended institution."""

    institution: UInt32
    round: UInt64


@dataclass(frozen=True, slots=True)
class ReplaceGovernor:
    """The other governors give an institution another governor."""

    institution: UInt32
    governor: Address
    round: UInt64


@dataclass(frozen=True, slots=True)
class ChangeExports:
    """The governors change the regions that an institution's studies may be released to."""

    institution: UInt32
    exports: UInt64
    round: UInt64


@dataclass(frozen=True, slots=True)
class NarrowExports:
    """An institution's own governor takes regions out; `round` is later than the last vote on its exports."""

    institution: UInt32
    exports: UInt64
    round: UInt64


@dataclass(frozen=True, slots=True)
class Publish:
    """Publishes a key of the governor's institution until `not_after`, or ends it sooner."""

    institution: UInt32
    kind: UInt8  # records.ledger.KeyKind
    key_hash: Bytes32
    not_after: UInt64


@dataclass(frozen=True, slots=True)
class WithdrawPerson:
    """An issuer withdraws one person for good."""

    person: Bytes32


@dataclass(frozen=True, slots=True)
class RaiseBadgeEpoch:
    """A governor ends every badge of the institution; `epoch` is the current one."""

    institution: UInt32
    epoch: UInt32


@dataclass(frozen=True, slots=True)
class HandOverStatement:
    """What a trustee signs over a sealed list of keys; `sealed` is its SHA-256."""

    request_id: Bytes32
    trustee: UInt32
    sealed: Bytes32


@dataclass(frozen=True, slots=True)
class SignedBadge:
    """A badge and its issuer's signature (65 bytes, low-s)."""

    badge: Badge
    signature: bytes


@dataclass(frozen=True, slots=True)
class Approval:
    """A decision's signature: the patient's side (or a registrar), or staff with their badge."""

    signer: bytes  # ERC-7913 bytes: 20 for an EOA, 84 for a passkey
    signature: bytes
    credential: SignedBadge | None = None


@dataclass(frozen=True, slots=True)
class StaffAccess:
    """All that a clinician sends to ask for keys: the request, its grant, the badge, the session's signature."""

    request: KeyRequest
    grant: Grant
    badge: SignedBadge
    signature: bytes


@dataclass(frozen=True, slots=True)
class OwnAccess:
    """A patient's request for their own study; `recipient_key` is the HPKE public key to seal to."""

    request: KeyRequest
    approval: Approval
    recipient_key: bytes


Access = StaffAccess | OwnAccess
