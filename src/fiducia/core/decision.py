"""What a decision is: the numbered reasons, who signed, and the outcome.

Holds no rule; `core.policy` decides and explains the order of the checks. The numbers are those of
contracts/src/interfaces/IReleases.sol and stand in events, so they never change.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from fiducia.errors import DeniedError


class Reason(enum.IntEnum):
    """The first check that failed, numbered as contracts/src/interfaces/IReleases.sol numbers it."""

    NONE = 0
    ISSUER_UNPUBLISHED = 1
    INSTITUTION_INACTIVE = 2
    BADGE_EPOCH = 3
    BADGE_WINDOW = 4
    PERSON_WITHDRAWN = 5
    TRAINING_LAPSED = 6
    REQUEST_SIGNATURE = 7
    PERSON_PREFIX = 8
    PERSON_MISMATCH = 9
    REQUEST_WINDOW = 10
    STUDY_UNKNOWN = 11
    REVISION_UNKNOWN = 12
    REVISION_WITHDRAWN = 13
    STUDY_WITHDRAWN = 14
    STUDY_ERASED = 15
    GRANT_MISMATCH = 16
    GRANT_SUBJECT = 17
    GRANT_UNKNOWN = 18
    GRANT_REVOKED = 19
    GRANT_EPOCH = 20
    RESTRICTED = 21
    SCOPE = 22
    GRANTEE = 23
    PURPOSE_NOT_GRANTED = 24
    PURPOSE_NOT_FOR_ROLE = 25
    ACTION_NOT_GRANTED = 26
    GRANT_NOT_YET = 27
    GRANT_EXPIRED = 28
    REGION = 29
    RECIPIENT_UNPUBLISHED = 30
    OWN_SIGNER = 31
    OWN_PURPOSE = 32
    LATE_BASIS = 33
    LATE_TIME = 34
    LATE_TRUSTEE = 35


@dataclass(frozen=True, slots=True)
class VerifiedAccess:
    """Who signed an access, by its signatures; None for a signature in no accepted form.

    Attributes:
        issuer: 20-byte address of the badge's issuer; None for own access.
        signer: whoever signed the request: a 20-byte address; own access: the signer that the approval names, if
            it signed.
    """

    issuer: bytes | None
    signer: bytes | None


@dataclass(frozen=True, slots=True)
class LateFacts:
    """What the chain says about a hand-over that was made while it stalled, beyond `Facts`.

    Attributes:
        review_due_at: when the emergency's review is due, UTC Unix seconds; 0 when none was ever owed.
        trustee_end_at: end of the custodian's BROKER_SIGN key that signed the hand-over; 0 for any other key.
    """

    review_due_at: int
    trustee_end_at: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided: the first reason against, or NONE and the time from which the release is void.

    `local` names a member's own rule that refused after every shared check had passed.
    """

    reason: Reason
    lapse_at: int = 0
    local: str = ""

    @property
    def allowed(self) -> bool:
        """Whether nothing stands against the request."""
        return self.reason is Reason.NONE and not self.local

    @property
    def denial(self) -> str:
        """The denial's name for `DeniedError.reason`; empty when allowed."""
        return "" if self.allowed else self.local or self.reason.name

    def require(self) -> int:
        """Return `lapse_at` of an allowed decision. Raises: DeniedError."""
        if not self.allowed:
            raise DeniedError(self.denial)
        return self.lapse_at
