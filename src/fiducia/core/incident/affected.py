"""What came of an incident, thing by thing: the records of a report."""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core.entries import PublishedKey, Representative


@dataclass(frozen=True, slots=True)
class AffectedRelease:
    """A release that may have been made, or opened, with what was compromised.

    Attributes:
        request_id, study_id, subject, grant_id, person: pseudonyms, as on the ledger.
        institution: the requester's; 0 for own access.
        recorded_at: by the ledger; 0 while it does not show it yet.
        handed_over_at: by this journal, UTC Unix seconds; 0 where it says nothing.
        reads: how often this institution's gateway read under it since.
        why: what ties it to the incident.
    """

    request_id: bytes
    study_id: bytes
    subject: bytes
    grant_id: bytes
    institution: int
    person: bytes
    recorded_at: int
    handed_over_at: int
    reads: int
    why: str


@dataclass(frozen=True, slots=True)
class AffectedGrant:
    """A grant that may have been given with it; `live`: at the report's head."""

    grant_id: bytes
    subject: bytes
    basis: int
    grantee: bytes
    given_at: int
    live: bool
    why: str


@dataclass(frozen=True, slots=True)
class AffectedAnchor:
    """A revision that may have been anchored with it."""

    study_id: bytes
    subject: bytes
    revision: int
    anchored_at: int


@dataclass(frozen=True, slots=True)
class AffectedShare:
    """Shares that lay open; `opens`: they open the study by themselves. Threshold 0: its custody cannot be read."""

    study_id: bytes
    subject: bytes
    trustees: tuple[int, ...]
    threshold: int
    opens: bool


@dataclass(frozen=True, slots=True)
class AffectedLookUp:
    """A patient whom somebody with such a badge looked up."""

    subject: bytes
    institution: int
    at: int


@dataclass(frozen=True, slots=True)
class Effects:
    """Everything that may have come of it.

    `recoveries`: patients for whom another signer waits. `sealed_before`: releases to that gateway key before `since`.
    """

    releases: tuple[AffectedRelease, ...]
    grants: tuple[AffectedGrant, ...]
    enrolments: tuple[bytes, ...]
    anchors: tuple[AffectedAnchor, ...]
    appointments: tuple[Representative, ...]
    recoveries: tuple[bytes, ...]
    shares: tuple[AffectedShare, ...]
    look_ups: tuple[AffectedLookUp, ...]
    published: tuple[PublishedKey, ...]
    directory: tuple[bytes, ...]
    sealed_before: int

    @property
    def any(self) -> bool:
        """Whether there is anything at all."""
        return any(
            (
                *(self.releases, self.grants, self.enrolments, self.anchors, self.appointments, self.recoveries),
                *(self.shares, self.look_ups, self.published, self.directory, self.sealed_before),
            )
        )
