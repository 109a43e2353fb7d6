"""Could anybody have signed it? What public facts tell of an institution, a patient's side, an officer, a registrar."""

from __future__ import annotations

from fiducia.core import ids
from fiducia.core.replay import State
from fiducia.core.rules import Power
from fiducia.records.ledger import KeyKind


def acts(state: State, institution: int, kind: KeyKind, at: int) -> bool:
    """Tell whether an institution is active and has any live key of a kind: the least that an act of its needs."""
    member = state.member(institution)
    return member is not None and member.active and has_key(state, institution, kind, at)


def has_key(state: State, institution: int, kind: KeyKind, at: int) -> bool:
    """Tell whether an institution, active or not, has any live key of a kind."""
    return state.key(institution, kind, at) is not None


def staff_acts(state: State, person: bytes, at: int) -> bool:
    """Tell whether a person could have had a badge that gives more access: of an active institution with an issuer."""
    return acts(state, ids.institution_of(person), KeyKind.ISSUER, at) and not state.person_withdrawn(person)


def staff_of(state: State, person: bytes, institution: int, at: int) -> bool:
    """Tell whether a person could have had a badge of that institution, active or not."""
    issued = has_key(state, institution, KeyKind.ISSUER, at) and not state.person_withdrawn(person)
    return ids.institution_of(person) == institution and issued


def takes_away(state: State, subject: bytes, by: bytes, at: int) -> bool:
    """Tell whether `by` is the patient's side, now or formerly, or a live registrar of the custodian."""
    entry = state.subject(subject)
    if entry is None:
        return False
    registrar = at < state.key_end(entry.custodian, KeyKind.REGISTRAR, by)
    return registrar or state.authority(subject, by, at).takes_away


def custodians_staff(state: State, subject: bytes, by: bytes, at: int) -> bool:
    """Tell whether `by` could be somebody with a badge of the subject's custodian, active or not."""
    entry = state.subject(subject)
    return entry is not None and staff_of(state, by, entry.custodian, at)


def decides(state: State, subject: bytes, by: bytes, at: int, *, may_represent: bool) -> bool:
    """Tell whether `by` may decide for a patient: the signer, a representative with GRANT, or while there is no
    signer somebody of the active custodian."""
    entry = state.subject(subject)
    if entry is None:
        return False
    authority = state.authority(subject, by, at)
    if authority.current or (may_represent and authority.may(Power.GRANT)):
        return True
    return not entry.signer_index and custodians_staff(state, subject, by, at) and staff_acts(state, by, at)
