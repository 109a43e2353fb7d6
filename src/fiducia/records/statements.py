"""What is signed for brokers alone and stands on no chain: looking a patient up in an emergency, asking for access,
depositing shares of keys with trustees.

EIP-712 like everything in `records.typed`, in the domain of the contract whose matter it is; no contract takes any of
it. With each struct stands what travels with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fiducia.records.images import HandOver, PatientIdentity
from fiducia.records.ledger import GrantAct
from fiducia.records.typed import Approval, Bytes20, Bytes32, Late, StaffAccess, UInt16, UInt32, UInt64


@dataclass(frozen=True, slots=True)
class LookUp:
    """An emergency team asks a custodian which subject a patient ID is; two of them sign."""

    custodian: UInt32
    identity: Bytes32  # core.emergencies.identity_digest of the salt and the identity
    not_after: UInt64
    salt: Bytes32


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody with a badge asks a patient for a grant; fields as the grant's would be."""

    subject: Bytes20
    scope: Bytes32
    anchored_by: UInt64
    grantee: Bytes32
    purposes: UInt32
    actions: UInt32
    not_after: UInt64
    ask_until: UInt64  # the question lapses then
    salt: Bytes32


@dataclass(frozen=True, slots=True)
class AskList:
    """The patient's side wants to see who asked."""

    subject: Bytes20
    not_after: UInt64


@dataclass(frozen=True, slots=True)
class Decline:
    """The patient's side says no to an ask; its id is its struct hash. Saying yes is a grant."""

    ask_id: Bytes32


@dataclass(frozen=True, slots=True)
class Deposit:
    """A custodian's broker gives a trustee its shares of a study's keys; `custody`, `sealed`: SHA-256 digests."""

    study_id: Bytes32
    subject: Bytes20
    custodian: UInt32
    trustee: UInt32
    custody: Bytes32
    sealed: Bytes32


@dataclass(frozen=True, slots=True)
class Keeping:
    """A trustee's broker holds what a deposit gave it, durably; `custody`, `sealed`: as the deposit's."""

    study_id: Bytes32
    trustee: UInt32
    custody: Bytes32
    sealed: Bytes32


@dataclass(frozen=True, slots=True)
class Collect:
    """A custodian's broker collects shares to deal them anew, on the word of a revision that says so.

    `recipient`: SHA-256 of a BROKER_KEM key that the custodian published.
    """

    study_id: Bytes32
    revision: UInt16
    custodian: UInt32
    trustee: UInt32
    recipient: Bytes32


@dataclass(frozen=True, slots=True)
class Destroy:
    """A custodian's broker tells a trustee to destroy shares.

    `custody`: SHA-256 of an earlier custody document, whose shares were dealt anew; zeros for all shares of the study,
    which is withdrawn and to be erased.
    """

    study_id: Bytes32
    custodian: UInt32
    trustee: UInt32
    custody: Bytes32


@dataclass(frozen=True, slots=True)
class SignedCollect:
    """A collect signed with the custodian's BROKER_SIGN key."""

    collect: Collect
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedDestroy:
    """A destroy signed with the custodian's BROKER_SIGN key."""

    destroy: Destroy
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedDeposit:
    """A deposit signed with the custodian's BROKER_SIGN key, and the list sealed to the trustee's BROKER_KEM key."""

    deposit: Deposit
    sealed: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedKeeping:
    """A keeping signed with the trustee's BROKER_SIGN key."""

    keeping: Keeping
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedLookUp:
    """A look-up, the identity that it is about, and the approvals of two badges of one institution."""

    look_up: LookUp
    identity: PatientIdentity = field(repr=False)
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study of a patient who was looked up; `anchored_at` is when it was first anchored, UTC Unix seconds."""

    study_id: bytes
    revision: int
    anchored_at: int


@dataclass(frozen=True, slots=True)
class LookedUp:
    """A custodian's answer: the subject, who keeps it now, its grant epoch, and its studies that can be opened."""

    subject: bytes
    custodian: int
    epoch: int
    studies: tuple[FoundStudy, ...]


@dataclass(frozen=True, slots=True)
class LookUpNote:
    """What a custodian's journal keeps of a look-up: who asked and which subject, zeros for nobody; no identity."""

    subject: bytes
    institution: int
    first: bytes
    second: bytes


@dataclass(frozen=True, slots=True)
class SignedAsk:
    """An ask, approved with the badge of whoever asks."""

    ask: Ask
    approval: Approval


@dataclass(frozen=True, slots=True)
class SignedAskList:
    """The wish to see asks, approved by the patient's side."""

    ask_list: AskList
    approval: Approval


@dataclass(frozen=True, slots=True)
class SignedDecline:
    """A no, approved by the patient's side."""

    decline: Decline
    approval: Approval


@dataclass(frozen=True, slots=True)
class WaitingAsks:
    """What waits for a patient's answer, oldest first."""

    asks: tuple[SignedAsk, ...]


@dataclass(frozen=True, slots=True)
class StalledEmergency:
    """What a team sends when the chain stalls: the emergency that nobody could carry, and the request under it."""

    grant: GrantAct
    access: StaffAccess


@dataclass(frozen=True, slots=True)
class SignedLate:
    """A custodian's word for a hand-over during a stall, as `recordLate` takes it; signed with its BROKER_SIGN key."""

    late: Late
    signature: bytes


@dataclass(frozen=True, slots=True)
class EmergencyKeys:
    """What the custodian's broker answers a team: its word, and its own keys (None where it is no trustee)."""

    late: SignedLate
    hand_over: HandOver | None


@dataclass(frozen=True, slots=True)
class LateEmergency:
    """What a team shows the other trustees, and what their journals keep of it: the custodian has answered already."""

    emergency: StalledEmergency
    late: SignedLate


@dataclass(frozen=True, slots=True)
class LateHandOver:
    """What the custodian's journal keeps of a hand-over during a stall: all that the ledger is told afterwards."""

    grant: GrantAct
    access: StaffAccess
    handed_over_at: int
