"""The auditor's report: who could see what, when and why, from the chain and the public manifests alone.

A report is a pure function of the events up to one block (and the manifests), so anybody can make it
again at its block and compare every byte; `verify` does. It has two forms with the same content:
canonical JSON (`to_json`) and text for people (`core.report_text`). It names pseudonyms only. Its events
digest is SHA-256 over each event's canonical wire form and a newline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fiducia.core import wire
from fiducia.core.audit import Finding, about, replay
from fiducia.core.audit_manifests import manifest_findings, parsed_manifests
from fiducia.core.decision import Reason
from fiducia.core.entries import GivenGrant, Review, Revision, Study
from fiducia.core.replay import State
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError
from fiducia.records.events import LedgerEvent, ReleaseDenied, ReleaseRecorded, ReleaseRecordedLate
from fiducia.records.typed import Grant, UInt64

FORMAT = "fiducia/v1/audit-report"


@dataclass(frozen=True, slots=True)
class ReportedGrant:
    """A grant that covers a study: its terms, what of the study (`series`, 0: all), and its end, if it had one.

    `review` is that of an emergency; None for every other basis.
    """

    grant_id: bytes
    terms: Grant
    series: int
    expiry_at: int
    given_at: int
    given_block: int
    revoked_at: int
    revoked_block: int
    revoked_by: bytes
    epoch_ended: bool
    review: Review | None


@dataclass(frozen=True, slots=True)
class ReportedRelease:
    """A release that was recorded: to whom, for what, until when, on which grant and basis (0: own access).

    `handed_over_at` is 0 for one that was recorded in time; one that was recorded late was never open.
    """

    request_id: bytes
    grant_id: bytes
    basis: int
    revision: int
    series: int
    purpose: int
    action: int
    institution: int
    person: bytes
    recipient: bytes
    recorded_at: int
    block_number: int
    lapse_at: int
    handed_over_at: UInt64


@dataclass(frozen=True, slots=True)
class ReportedDenial:
    """A request that the chain refused in the open."""

    request_id: bytes
    institution: int
    person: bytes
    reason: str
    denied_at: int
    block_number: int


@dataclass(frozen=True, slots=True)
class ReportedStudy:
    """One study: what was anchored, who could see it, and who was given keys."""

    study_id: bytes
    subject: bytes
    custodian: int
    status: int
    held: bool
    certificate: bytes  # of its erasure; zeros until then
    series: tuple[int, ...]
    revisions: tuple[Revision, ...]
    grants: tuple[ReportedGrant, ...]
    releases: tuple[ReportedRelease, ...]
    denials: tuple[ReportedDenial, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The facts up to and including one block. `study_id` is None when all studies are reported."""

    format: str
    chain: Domains
    block_number: int
    study_id: bytes | None
    events: int
    events_digest: bytes
    manifests_checked: bool
    members: int
    subjects: int
    studies: tuple[ReportedStudy, ...]
    findings: tuple[Finding, ...]


def report(
    domains: Domains,
    events: Iterable[LedgerEvent],
    *,
    block_number: int,
    study_id: bytes | None = None,
    manifests: Mapping[bytes, bytes] | None = None,
) -> Report:
    """Make a report.

    Args:
        domains: the chain and contracts that the events are of.
        events: every event up to and including `block_number`, in order.
        block_number: the block that the report is made at.
        study_id: report this study only.
        manifests: bytes by SHA-256 digest; None: manifests are not checked, and grants of single series
            are found only where a release names the series.

    Raises:
        InputError: there is no such study.
    """
    kept = [event for event in events if event.block_number <= block_number]
    audited = replay(kept)
    state, findings = audited.state, audited.findings
    studies = _chosen(state, study_id)
    if manifests is not None:
        findings += manifest_findings(studies, manifests)
    return Report(
        format=FORMAT,
        chain=domains,
        block_number=block_number,
        study_id=study_id,
        events=len(kept),
        events_digest=_digest(kept),
        manifests_checked=manifests is not None,
        members=len(state.members()),
        subjects=len(state.subjects()),
        studies=tuple(_study(state, study, manifests or {}) for study in studies),
        findings=about(state, findings, study_id),
    )


