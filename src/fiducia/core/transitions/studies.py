"""Studies' events: what was anchored, withdrawn, kept, held and erased."""

from __future__ import annotations

from dataclasses import replace

from fiducia.core.entries import Revision, Study
from fiducia.core.transitions.storage import Changes, Storage, require, require_next, study_of, subject_of
from fiducia.records import events
from fiducia.records.ledger import StudyStatus


def _anchored(held: Storage, event: events.StudyAnchored) -> None:
    subject = subject_of(held, event, event.subject)
    require(event.study_id not in held.studies, event, "the study was anchored already")
    first = Revision(1, event.manifest, event.time_at, event.block_number, subject.custodian)
    held.studies[event.study_id] = Study(
        event.study_id, event.subject, subject.custodian, StudyStatus.ANCHORED, event.retain_until_day, (first,)
    )
    held.studies_by_subject.setdefault(event.subject, []).append(event.study_id)


def _revised(held: Storage, event: events.StudyRevised) -> None:
    study = study_of(held, event, event.study_id)
    require(study.status == StudyStatus.ANCHORED, event, "the study is withdrawn")
    require_next(event.revision, study.revision + 1, event, "revisions rise by one")
    newest = Revision(event.revision, event.manifest, event.time_at, event.block_number, study.custodian)
    held.studies[event.study_id] = replace(study, revisions=(*study.revisions, newest))


def _withdrawn(held: Storage, event: events.StudyWithdrawn) -> None:
    study = study_of(held, event, event.study_id)
    if event.revision == 0:
        require(study.status == StudyStatus.ANCHORED, event, "the study was withdrawn already")
        held.studies[event.study_id] = replace(study, status=StudyStatus.WITHDRAWN)
        return
    one = study.at(event.revision)
    require(one is not None and not one.withdrawn, event, "no such revision, or withdrawn already")
    marked = tuple(replace(each, withdrawn=True) if each is one else each for each in study.revisions)
    held.studies[event.study_id] = replace(study, revisions=marked)


def _retained(held: Storage, event: events.StudyRetained) -> None:
    study = study_of(held, event, event.study_id)
    require(event.retain_until_day > study.retain_until_day, event, "retention never ends earlier")
    held.studies[event.study_id] = replace(study, retain_until_day=event.retain_until_day)


def _held(held: Storage, event: events.StudyHeld) -> None:
    study = study_of(held, event, event.study_id)
    require(not study.held, event, "a hold stood already")
    require_next(event.serial, study.hold_serial, event, "a study's holds are numbered without gaps")
    held.studies[event.study_id] = replace(study, held=True)


def _hold_lifted(held: Storage, event: events.HoldLifted) -> None:
    study = study_of(held, event, event.study_id)
    require(study.held, event, "no hold stood")
    require_next(event.serial, study.hold_serial, event, "a study's holds are numbered without gaps")
    held.studies[event.study_id] = replace(study, held=False, hold_serial=event.serial + 1)


def _erasure_requested(held: Storage, event: events.ErasureRequested) -> None:
    study = study_of(held, event, event.study_id)
    require(study.subject == event.subject, event, "the study is another subject's")
    require(not study.erasure_requested, event, "the erasure was requested already")
    held.studies[event.study_id] = replace(study, erasure_requested=True)


def _erased(held: Storage, event: events.StudyErased) -> None:
    study = study_of(held, event, event.study_id)
    require(study.subject == event.subject, event, "the study is another subject's")
    require(study.status == StudyStatus.WITHDRAWN, event, "only a withdrawn study is erased")
    require(not study.held, event, "a hold stood")
    held.studies[event.study_id] = replace(study, status=StudyStatus.ERASED, certificate=event.certificate)


CHANGES: Changes = {
    events.StudyAnchored: _anchored,
    events.StudyRevised: _revised,
    events.StudyWithdrawn: _withdrawn,
    events.StudyRetained: _retained,
    events.StudyHeld: _held,
    events.HoldLifted: _hold_lifted,
    events.ErasureRequested: _erasure_requested,
    events.StudyErased: _erased,
}
