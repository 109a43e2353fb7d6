"""All that a replayed ledger answers, as one value: two states are the same when these are."""

from __future__ import annotations

from typing import Any

from fiducia.core.replay import State


def snapshot(state: State) -> dict[str, Any]:
    """Everything that a state knows."""
    subjects = [entry.subject for entry in state.subjects()]
    return {
        "head": state.head,
        "round": state.round,
        "members": state.members(),
        "governs": {member.governor: state.governed_by(member.governor) for member in state.members()},
        "keys": state.keys(),
        "subjects": state.subjects(),
        "signers": {subject: state.signers(subject) for subject in subjects},
        "appointments": {subject: state.appointments(subject) for subject in subjects},
        "studies": state.studies(),
        "studies of": {subject: state.studies(subject) for subject in subjects},
        "grants": state.grants(),
        "grants of": {subject: state.grants_of_subject(subject) for subject in subjects},
        "reviews": state.reviews(),
        "owed": {member.institution: state.reviews_owed(member.institution) for member in state.members()},
        "releases": state.releases(),
        "late": state.late_releases(),
        "denials": tuple(state.denials()),
    }
