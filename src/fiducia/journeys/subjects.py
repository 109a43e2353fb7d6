"""What several journeys ask of the last facts seen: a patient, a study, and the newest facts that can be had."""

from __future__ import annotations

from fiducia.core.entries import Study, Subject
from fiducia.core.replay import State
from fiducia.errors import InputError, LedgerError
from fiducia.ports import Mirror


def freshest(mirror: Mirror) -> State:
    """Return the newest facts: the chain's, or the last ones seen while it is away."""
    try:
        return mirror.catch_up()
    except LedgerError:
        return mirror.state()


def known_subject(state: State, subject: bytes) -> Subject:
    """Return a subject (20 bytes). Raises: InputError."""
    entry = state.subject(subject)
    if entry is None:
        raise InputError("no such patient on this ledger; see `fiducia patient list`")
    return entry


def known_study(state: State, study_id: bytes) -> Study:
    """Return a study (32 bytes). Raises: InputError."""
    study = state.study(study_id)
    if study is None:
        raise InputError("no such study on this ledger; see `fiducia study list --all`")
    return study
