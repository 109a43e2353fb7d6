"""What a replay of the ledger's events holds, entry by entry.

Frozen values, replaced as events arrive; `core.replay` does that and answers questions about them.
Everything here is public to members: pseudonyms, digests and times, no identity.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core import rules
from fiducia.records.ledger import GrantState, StudyStatus
from fiducia.records.typed import Grant

NO_SIGNER = bytes(32)
"""The signer hash of a patient without a device."""

FOREVER = 2**40 - 1
"""The end of a power that has none: the largest time that the contracts keep."""


@dataclass(frozen=True, slots=True)
class Member:
    """An institution; numbered from 1. `exports_round` is that of the last vote on its exports; 0 for founders."""

    institution: int
    governor: bytes
    region: int
    exports: int
    active: bool = True
    badge_epoch: int = 1
    exports_round: int = 0


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A published key: live while the time is before `not_after`."""

    institution: int
    kind: int
    key_hash: bytes
    key: bytes
    endpoint: str
    not_after: int
    published_at: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """A recovery that waits; it can be completed from `ready_at` on."""

    signer_hash: bytes
    attempt: int
    serial: int
    ready_at: int
    institutions: tuple[int, ...]
    begun_at: int


@dataclass(frozen=True, slots=True)
class Subject:
    """One patient, as a pseudonym, at its present custodian.

    Attributes:
        signer_hash: keccak256 of the current signer's bytes; zeros while there is none.
        signer_index: the current signer's index, from 1; 0 while there is none.
        serial: what the next act that changes who decides, or gives more, must name.
        lifted_serial: the serial that the last lifting used; 0 when there was none.
        recoveries: how many recoveries were begun; what the next one must name.
        recovery: the recovery that waits, if one does.
        contested: whether a first attempt was vetoed by a signer, so that a second may be made.
    """

    subject: bytes
    custodian: int
    signer_hash: bytes
    enrolled_at: int
    epoch: int = 1
    restricted: bool = False
    signer_index: int = 1
    serial: int = 1
    lifted_serial: int = 0
    recoveries: int = 0
    recovery: Recovery | None = None
    contested: bool = False


@dataclass(frozen=True, slots=True)
class PatientSigner:
    """A signer of the patient's: the one subject it serves, and its index there, from 1."""

    signer_hash: bytes
    subject: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Representative:
    """An appointment: live from `from_at` until `not_after`, unless vetoed or dismissed (then it is gone)."""

    subject: bytes
    representative: bytes
    powers: int
    purposes: int
    from_at: int
    not_after: int
    serial: int
    terms: bytes
    by: bytes

    def is_live(self, at: int) -> bool:
        """Tell whether the appointment has begun and not ended at a time (UTC Unix seconds)."""
        return self.from_at <= at < self.not_after

    def may(self, power: rules.Power) -> bool:
        """Tell whether the appointment has a power, live or not."""
        return bool(self.powers >> power & 1)


@dataclass(frozen=True, slots=True)
class Authority:
    """What somebody may do for a subject, as ISubjects.Authority.

    Attributes:
        current: whether it is the subject's current signer.
        former: whether it is a former signer.
        powers: the signer: all; a live representative: the appointment's; others: none.
        purposes: what the powers are limited to; all for the signer.
        end_at: first second after the powers; `FOREVER` for the signer; 0 for who has no live appointment.
    """

    current: bool = False
    former: bool = False
    powers: int = 0
    purposes: int = 0
    end_at: int = 0

    @property
    def takes_away(self) -> bool:
        """Whether it may revoke, restrict and veto: the patient's side, now or formerly."""
        return self.current or self.former or self.end_at > 0

    def may(self, power: rules.Power) -> bool:
        """Tell whether it has a power."""
        return bool(self.powers >> power & 1)


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a study: the manifest's SHA-256, when it was anchored, and who the custodian then was."""

    revision: int
    manifest: bytes
    anchored_at: int
    block_number: int
    custodian: int
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Study:
    """A study and all its revisions, in order; `revisions[0]` is revision 1.

    Attributes:
        custodian: its subject's custodian, also after another took custody.
        hold_serial: how many legal holds were lifted; `held` tells whether one stands.
        erasure_requested: whether the patient's side asked for the erasure.
        certificate: SHA-256 of the certificate of erasure; zeros until the study is erased.
    """

    study_id: bytes
    subject: bytes
    custodian: int
    status: StudyStatus
    retain_until_day: int
    revisions: tuple[Revision, ...]
    hold_serial: int = 0
    held: bool = False
    erasure_requested: bool = False
    certificate: bytes = bytes(32)

    @property
    def revision(self) -> int:
        """The latest revision."""
        return len(self.revisions)

    @property
    def anchored_at(self) -> int:
        """When the study was first anchored."""
        return self.revisions[0].anchored_at

    @property
    def manifest(self) -> bytes:
        """SHA-256 of the latest revision's manifest."""
        return self.revisions[-1].manifest

    def at(self, revision: int) -> Revision | None:
        """Return one revision, or None when there is none of that number."""
        return self.revisions[revision - 1] if 1 <= revision <= len(self.revisions) else None


@dataclass(frozen=True, slots=True)
class GivenGrant:
    """A grant: its full terms, or None for one that was revoked before it was carried."""

    grant_id: bytes
    subject: bytes
    state: GrantState
    grant: Grant | None = None
    expiry_at: int = 0
    given_at: int = 0
    given_block: int = 0
    revoked_at: int = 0
    revoked_block: int = 0
    revoked_by: bytes = bytes(32)


@dataclass(frozen=True, slots=True)
class Finds:
    """What one officer found about an emergency: outcome 1 justified, 2 not justified."""

    by: bytes
    outcome: int
    report: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Review:
    """The review of an emergency: owed by the requester's institution until somebody filed it."""

    grant_id: bytes
    institution: int
    due_at: int
    first: bytes
    second: bytes
    filed: Finds | None = None
    contested: tuple[Finds, ...] = ()
