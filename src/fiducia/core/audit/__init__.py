"""Findings: what in the ledger's history should not have been possible, or cannot be verified.

Replays events from the first, checking each against the state just before it; the contracts' own checks
are made again from public facts alone, so a chain whose rules were broken, or an endpoint that invents
events, is caught as far as events can tell. Signatures are not in events: who signed is the contracts'
word, and an act is called unauthorised where nobody could have signed it. Manifests are checked in
`core.audit_manifests`, reports written in `core.report`.

Codes:
    CONTRADICTION       an event that cannot follow; SEQUENCE_GAP: a number was skipped or repeated
    CONSEQUENCE_MISSING what a transaction owes with an event is not in it (grants that end, a review)
    RELEASE_*           a name of `Reason`: a release that the rules refuse; RELEASE_LAPSE
    EMERGENCY_*         LATE: handed over while the chain stalled; UNRECORDED: its window ended and no release is
                        recorded under it; BARRED: opened while an overdue review was owed
    REVIEW_*            OVERDUE: not filed when it was due; BY_OPENER; TERMS: owed by others, or due at another time,
                        than the emergency says; OUTCOME
    GRANT_*             BASIS, PURPOSES, ACTIONS, GRANTEE, WINDOW, LATE, DOCUMENT, EXPIRY (outlives the power behind it)
    APPOINTMENT_TERMS, RECOVERY_ATTEMPT, ERASURE_EARLY
    UNAUTHORISED_*      nobody could have signed it: RELEASE (no live ISSUER key of the requester), GRANT, REVOKE,
                        REVIEW, ENROLMENT, ANCHOR and what `members`, `subjects` and `studies` list
    MANIFEST_*          `core.audit_manifests`'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fiducia.core.audit import grants, members, releases, reviews, studies, subjects
from fiducia.core.audit.consequences import Consequences
from fiducia.core.audit_manifests import manifest_findings
from fiducia.core.finding import Finding as Finding
from fiducia.core.finding import found_in
from fiducia.core.replay import State
from fiducia.errors import LedgerInconsistencyError, SequenceGapError
from fiducia.records.events import LedgerEvent

_JUDGES = (members.judge, subjects.judge, studies.judge, grants.judge, reviews.judge, releases.judge)


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
    """Return the findings of a whole history, as of its last event.

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
    """Replay a history and judge each event; an event that cannot follow is found and left out.

    What should have followed, and what is owed by the end, comes after that.
    """
    state = State()
    findings: list[Finding] = []
    owed = Consequences()
    for event in events:
        findings.extend(owed.missing(event))
        judged = () if owed.explains(event) else tuple(_judge(state, event))
        try:
            state.apply(event)
        except LedgerInconsistencyError as error:
            code = "SEQUENCE_GAP" if isinstance(error, SequenceGapError) else "CONTRADICTION"
            findings.append(found_in(event, code, str(error)))
            continue
        owed.note(state, event)
        findings.extend(judged)
    return Audit(state, (*findings, *owed.missing(None), *reviews.at_the_end(state)))


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


def _judge(state: State, event: LedgerEvent) -> Iterator[Finding]:
    for judge in _JUDGES:
        yield from judge(state, event)
