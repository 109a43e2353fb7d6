"""Findings: what in the ledger's history should not have been possible, or cannot be verified.

Replays events from the first, checking each against the state just before it; the contracts' own checks
are made again from public facts alone, so a chain whose rules were broken, or an endpoint that invents
events, is caught as far as events can tell. Signatures are not in events: who signed is the contracts'
word. Manifests are checked in `core.audit_manifests`, reports written in `core.report`.

Codes: CONTRADICTION (an event that cannot follow), RELEASE_ and a name of `Reason` (a release that the
rules refuse), RELEASE_LAPSE, GRANT_BASIS, GRANT_PURPOSES, GRANT_ACTIONS, GRANT_GRANTEE, GRANT_WINDOW,
GRANT_LATE, GRANT_EXPIRY, UNAUTHORISED_ENROLMENT, UNAUTHORISED_ANCHOR (no live REGISTRAR key of an active
custodian), UNAUTHORISED_RELEASE (no live ISSUER key of the requester), and the manifests' MANIFEST_ codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from fiducia.core import ids, rules
from fiducia.core.audit_manifests import manifest_findings
from fiducia.core.finding import Finding as Finding
from fiducia.core.policy import Reason, recorded_reason
from fiducia.core.replay import State
from fiducia.errors import LedgerInconsistencyError
from fiducia.records import events as announced
from fiducia.records.events import GrantGiven, LedgerEvent, ReleaseRecorded
from fiducia.records.ledger import Head, KeyKind
from fiducia.records.typed import KeyRequest


@dataclass(frozen=True, slots=True)
class Audit:
    """A replayed history: the state at its end, and everything that was found on the way, in order."""

    state: State
    findings: tuple[Finding, ...]


def audit(
    events: Iterable[LedgerEvent],
    *,
    study_id: bytes | None = None,
    manifests: Mapping[bytes, bytes] | None = None,
) -> tuple[Finding, ...]:
    """Return the findings of a whole history.

    Args:
        events: every event from the contracts' first block on, in order.
        study_id: keep only findings that concern this study, its subject, or the ledger as a whole.
        manifests: bytes by SHA-256 digest, as read from a store that nobody trusts; None: not checked.
    """
    found = replay(events)
    findings = found.findings
    if manifests is not None:
        findings += manifest_findings(found.state.studies(), manifests)
    return about(found.state, findings, study_id)


def replay(events: Iterable[LedgerEvent]) -> Audit:
    """Replay a history and judge each event; an event that cannot follow is found and left out."""
    state = State()
    findings: list[Finding] = []
    for event in events:
        judged = tuple(_judge(state, event))
        try:
            state.apply(event)
        except LedgerInconsistencyError as error:
            findings.append(_finding("CONTRADICTION", event, str(error)))
            continue
        findings.extend(judged)
    return Audit(state, tuple(findings))


def about(state: State, findings: tuple[Finding, ...], study_id: bytes | None) -> tuple[Finding, ...]:
    """Keep the findings about one study, its subject, or no study at all; None keeps every finding."""
    if study_id is None:
        return findings
    study = state.study(study_id)
    subject = study.subject if study else bytes(20)
    return tuple(
        each
        for each in findings
        if each.study_id == study_id or (not any(each.study_id) and (each.subject == subject or not any(each.subject)))
    )


def _finding(
    code: str, event: LedgerEvent, detail: str, *, about: bytes = b"", subject: bytes = b"", study_id: bytes = b""
) -> Finding:
    return Finding(
        code=code,
        block_number=event.block_number,
        time_at=event.time_at,
        about=about or bytes(32),
        subject=subject or bytes(20),
        study_id=study_id or bytes(32),
        detail=detail,
    )


def _judge(state: State, event: LedgerEvent) -> Iterator[Finding]:
    if isinstance(event, ReleaseRecorded):
        yield from _judge_release(state, event)
    elif isinstance(event, GrantGiven):
        yield from _judge_grant(event)
    elif isinstance(event, announced.SubjectEnrolled):
        if not _acts(state, event.custodian, KeyKind.REGISTRAR, event.time_at):
            detail = f"member {event.custodian} had no live REGISTRAR key, or was suspended"
            yield _finding("UNAUTHORISED_ENROLMENT", event, detail, subject=event.subject)
    elif isinstance(event, announced.StudyAnchored | announced.StudyRevised):
        yield from _judge_anchor(state, event)


def _acts(state: State, institution: int, kind: KeyKind, at: int) -> bool:
    """Whether an institution is active and has any live key of a kind: the least an act of its needs."""
    member = state.member(institution)
    return member is not None and member.active and state.key(institution, kind, at) is not None


def _judge_anchor(state: State, event: announced.StudyAnchored | announced.StudyRevised) -> Iterator[Finding]:
    if isinstance(event, announced.StudyAnchored):
        entry = state.subject(event.subject)
        custodian = entry.custodian if entry else 0
    else:
        study = state.study(event.study_id)
        custodian = study.custodian if study else 0
    if not _acts(state, custodian, KeyKind.REGISTRAR, event.time_at):
        detail = f"member {custodian} had no live REGISTRAR key, or was suspended"
        yield _finding("UNAUTHORISED_ANCHOR", event, detail, about=event.study_id, study_id=event.study_id)


def _judge_grant(event: GrantGiven) -> Iterator[Finding]:
    """The rules that the contract checks when a grant is given, from the terms alone."""
    grant = event.grant

    def finding(code: str, detail: str) -> Finding:
        return _finding(code, event, detail, about=event.grant_id, subject=grant.subject)

    rule = rules.basis_rule(grant.basis)
    if rule is None:
        yield finding("GRANT_BASIS", f"{grant.basis} is no basis")
        return
    if not grant.purposes or grant.purposes & ~rule.purposes:
        yield finding("GRANT_PURPOSES", f"purposes that {rule.basis.name} does not allow, or none")
    if not grant.actions or grant.actions & ~rules.ALL_ACTIONS:
        yield finding("GRANT_ACTIONS", "unknown actions, or none")
    if ids.institution_of(grant.grantee) == 0:
        yield finding("GRANT_GRANTEE", "the grantee names no institution")
    over = not grant.not_before < grant.not_after or event.time_at >= grant.not_after
    if over or grant.not_after - grant.not_before > rule.max_s:
        yield finding("GRANT_WINDOW", f"empty, over, or longer than the {rule.max_s} s that {rule.basis.name} allows")
    if event.time_at >= grant.relay_by:
        yield finding("GRANT_LATE", "carried to the chain after the time that its signer allowed")
    if event.expiry_at > grant.not_after:
        yield finding("GRANT_EXPIRY", "stored to outlive its terms")


def _judge_release(state: State, event: ReleaseRecorded) -> Iterator[Finding]:
    """The decision again, from the state just before it, and the lapse it was given."""

    def finding(code: str, detail: str) -> Finding:
        study = state.study(event.study_id)
        return _finding(
            code,
            event,
            detail,
            about=event.request_id,
            subject=study.subject if study else bytes(20),
            study_id=event.study_id,
        )

    request = KeyRequest(
        study_id=event.study_id,
        revision=event.revision,
        series=event.series,
        grant_id=event.grant_id,
        purpose=event.purpose,
        action=event.action,
        person=event.person,
        recipient=event.recipient,
        not_after=event.lapse_at,  # no earlier than this; the real one is not in what is replayed
        salt=bytes(32),
    )
    facts = state.facts_about(request, event.institution, event.person)
    facts = replace(facts, head=Head(event.block_number, bytes(32), event.time_at))
    entry = state.grant(event.grant_id)
    grant = entry.grant if entry else None
    reason = recorded_reason(request, grant, facts, institution=event.institution, epoch=event.badge_epoch)
    if reason is not Reason.NONE:
        yield finding(f"RELEASE_{reason.name}", "recorded although the rules refuse it")
    if event.institution and not _acts(state, event.institution, KeyKind.ISSUER, event.time_at):
        yield finding("UNAUTHORISED_RELEASE", f"member {event.institution} had no live ISSUER key, or was suspended")
    latest = event.time_at + rules.MAX_RELEASE_S
    if event.institution and entry is not None:
        latest = min(latest, entry.expiry_at or latest)
    if not event.time_at < event.lapse_at <= latest:
        yield finding("RELEASE_LAPSE", "void from the start, or lapses later than the rules allow")
