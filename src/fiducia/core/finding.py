"""One audit result. Codes are listed in `core.audit` and `core.audit_manifests`."""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.records.events import LedgerEvent


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


def found_in(
    event: LedgerEvent, code: str, detail: str, *, about: bytes = b"", subject: bytes = b"", study_id: bytes = b""
) -> Finding:
    """Return what an event shows; what is not given is zeros."""
    return Finding(
        code=code,
        block_number=event.block_number,
        time_at=event.time_at,
        about=about or bytes(32),
        subject=subject or bytes(20),
        study_id=study_id or bytes(32),
        detail=detail,
    )
