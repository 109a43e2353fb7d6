"""Acts about representatives and recoveries: what is said, waits for vetoes, and comes or does not; see `plan`.

A veto, a dismissal and the end of a recovery leave an empty slot, as if it had never been filled: events prove that
they were. Source: ISubjects.
"""

from __future__ import annotations

from typing import Any

from fiducia.adapters.evm import abi
from fiducia.adapters.evm.abi import call_data, values_of
from fiducia.adapters.evm.acts.plan import Plan, all_asked, approval_of, approvals_of, asked, topics, word
from fiducia.adapters.evm.acts.subjects import RECOVERIES, SERIAL, is_signer_since
from fiducia.adapters.evm.chain import Chain
from fiducia.records.events import SubjectRecovered
from fiducia.records.ledger import (
    AppointAct,
    CompleteRecoveryAct,
    DismissAct,
    RecoverAct,
    VetoAppointmentAct,
    VetoRecoveryAct,
)

_FROM, _APPOINTED_SERIAL = 2, 4  # places in ISubjects.Representative
_SIGNER_HASH, _READY_AT, _, _RECOVERY_SERIAL, _ = range(5)  # places in ISubjects.Recovery


def appoint(chain: Chain, act: AppointAct) -> Plan:
    """Plan an appointment."""
    struct = act.appoint

    def done(chain: Chain) -> bool:
        stored = asked(chain, "Subjects", "representativeOf", struct.subject, struct.representative)
        return bool(stored[_FROM] and stored[_APPOINTED_SERIAL] == struct.serial)

    return Plan(
        "Subjects",
        call_data("Subjects", "appoint", values_of(struct), approvals_of(act.approvals)),
        done,
        topics("Subjects", "Appointed", struct.subject, struct.representative),
        lambda event: bool(event.appointment == struct),
        repeats=False,
    )


def veto_appointment(chain: Chain, act: VetoAppointmentAct) -> Plan:
    """Plan that an appointment is stopped before it begins."""
    struct = act.appoint

    def done(chain: Chain) -> bool:
        stored, appointed = all_asked(
            chain,
            chain.view("Subjects", "subjectOf", struct.subject),
            chain.view("Subjects", "representativeOf", struct.subject, struct.representative),
        )
        return bool(stored[SERIAL] > struct.serial and appointed[_APPOINTED_SERIAL] != struct.serial)

    return Plan(
        "Subjects",
        call_data("Subjects", "vetoAppointment", values_of(struct), approval_of(act.approval)),
        done,
        topics("Subjects", "AppointmentVetoed", struct.subject, struct.representative),
        repeats=False,
        proved=bool,
    )


def dismiss(chain: Chain, act: DismissAct) -> Plan:
    """Plan the end of an appointment."""
    struct = act.dismiss

    def done(chain: Chain) -> bool:
        return not asked(chain, "Subjects", "representativeOf", struct.subject, struct.representative)[_FROM]

    return Plan(
        "Subjects",
        call_data("Subjects", "dismiss", values_of(struct), approvals_of(act.approvals)),
        done,
        topics("Subjects", "Dismissed", struct.subject, struct.representative),
        repeats=False,
        proved=bool,
    )


def recover(chain: Chain, act: RecoverAct) -> Plan:
    """Plan the beginning of a recovery."""
    struct, officers = act.recover, approvals_of(act.approvals, by_staff=True)

    def done(chain: Chain) -> bool:
        waiting = _recovery_of(chain, struct.subject)
        if waiting[_READY_AT] and waiting[_RECOVERY_SERIAL] == struct.serial:
            return True
        return is_signer_since(chain, struct.subject, struct.signer_hash, struct.serial, RECOVERIES)

    return Plan(
        "Subjects",
        call_data("Subjects", "recover", values_of(struct), act.signer, act.signature, officers),
        done,
        topics("Subjects", "RecoveryBegun", struct.subject, struct.signer_hash),
        lambda event: bool(event.serial == struct.serial),
        repeats=False,
    )


def veto_recovery(chain: Chain, act: VetoRecoveryAct) -> Plan:
    """Plan that a recovery is stopped while it waits."""
    struct = act.recover

    def done(chain: Chain) -> bool:
        stored, waiting, signer = all_asked(
            chain,
            chain.view("Subjects", "subjectOf", struct.subject),
            chain.view("Subjects", "recoveryOf", struct.subject),
            chain.view("Subjects", "signerOf", struct.signer_hash),
        )
        waits = waiting[_READY_AT] and waiting[_RECOVERY_SERIAL] == struct.serial
        return bool(stored[RECOVERIES] > struct.serial and not waits and signer[0] != struct.subject)

    return Plan(
        "Subjects",
        call_data("Subjects", "vetoRecovery", values_of(struct), approval_of(act.approval)),
        done,
        topics("Subjects", "RecoveryVetoed", struct.subject),
        lambda event: bool(event.attempt == struct.attempt),
        repeats=False,
        proved=bool,
    )


def complete_recovery(chain: Chain, act: CompleteRecoveryAct) -> Plan:
    """Plan the end of a recovery whose delay is over."""
    ends = ("Recovered", "RecoveryVetoed", "RecoveryBegun", "Transferred")
    return Plan(
        "Subjects",
        call_data("Subjects", "completeRecovery", act.subject),
        lambda chain: not _recovery_of(chain, act.subject)[_READY_AT],
        (tuple(abi.topic_of("Subjects", each) for each in ends), word(act.subject)),
        repeats=False,
        proved=lambda found: any(isinstance(event, SubjectRecovered) for event in found),
    )


def _recovery_of(chain: Chain, subject: bytes) -> Any:
    return asked(chain, "Subjects", "recoveryOf", subject)
