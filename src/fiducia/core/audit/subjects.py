"""Subjects' events again: who could have enrolled, appointed, restricted, recovered or moved a patient.

Codes: UNAUTHORISED_ENROLMENT, _REVOKE_ALL, _APPOINTMENT, _VETO, _DISMISSAL, _RESTRICTION, _LIFTING, _RECOVERY,
_TRANSFER (nobody with that name could have signed it), APPOINTMENT_TERMS (powers or purposes that nobody can give),
RECOVERY_ATTEMPT (a second attempt that nobody contested).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fiducia.core import rules
from fiducia.core.audit import standing
from fiducia.core.finding import Finding, found_in
from fiducia.core.replay import State
from fiducia.core.rules import Power
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import KeyKind

_NOBODY = "whoever is named could not have signed it"


def judge(state: State, event: LedgerEvent) -> Iterator[Finding]:
    """Yield what a subjects' event shows."""
    if isinstance(event, events.RepresentativeAppointed):
        terms = event.appointment
        allowed = rules.BASES[0].purposes  # what a patient may give
        if terms.powers & ~rules.ALL_POWERS or terms.purposes & ~allowed:
            detail = "powers or purposes that nobody can give"
            yield found_in(event, "APPOINTMENT_TERMS", detail, subject=terms.subject)
    elif isinstance(event, events.RecoveryBegun):
        entry = state.subject(event.subject)
        if event.attempt == 2 and entry is not None and not entry.contested:
            detail = "a second attempt, and no signer vetoed a first"
            yield found_in(event, "RECOVERY_ATTEMPT", detail, subject=event.subject)
    check = _CHECKS.get(type(event))
    if check is None:
        return
    code, could = check
    if not could(state, event):
        subject = event.appointment.subject if isinstance(event, events.RepresentativeAppointed) else _subject(event)
        yield found_in(event, f"UNAUTHORISED_{code}", _detail(state, event), subject=subject)


def _subject(event: Any) -> bytes:
    subject: bytes = event.subject
    return subject


def _detail(state: State, event: LedgerEvent) -> str:
    if isinstance(event, events.SubjectEnrolled):
        return f"member {event.custodian} had no live REGISTRAR key, or was suspended"
    return _NOBODY


def _enrolled(state: State, event: events.SubjectEnrolled) -> bool:
    return standing.acts(state, event.custodian, KeyKind.REGISTRAR, event.time_at)


def _raised(state: State, event: events.EpochRaised) -> bool:
    return standing.takes_away(state, event.subject, event.by, event.time_at)


def _appointed(state: State, event: events.RepresentativeAppointed) -> bool:
    subject = event.appointment.subject
    return standing.decides(state, subject, event.by, event.time_at, may_represent=False)


def _vetoed(state: State, event: events.AppointmentVetoed) -> bool:
    return state.authority(event.subject, event.by, event.time_at).takes_away


def _dismissed(state: State, event: events.RepresentativeDismissed) -> bool:
    if event.by == event.representative or state.authority(event.subject, event.by, event.time_at).current:
        return True
    of_custodian = standing.custodians_staff(state, event.subject, event.by, event.time_at)
    return of_custodian and standing.staff_acts(state, event.by, event.time_at)


def _restricted(state: State, event: events.SubjectRestricted) -> bool:
    return standing.takes_away(state, event.subject, event.by, event.time_at) or standing.custodians_staff(
        state, event.subject, event.by, event.time_at
    )


def _lifted(state: State, event: events.RestrictionLifted) -> bool:
    return standing.decides(state, event.subject, event.by, event.time_at, may_represent=True)


def _recovery(state: State, event: events.RecoveryBegun) -> bool:
    """Officers of as many active institutions as the attempt takes, the custodian's first."""
    entry = state.subject(event.subject)
    if entry is None:
        return False
    needed = 1 if not entry.signer_index else 2 if event.attempt == 1 else 3
    institutions = event.institutions
    return (
        len(set(institutions)) == len(institutions) == needed
        and institutions[0] == entry.custodian
        and all(standing.acts(state, number, KeyKind.ISSUER, event.time_at) for number in institutions)
    )


def _recovery_vetoed(state: State, event: events.RecoveryVetoed) -> bool:
    authority = state.authority(event.subject, event.by, event.time_at)
    represents = authority.end_at > 0 and not authority.current
    return represents or (event.attempt == 1 and authority.takes_away)


def _transferred(state: State, event: events.CustodyTransferred) -> bool:
    by_patient = state.authority(event.subject, event.by, event.time_at).may(Power.GRANT)
    return by_patient and standing.acts(state, event.custodian, KeyKind.REGISTRAR, event.time_at)


_CHECKS: dict[type[LedgerEvent], tuple[str, Callable[[State, Any], bool]]] = {
    events.SubjectEnrolled: ("ENROLMENT", _enrolled),
    events.EpochRaised: ("REVOKE_ALL", _raised),
    events.RepresentativeAppointed: ("APPOINTMENT", _appointed),
    events.AppointmentVetoed: ("VETO", _vetoed),
    events.RepresentativeDismissed: ("DISMISSAL", _dismissed),
    events.SubjectRestricted: ("RESTRICTION", _restricted),
    events.RestrictionLifted: ("LIFTING", _lifted),
    events.RecoveryBegun: ("RECOVERY", _recovery),
    events.RecoveryVetoed: ("VETO", _recovery_vetoed),
    events.CustodyTransferred: ("TRANSFER", _transferred),
}
