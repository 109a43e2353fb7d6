"""What a replay of the ledger's events holds, entry by entry.

Frozen values, replaced as events arrive; `core.replay` does that and answers questions about them.
Everything here is public to members: pseudonyms, digests and times, no identity.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.records.ledger import GrantState, StudyStatus
from fiducia.records.typed import Grant


@dataclass(frozen=True, slots=True)
class Member:
    """An institution; numbered from 1."""

    institution: int
    governor: bytes
    region: int
    exports: int
    active: bool = True
    badge_epoch: int = 1


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
class Subject:
    """One patient at one custodian, as a pseudonym."""

    subject: bytes
    custodian: int
    signer_hash: bytes
    enrolled_at: int
    epoch: int = 1
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a study: the manifest's SHA-256 and when it was anchored."""

    revision: int
    manifest: bytes
    anchored_at: int
    block_number: int
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Study:
    """A study and all its revisions, in order; `revisions[0]` is revision 1."""

    study_id: bytes
    subject: bytes
    custodian: int
    status: StudyStatus
    retain_until_day: int
    revisions: tuple[Revision, ...]

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
