"""Carrying: what a member's broker has on the chain for its own patients, beside grants and revokes.

Who may decide is the ledger's to judge; a broker carries what it is given, simulated first. Acts that take away
(vetoes, a dismissal) are carried by any member's broker, as revokes are: an institution that is a party to a recovery
must not be able to keep the patient from stopping it. Source: design section 5.
"""

from __future__ import annotations

import typing

from fiducia.core.entries import Subject
from fiducia.core.replay import State
from fiducia.errors import DeniedError, InputError
from fiducia.ports import Ledger, Mirror
from fiducia.records.ledger import (
    AppointAct,
    CompleteRecoveryAct,
    DismissAct,
    LiftAct,
    Receipt,
    RecoverAct,
    RequestErasureAct,
    RotateAct,
    TransferAct,
    VetoAppointmentAct,
    VetoRecoveryAct,
)

CarriedAct = (
    RotateAct
    | AppointAct
    | VetoAppointmentAct
    | DismissAct
    | LiftAct
    | RecoverAct
    | VetoRecoveryAct
    | CompleteRecoveryAct
    | TransferAct
    | RequestErasureAct
)
"""What a broker carries: the one place that says so."""

CARRIED: tuple[type[CarriedAct], ...] = typing.get_args(CarriedAct)

_TAKES_AWAY = (VetoAppointmentAct, DismissAct, VetoRecoveryAct)


class CarryAct:
    """Carry a signed act about a subject of one's own; the ledger judges it.

    Example:
        ``CarryAct(ledger=ledger, mirror=mirror, institution=1).run(act)``
    """

    def __init__(self, *, ledger: Ledger, mirror: Mirror, institution: int) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._institution = institution

    def run(self, act: CarriedAct) -> Receipt:
        """Simulate, send and wait until it is final.

        Raises:
            DeniedError: NOT_OWN_SUBJECT. InputError, SignatureError: the ledger refuses the act.
            LedgerError: it could not be carried.
        """
        self.concerned(act)
        return self._ledger.submit(act)

    def concerned(self, act: CarriedAct) -> bytes:
        """Return the subject (20 bytes) that an act of this broker's concerns.

        Raises:
            DeniedError: NOT_OWN_SUBJECT. InputError: no such study.
        """
        state = self._mirror.state()
        entry = _subject_of(state, act)
        if entry is None or not self._is_own(entry, act):
            state = self._mirror.catch_up()
            entry = _subject_of(state, act)
        if entry is None or not self._is_own(entry, act):
            raise DeniedError("NOT_OWN_SUBJECT", "this broker carries acts about its own hospital's patients only")
        return entry.subject

    def _is_own(self, entry: Subject, act: CarriedAct) -> bool:
        if isinstance(act, TransferAct) and act.transfer.custodian == self._institution:
            return True
        return isinstance(act, _TAKES_AWAY) or entry.custodian == self._institution


def takes_away(act: CarriedAct) -> bool:
    """Tell whether an act takes something away: nobody is kept from that by how much others ask for."""
    return isinstance(act, _TAKES_AWAY)


def _subject_of(state: State, act: CarriedAct) -> Subject | None:
    if not isinstance(act, RequestErasureAct):
        return state.subject(_named(act))
    study = state.study(act.request_erasure.study_id)
    return state.subject(study.subject) if study else None


def _named(act: CarriedAct) -> bytes:
    """The subject that the act itself names."""
    match act:
        case RotateAct(rotate=struct):
            return struct.subject
        case AppointAct(appoint=struct) | VetoAppointmentAct(appoint=struct):
            return struct.subject
        case DismissAct(dismiss=struct):
            return struct.subject
        case LiftAct(lift=struct):
            return struct.subject
        case RecoverAct(recover=struct) | VetoRecoveryAct(recover=struct):
            return struct.subject
        case TransferAct(transfer=struct):
            return struct.subject
        case CompleteRecoveryAct(subject=subject):
            return subject
        case RequestErasureAct():
            raise InputError("an erasure names a study, not a patient")
