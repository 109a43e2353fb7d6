"""What several commands show of the ledger: grants as rows, and whose studies and grants are whose to see.

Everything on the ledger is public to members; these views only keep a list to what a profile has a part in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fiducia.app.cli.acting import own_subjects
from fiducia.app.output import Output, utc
from fiducia.app.profiles import PATIENT_SIDE, Kind, Profile
from fiducia.core import ids, policy, rules, scopes
from fiducia.core.entries import GivenGrant, Study
from fiducia.core.replay import State
from fiducia.journeys.trustees.blame import at_fault
from fiducia.records.images import Blame, FetchedStudy
from fiducia.records.ledger import GrantState
from fiducia.records.typed import Grant


def visible_studies(state: State, profile: Profile) -> list[Study]:
    """Return the studies that a profile has a part in."""
    if profile.kind is Kind.AUDITOR:
        return list(state.studies())
    if profile.kind in PATIENT_SIDE:
        return [study for subject in own_subjects(state, profile) for study in state.studies(subject)]
    granted = {study for subject in state.subjects() for study in _granted(state, subject.subject, profile)}
    own = profile.kind is Kind.INSTITUTION
    return [
        study
        for study in state.studies()
        if study.study_id in granted or (own and study.custodian == profile.institution)
    ]


def visible_grants(state: State, profile: Profile) -> list[GivenGrant]:
    """Return the grants that a profile gave, keeps the subject of, or is named by."""
    if profile.kind in PATIENT_SIDE:
        return [entry for subject in own_subjects(state, profile) for entry in state.grants_of_subject(subject)]
    own = profile.kind is Kind.INSTITUTION
    return [
        entry
        for subject in state.subjects()
        for entry in state.grants_of_subject(subject.subject)
        if profile.kind is Kind.AUDITOR
        or (own and subject.custodian == profile.institution)
        or (entry.grant is not None and _is_for(entry.grant, profile))
    ]


def blame_row(blame: Blame, *, whole: bool) -> dict[str, Any]:
    """Return what a trustee is blamed for as a row; `whole`: with the hand-over that proves it."""
    row = {
        "trustee": blame.trustee,
        "request_id": blame.evidence.request_id,
        "what": blame.what,
        "signed": blame.signed,
    }
    return row | ({"evidence": blame.evidence} if whole else {})


def show_fetched(out: Output, fetched: FetchedStudy, folder: Path, **more: Any) -> None:
    """Print what a fetch wrote into a folder, with more facts after it, and warn of trustees that are to blame."""
    for blame in fetched.blamed:
        out.warn(f"{at_fault(blame)}; the others opened it, see `fiducia study blames`")
    out.facts(
        {
            "study_id": fetched.study_id,
            "revision": fetched.revision,
            "series": fetched.series,
            "instances": fetched.instances,
            "bytes": fetched.size_bytes,
            "request_id": fetched.request_id,
            "out": str(folder),
            **more,
            "blamed": [blame_row(blame, whole=out.as_json) for blame in fetched.blamed],
        }
    )


def grant_row(state: State, entry: GivenGrant) -> dict[str, Any]:
    """Return one grant as a row."""
    grant = entry.grant
    row: dict[str, Any] = {"grant_id": entry.grant_id, "state": standing(state, entry)}
    if grant is None:
        return row
    study, series = scope_of(state, grant)
    return row | {
        "study_id": study,
        "series": series or None,
        "grantee": grant.grantee,
        "purposes": [purpose.name for purpose in rules.purposes_in(grant.purposes)],
        "actions": [action.name for action in rules.actions_in(grant.actions)],
        "until": utc(entry.expiry_at),
    }


def standing(state: State, entry: GivenGrant) -> str:
    """Return in one word how a grant stands: live, waiting, ended or revoked."""
    now = state.head.time_at
    if state.is_live(entry, now):
        return "live"
    subject = state.subject(entry.subject)
    if entry.state is GrantState.REVOKED or entry.grant is None or subject is None:
        return "revoked"
    if entry.grant.epoch != subject.epoch:
        return "revoked"  # by a revocation of all
    return "waiting" if now < entry.grant.not_before else "ended"


def scope_of(state: State, grant: Grant) -> tuple[bytes | None, int]:
    """Return the study that a grant's scope names and its series (0: all); None for all studies or an unknown one."""
    study, series = scopes.named_by(state, grant.subject, grant.scope)
    return study or None, series


def _is_for(grant: Grant, profile: Profile) -> bool:
    if profile.kind is Kind.STAFF and profile.person:
        return policy.names(grant, profile.person)
    return profile.institution != 0 and ids.institution_of(grant.grantee) == profile.institution


def _granted(state: State, subject: bytes, profile: Profile) -> Iterator[bytes]:
    """Yield the studies of a subject that a profile's grants may cover; what a grant names is looked for once."""
    studies = {study.study_id: study for study in state.studies(subject)}
    for entry in state.grants_of_subject(subject):
        grant = entry.grant
        if not grant or not _is_for(grant, profile):
            continue
        if grant.scope == ids.ALL_SCOPE:
            yield from (each for each, study in studies.items() if policy.covers(grant, each, 0, study.anchored_at))
        elif (named := scope_of(state, grant)[0]) in studies:
            yield named
