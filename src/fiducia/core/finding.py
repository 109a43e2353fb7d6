"""One audit result. Codes are listed in `core.audit` and `core.audit_manifests`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, in which block, and about what; zeros where there is no such thing.

    Attributes:
        code: UPPER_SNAKE_CASE.
        block_number: the block of the event that shows it.
        time_at: that block's time, UTC Unix seconds.
        about: the request, grant or study id (32 bytes) it is about.
        subject: 20 bytes.
        study_id: 32 bytes.
        detail: one sentence part for people; no identity.
    """

    code: str
    block_number: int
    time_at: int
    about: bytes
    subject: bytes
    study_id: bytes
    detail: str
