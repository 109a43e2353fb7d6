"""Subjects' events: patients, who signs for them, who decides beside them. The serial counts what gave more."""

from __future__ import annotations

from dataclasses import replace

from fiducia.core.entries import NO_SIGNER, PatientSigner, Recovery, Representative, Subject
from fiducia.core.transitions.storage import Changes, Storage, member_of, require, require_next, subject_of
from fiducia.records import events


def _enrolled(held: Storage, event: events.SubjectEnrolled) -> None:
    member_of(held, event, event.custodian)
    require(event.subject not in held.subjects, event, "the subject was enrolled already")
    has_device = event.signer_hash != NO_SIGNER
    require(event.signer_hash not in held.signers, event, "the signer serves another subject")
    held.subjects[event.subject] = Subject(
        event.subject, event.custodian, event.signer_hash, event.time_at, signer_index=int(has_device)
    )
    if has_device:
        held.signers[event.signer_hash] = PatientSigner(event.signer_hash, event.subject, 1)


def _epoch(held: Storage, event: events.EpochRaised) -> None:
    subject = subject_of(held, event, event.subject)
    require_next(event.epoch, subject.epoch + 1, event, "grant epochs rise by one")
    held.subjects[event.subject] = replace(subject, epoch=event.epoch)


def _rotated(held: Storage, event: events.SignerRotated) -> None:
    subject = subject_of(held, event, event.subject)
    require(subject.signer_index > 0, event, "there was no signer to give way")
    changed = _with_signer(held, subject, event)
    held.subjects[event.subject] = replace(changed, serial=subject.serial + 1)


def _with_signer(held: Storage, subject: Subject, event: events.SignerRotated | events.SubjectRecovered) -> Subject:
    """The subject with its next signer, which is noted; the ones before are former from now on."""
    require(event.signer_hash != NO_SIGNER, event, "a patient keeps a signer once there is one")
    require(event.signer_hash not in held.signers, event, "the signer serves a subject already")
    require_next(event.index, subject.signer_index + 1, event, "signers are numbered without gaps")
    held.signers[event.signer_hash] = PatientSigner(event.signer_hash, event.subject, event.index)
    return replace(subject, signer_hash=event.signer_hash, signer_index=event.index)


def _appointed(held: Storage, event: events.RepresentativeAppointed) -> None:
    terms = event.appointment
    subject = subject_of(held, event, terms.subject)
    known = held.representatives.get((terms.subject, terms.representative))
    ended = known is None or known.not_after <= event.time_at
    require(ended, event, "the representative was appointed already")
    require(event.from_at < terms.not_after, event, "the appointment ends before it begins")
    require_next(terms.serial, subject.serial, event, "a subject's serials rise by one")
    held.representatives[terms.subject, terms.representative] = Representative(
        terms.subject,
        terms.representative,
        terms.powers,
        terms.purposes,
        event.from_at,
        terms.not_after,
        terms.serial,
        terms.terms,
        event.by,
    )
    held.subjects[terms.subject] = replace(subject, serial=subject.serial + 1)


def _veto_appointment(held: Storage, event: events.AppointmentVetoed) -> None:
    known = held.representatives.get((event.subject, event.representative))
    waits = known is not None and event.time_at < known.from_at
    require(waits, event, "no such appointment waited")
    del held.representatives[event.subject, event.representative]


def _dismissed(held: Storage, event: events.RepresentativeDismissed) -> None:
    known = (event.subject, event.representative) in held.representatives
    require(known, event, "there was no such representative")
    del held.representatives[event.subject, event.representative]


def _restricted(held: Storage, event: events.SubjectRestricted) -> None:
    subject = subject_of(held, event, event.subject)
    require(not subject.restricted, event, "the subject was restricted already")
    held.subjects[event.subject] = replace(subject, restricted=True)


def _lifted(held: Storage, event: events.RestrictionLifted) -> None:
    subject = subject_of(held, event, event.subject)
    require_next(event.serial, subject.serial, event, "a subject's serials rise by one")
    held.subjects[event.subject] = replace(
        subject, restricted=False, serial=event.serial + 1, lifted_serial=event.serial
    )


def _recovery_begun(held: Storage, event: events.RecoveryBegun) -> None:
    subject = subject_of(held, event, event.subject)
    waits = subject.recovery is not None and subject.recovery.signer_hash not in held.signers
    require(not waits, event, "a recovery waited already")
    require(event.attempt in (1, 2), event, "there is no such attempt")
    require_next(event.serial, subject.recoveries, event, "a subject's recoveries are numbered without gaps")
    recovery = Recovery(
        event.signer_hash, event.attempt, event.serial, event.ready_at, event.institutions, event.time_at
    )
    held.subjects[event.subject] = replace(subject, recovery=recovery, recoveries=event.serial + 1)


def _recovery_vetoed(held: Storage, event: events.RecoveryVetoed) -> None:
    subject = subject_of(held, event, event.subject)
    waits = subject.recovery is not None and subject.recovery.attempt == event.attempt
    require(waits, event, "no such recovery waited")
    held.subjects[event.subject] = replace(subject, recovery=None, contested=event.contested)


def _recovered(held: Storage, event: events.SubjectRecovered) -> None:
    subject = subject_of(held, event, event.subject)
    recovery = subject.recovery
    waited = recovery is not None and recovery.signer_hash == event.signer_hash
    require(waited, event, "no such recovery waited")
    require(recovery is not None and recovery.ready_at <= event.time_at, event, "the recovery's delay ran")
    changed = _with_signer(held, subject, event)
    held.subjects[event.subject] = replace(changed, recovery=None, contested=False)


def _transferred(held: Storage, event: events.CustodyTransferred) -> None:
    subject = subject_of(held, event, event.subject)
    member_of(held, event, event.custodian)
    require(subject.custodian == event.from_custodian, event, "another institution was the custodian")
    require(event.custodian != event.from_custodian, event, "the custodian stayed the same")
    held.subjects[event.subject] = replace(
        subject, custodian=event.custodian, serial=subject.serial + 1, recovery=None, contested=False
    )
    for study_id in held.studies_by_subject.get(event.subject, ()):
        held.studies[study_id] = replace(held.studies[study_id], custodian=event.custodian)


CHANGES: Changes = {
    events.SubjectEnrolled: _enrolled,
    events.EpochRaised: _epoch,
    events.SignerRotated: _rotated,
    events.RepresentativeAppointed: _appointed,
    events.AppointmentVetoed: _veto_appointment,
    events.RepresentativeDismissed: _dismissed,
    events.SubjectRestricted: _restricted,
    events.RestrictionLifted: _lifted,
    events.RecoveryBegun: _recovery_begun,
    events.RecoveryVetoed: _recovery_vetoed,
    events.SubjectRecovered: _recovered,
    events.CustodyTransferred: _transferred,
}