def to_json(made: Report) -> bytes:
    """Return a report's canonical JSON (RFC 8785) and a newline."""
    return wire.encode(made) + b"\n"


def _chosen(state: State, study_id: bytes | None) -> tuple[Study, ...]:
    if study_id is None:
        return state.studies()
    study = state.study(study_id)
    if study is None:
        raise InputError("there is no such study on this ledger; see `fiducia study list`")
    return (study,)


def _digest(events: Sequence[LedgerEvent]) -> bytes:
    hashed = hashlib.sha256()
    for event in events:
        hashed.update(wire.encode(event) + b"\n")
    return hashed.digest()


def _study(state: State, study: Study, manifests: Mapping[bytes, bytes]) -> ReportedStudy:
    lines = {line.number for each in parsed_manifests(study, manifests).values() for line in each.series}
    named = {event.series for event in _released(state, study.study_id)} - {0}
    return ReportedStudy(
        study_id=study.study_id,
        subject=study.subject,
        custodian=study.custodian,
        status=int(study.status),
        held=study.held,
        certificate=study.certificate,
        series=tuple(sorted(lines)),
        revisions=study.revisions,
        grants=_grants(state, study, sorted(lines | named)),
        releases=tuple(_release(state, event) for event in _released(state, study.study_id)),
        denials=tuple(_denial(event) for event in state.denials() if event.study_id == study.study_id),
    )


def _released(state: State, study_id: bytes) -> list[ReleaseRecorded | ReleaseRecordedLate]:
    """A study's releases, recorded in time or late, in the chain's order."""
    found: list[ReleaseRecorded | ReleaseRecordedLate] = [*state.releases(study_id), *state.late_releases(study_id)]
    return sorted(found, key=lambda event: (event.block_number, event.log_index))


def _release(state: State, event: ReleaseRecorded | ReleaseRecordedLate) -> ReportedRelease:
    entry = state.grant(event.grant_id)
    return ReportedRelease(
        request_id=event.request_id,
        grant_id=event.grant_id,
        basis=entry.grant.basis if entry and entry.grant else 0,
        revision=event.revision,
        series=event.series,
        purpose=event.purpose,
        action=event.action,
        institution=event.institution,
        person=event.person,
        recipient=event.recipient,
        recorded_at=event.time_at,
        block_number=event.block_number,
        lapse_at=event.lapse_at if isinstance(event, ReleaseRecorded) else event.time_at,
        handed_over_at=0 if isinstance(event, ReleaseRecorded) else event.handed_over_at,
    )


def _denial(event: ReleaseDenied) -> ReportedDenial:
    return ReportedDenial(
        request_id=event.request_id,
        institution=event.institution,
        person=event.person,
        reason=Reason(event.reason).name if event.reason in tuple(Reason) else str(event.reason),
        denied_at=event.time_at,
        block_number=event.block_number,
    )


def _grants(state: State, study: Study, series: Sequence[int]) -> tuple[ReportedGrant, ...]:
    whole = {entry.grant_id for entry in state.grants_of_study(study.study_id)}
    single = {entry.grant_id: number for number in series for entry in state.grants_of_study(study.study_id, (number,))}
    return tuple(
        _grant(state, entry, entry.grant, 0 if entry.grant_id in whole else single[entry.grant_id])
        for entry in state.grants_of_subject(study.subject)
        if entry.grant is not None and (entry.grant_id in whole or entry.grant_id in single)
    )


def _grant(state: State, entry: GivenGrant, terms: Grant, series: int) -> ReportedGrant:
    subject = state.subject(entry.subject)
    return ReportedGrant(
        grant_id=entry.grant_id,
        terms=terms,
        series=series,
        expiry_at=entry.expiry_at,
        given_at=entry.given_at,
        given_block=entry.given_block,
        revoked_at=entry.revoked_at,
        revoked_block=entry.revoked_block,
        revoked_by=entry.revoked_by,
        epoch_ended=subject is None or subject.epoch != terms.epoch,
        review=state.review(entry.grant_id),
    )
