"""Studies' events again: UNAUTHORISED_ANCHOR, _WITHDRAWAL, _RETENTION, _HOLD, _ERASURE (nobody could have signed it),
and ERASURE_EARLY (the retention day had not come, and the patient's side had not asked)."""

from __future__ import annotations

from collections.abc import Iterator

from fiducia.core import ids
from fiducia.core.audit import standing
from fiducia.core.entries import Study
from fiducia.core.finding import Finding, found_in
from fiducia.core.replay import State
from fiducia.core.rules import Power
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import KeyKind

_REGISTERED: dict[type[LedgerEvent], str] = {
    events.StudyRevised: "ANCHOR",
    events.StudyRetained: "RETENTION",
    events.StudyErased: "ERASURE",
}
"""What a registrar of an active custodian signs."""


def judge(state: State, event: LedgerEvent) -> Iterator[Finding]:
    """Yield what a studies' event shows."""
    if isinstance(event, events.StudyAnchored):
        entry = state.subject(event.subject)
        yield from _registered(state, event, event.study_id, entry.custodian if entry else 0, "ANCHOR")
        return
    study = state.study(getattr(event, "study_id", b""))
    if study is None or not isinstance(event, _OF_STUDIES):
        return
    if code := _REGISTERED.get(type(event)):
        yield from _registered(state, event, study.study_id, study.custodian, code)
    if isinstance(event, events.StudyErased):
        yield from _erased(study, event)
    elif not _could(state, study, event):
        code, detail = _UNAUTHORISED[type(event)]
        yield found_in(event, code, detail, about=study.study_id, study_id=study.study_id)


_OF_STUDIES = (
    events.StudyRevised,
    events.StudyRetained,
    events.StudyErased,
    events.StudyWithdrawn,
    events.StudyHeld,
    events.HoldLifted,
    events.ErasureRequested,
)
_UNAUTHORISED: dict[type[LedgerEvent], tuple[str, str]] = {
    events.StudyWithdrawn: ("UNAUTHORISED_WITHDRAWAL", "the custodian had no live REGISTRAR key, and nobody asked"),
    events.StudyHeld: ("UNAUTHORISED_HOLD", "whoever is named is no officer of the active custodian"),
    events.HoldLifted: ("UNAUTHORISED_HOLD", "not officers of two active institutions, the custodian's first"),
    events.ErasureRequested: ("UNAUTHORISED_ERASURE", "whoever is named does not decide for the patient"),
}


def _registered(state: State, event: LedgerEvent, study_id: bytes, custodian: int, code: str) -> Iterator[Finding]:
    if not standing.acts(state, custodian, KeyKind.REGISTRAR, event.time_at):
        detail = f"member {custodian} had no live REGISTRAR key, or was suspended"
        yield found_in(event, f"UNAUTHORISED_{code}", detail, about=study_id, study_id=study_id)


def _erased(study: Study, event: events.StudyErased) -> Iterator[Finding]:
    if not study.erasure_requested and ids.day_of(event.time_at) < study.retain_until_day:
        detail = "erased before its retention day, and the patient's side had not asked"
        yield found_in(event, "ERASURE_EARLY", detail, about=study.study_id, study_id=study.study_id)


def _could(state: State, study: Study, event: LedgerEvent) -> bool:
    """Whether somebody could have signed it, as far as names and keys tell."""
    at = event.time_at
    if isinstance(event, events.StudyWithdrawn):
        return study.erasure_requested or standing.has_key(state, study.custodian, KeyKind.REGISTRAR, at)
    if isinstance(event, events.StudyHeld):
        return _officer(state, study, event.by, at)
    if isinstance(event, events.HoldLifted):
        others = ids.institution_of(event.second) != study.custodian and standing.staff_acts(state, event.second, at)
        return others and _officer(state, study, event.by, at)
    if isinstance(event, events.ErasureRequested):
        return state.authority(study.subject, event.by, at).may(Power.GRANT)
    return True


def _officer(state: State, study: Study, person: bytes, at: int) -> bool:
    return standing.staff_of(state, person, study.custodian, at) and standing.staff_acts(state, person, at)
