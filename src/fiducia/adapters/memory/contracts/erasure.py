"""The end of studies in miniature: legal holds, requests for erasure, erasure; see contracts/src/Studies.sol."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.adapters.memory.contracts.officers import are_different, officers
from fiducia.core import ids
from fiducia.core.refusals import refusal
from fiducia.core.rules import Power
from fiducia.records import events
from fiducia.records.ledger import EraseAct, HoldAct, LiftHoldAct, RequestErasureAct, StudyStatus


def hold(chain: Chain, act: HoldAct) -> list[Draft]:
    """Put a study under legal hold."""
    struct = act.hold
    study = chain.study(struct.study_id)
    if struct.serial != study.hold_serial:
        raise refusal("HoldMismatch", current=study.hold_serial, given=struct.serial)
    by = chain.require_officer(study.custodian, struct, act.approval).person
    if study.held:
        return []
    return [partial(events.StudyHeld, study_id=struct.study_id, serial=struct.serial, terms=struct.terms, by=by)]


def lift_hold(chain: Chain, act: LiftHoldAct) -> list[Draft]:
    """Lift a legal hold that two institutions' officers lift together."""
    struct = act.lift_hold
    study = chain.study(struct.study_id)
    if struct.serial < study.hold_serial:
        return []  # that hold was lifted: the chain adapter sees it before the contract would name the serial
    if struct.serial != study.hold_serial or not study.held:
        raise refusal("HoldMismatch", current=study.hold_serial, given=struct.serial)
    if len(act.approvals) != 2:
        raise refusal("HoldApprovalsRefused")
    first, second = found = officers(chain, struct, act.approvals)
    if not are_different(found, study.custodian):
        raise refusal("HoldApprovalsRefused")
    return [
        partial(
            events.HoldLifted,
            study_id=struct.study_id,
            serial=struct.serial,
            by=first.person,
            second=second.person,
        )
    ]


def request_erasure(chain: Chain, act: RequestErasureAct) -> list[Draft]:
    """Note that the patient's side asks for a study's erasure, and withdraw it."""
    struct = act.request_erasure
    study = chain.study(struct.study_id)
    if not chain.authority(study.subject, act.approval).may(Power.GRANT):
        raise refusal("NoStanding")
    by = chain.require_approved(struct, act.approval)
    if study.erasure_requested or study.status == StudyStatus.ERASED:
        return []
    asked = partial(events.ErasureRequested, study_id=struct.study_id, subject=study.subject, by=by)
    if study.status == StudyStatus.WITHDRAWN:
        return [asked]
    return [asked, partial(events.StudyWithdrawn, study_id=struct.study_id, revision=0)]


def erase(chain: Chain, act: EraseAct) -> list[Draft]:
    """Record that a withdrawn study was erased."""
    struct = act.erase
    study = chain.study(struct.study_id)
    chain.require_registrar(study.custodian, struct, act.signature)
    if study.status == StudyStatus.ERASED and study.certificate == struct.certificate:
        return []
    if study.status != StudyStatus.WITHDRAWN:
        raise refusal("StudyNotWithdrawn")
    if study.held:
        raise refusal("StudyHeld")
    if not study.erasure_requested and ids.day_of(chain.now) < study.retain_until_day:
        raise refusal("RetentionRuns", retainUntilDay=study.retain_until_day)
    if not any(struct.certificate):
        raise refusal("CertificateZero")
    return [
        partial(events.StudyErased, study_id=struct.study_id, subject=study.subject, certificate=struct.certificate)
    ]
