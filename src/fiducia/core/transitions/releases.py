"""Releases' events: what was recorded, in time or late, and what was denied in the open."""

from __future__ import annotations

from fiducia.core.transitions.storage import Changes, Storage, require
from fiducia.records.events import ReleaseDenied, ReleaseRecorded, ReleaseRecordedLate


def _recorded(held: Storage, event: ReleaseRecorded) -> None:
    _require_new(held, event)
    held.releases[event.request_id] = event


def _recorded_late(held: Storage, event: ReleaseRecordedLate) -> None:
    _require_new(held, event)
    held.late_releases[event.request_id] = event


def _require_new(held: Storage, event: ReleaseRecorded | ReleaseRecordedLate) -> None:
    known = event.request_id in held.releases or event.request_id in held.late_releases
    require(not known, event, "the request was recorded already")


def _denied(held: Storage, event: ReleaseDenied) -> None:
    held.denials.append(event)


CHANGES: Changes = {
    ReleaseRecorded: _recorded,
    ReleaseRecordedLate: _recorded_late,
    ReleaseDenied: _denied,
}
