"""The five contracts' storage as a replay keeps it, and the two ways in which an event can be impossible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from fiducia.core.entries import (
    GivenGrant,
    Member,
    PatientSigner,
    PublishedKey,
    Representative,
    Review,
    Study,
    Subject,
)
from fiducia.errors import LedgerInconsistencyError, SequenceGapError
from fiducia.records.events import LedgerEvent, ReleaseDenied, ReleaseRecorded, ReleaseRecordedLate


@dataclass(slots=True)
class Storage:
    """The five contracts' storage, rebuilt. Insertion order is the chain's order.

    The indexes `grants_by_subject`, `studies_by_subject` and `owed` (institution to the grants whose review it
    owes, oldest first) follow from the rest.
    """

    members: dict[int, Member] = field(default_factory=dict)
    governors: dict[bytes, int] = field(default_factory=dict)
    keys: dict[tuple[int, int, bytes], PublishedKey] = field(default_factory=dict)
    withdrawn: set[bytes] = field(default_factory=set)
    subjects: dict[bytes, Subject] = field(default_factory=dict)
    signers: dict[bytes, PatientSigner] = field(default_factory=dict)
    representatives: dict[tuple[bytes, bytes], Representative] = field(default_factory=dict)
    studies: dict[bytes, Study] = field(default_factory=dict)
    studies_by_subject: dict[bytes, list[bytes]] = field(default_factory=dict)
    grants: dict[bytes, GivenGrant] = field(default_factory=dict)
    grants_by_subject: dict[bytes, list[bytes]] = field(default_factory=dict)
    reviews: dict[bytes, Review] = field(default_factory=dict)
    owed: dict[int, list[bytes]] = field(default_factory=dict)
    releases: dict[bytes, ReleaseRecorded] = field(default_factory=dict)
    late_releases: dict[bytes, ReleaseRecordedLate] = field(default_factory=dict)
    denials: list[ReleaseDenied] = field(default_factory=list)
    founding: bytes = b""
    round: int = 1

    def copy(self) -> Storage:
        """Return a storage that shares the (frozen) entries and none of the containers."""
        shared: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, dict):
                shared[each.name] = {key: list(e) if isinstance(e, list) else e for key, e in value.items()}
            elif isinstance(value, set | list):
                shared[each.name] = value.copy()
        return replace(self, **shared)


Changes = Mapping[type[LedgerEvent], Callable[[Storage, Any], None]]
"""How each event of one contract changes the storage."""


def require(holds: bool, event: LedgerEvent, what: str) -> None:
    """Return when an event can follow. Raises: LedgerInconsistencyError, which names the event and its block."""
    if not holds:
        raise LedgerInconsistencyError(_sentence(event, what))


def require_next(given: int, expected: int, event: LedgerEvent, what: str) -> None:
    """Return when a number of a sequence is the next one. Raises: SequenceGapError."""
    if given != expected:
        raise SequenceGapError(_sentence(event, f"{what}; {given} stands where {expected} is next"))


def member_of(held: Storage, event: LedgerEvent, institution: int) -> Member:
    """Return an institution that was admitted. Raises: LedgerInconsistencyError."""
    member = held.members.get(institution)
    if member is None:
        raise LedgerInconsistencyError(_sentence(event, f"institution {institution} was never admitted"))
    return member


def subject_of(held: Storage, event: LedgerEvent, subject: bytes) -> Subject:
    """Return a subject that was enrolled. Raises: LedgerInconsistencyError."""
    entry = held.subjects.get(subject)
    if entry is None:
        raise LedgerInconsistencyError(_sentence(event, "the subject was never enrolled"))
    return entry


def study_of(held: Storage, event: LedgerEvent, study_id: bytes) -> Study:
    """Return a study that was anchored. Raises: LedgerInconsistencyError."""
    study = held.studies.get(study_id)
    if study is None:
        raise LedgerInconsistencyError(_sentence(event, "the study was never anchored"))
    return study


def _sentence(event: LedgerEvent, what: str) -> str:
    return f"{type(event).__name__} in block {event.block_number}: {what}"
