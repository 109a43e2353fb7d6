"""Whose studies and grants are whose to see, and how a grant stands in one word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.app.cli import views
from fiducia.app.profiles import Kind, Profile
from fiducia.core import ids
from fiducia.core.replay import State
from fiducia.records.events import (
    EpochRaised,
    GrantGiven,
    GrantRevoked,
    LedgerEvent,
    MemberAdmitted,
    StudyAnchored,
    SubjectEnrolled,
)
from fiducia.records.ledger import Head
from fiducia.records.typed import Grant
from tests.unit.app.test_profiles import BADGE

START = 1_800_000_000
SUBJECT, OTHER = b"\x0a" * 20, b"\x0b" * 20
STUDY, THEIRS = b"\x11" * 32, b"\x22" * 32
PERSON = BADGE.badge.person

GRANT = Grant(
    basis=1,
    subject=SUBJECT,
    scope=STUDY,
    anchored_by=0,
    grantee=PERSON,
    purposes=1,
    actions=6,
    not_before=START,
    not_after=START + 3600,
    epoch=1,
    relay_by=START + 900,
    terms=bytes(32),
    salt=b"\x01" * 32,
)

PATIENT = Profile("patient", Kind.PATIENT, "hospital-a", 1, subject=SUBJECT)
CLINICIAN = Profile("clinician", Kind.STAFF, "hospital-b", 2, badge=BADGE)
HOSPITAL_A = Profile("hospital-a", Kind.INSTITUTION, "hospital-a", 1)
HOSPITAL_B = Profile("hospital-b", Kind.INSTITUTION, "hospital-b", 2)
HOSPITAL_C = Profile("hospital-c", Kind.INSTITUTION, "hospital-c", 3)
AUDITOR = Profile("auditor", Kind.AUDITOR)


class Told:
    """Events one after another, each in a block of its own, one second apart."""

    def __init__(self) -> None:
        self.events: list[LedgerEvent] = []

    def add(self, kind: type[LedgerEvent], **fields: object) -> None:
        place = len(self.events) + 1
        where = {"block_number": place, "time_at": START + place, "transaction_hash": bytes(32), "log_index": 0}
        self.events.append(kind(**where, **fields))  # type: ignore[arg-type]

    def state(self, at: int = START + 100) -> State:
        state = State(self.events)
        state.reach(Head(len(self.events) + 1, bytes(32), at))
        return state


def told(*grants: Grant) -> Told:
    """Two hospitals with a patient and a study each at the first, and grants."""
    ledger = Told()
    for institution in (1, 2, 3):
        governor = bytes([institution]) * 20
        ledger.add(MemberAdmitted, institution=institution, governor=governor, region=1, exports=2)
    for subject, study in ((SUBJECT, STUDY), (OTHER, THEIRS)):
        custodian = 1 if subject == SUBJECT else 3
        ledger.add(SubjectEnrolled, subject=subject, custodian=custodian, signer_hash=subject + bytes(12))
        ledger.add(StudyAnchored, study_id=study, subject=subject, manifest=bytes(32), retain_until_day=30_000)
    for grant in grants:
        ledger.add(GrantGiven, grant_id=ids.grant_id(grant), grant=grant, expiry_at=grant.not_after)
    return ledger


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (PATIENT, [STUDY]),
        (CLINICIAN, [STUDY]),
        (HOSPITAL_A, [STUDY]),
        (HOSPITAL_B, [STUDY]),
        (HOSPITAL_C, [THEIRS]),
        (AUDITOR, [STUDY, THEIRS]),
    ],
    ids=lambda value: value.name if isinstance(value, Profile) else "",
)
def test_a_profile_sees_the_studies_it_has_a_part_in(profile: Profile, expected: list[bytes]) -> None:
    assert [study.study_id for study in views.visible_studies(told(GRANT).state(), profile)] == expected


def test_without_a_grant_the_requesters_side_sees_nothing() -> None:
    for profile in (CLINICIAN, HOSPITAL_B):
        assert views.visible_studies(told().state(), profile) == []
        assert views.visible_grants(told().state(), profile) == []


@pytest.mark.parametrize("profile", [PATIENT, CLINICIAN, HOSPITAL_A, HOSPITAL_B, AUDITOR], ids=lambda p: p.name)
def test_a_grant_is_seen_by_both_sides_and_the_auditor(profile: Profile) -> None:
    assert [entry.grant for entry in views.visible_grants(told(GRANT).state(), profile)] == [GRANT]


def test_a_grant_is_not_seen_by_others() -> None:
    assert views.visible_grants(told(GRANT).state(), HOSPITAL_C) == []


def test_a_grant_of_one_series_shows_its_study_and_number() -> None:
    grant = replace(GRANT, scope=ids.series_scope(STUDY, 17))
    state = told(grant).state()
    assert views.scope_of(state, grant) == (STUDY, 17)
    assert [study.study_id for study in views.visible_studies(state, CLINICIAN)] == [STUDY]


def test_a_grant_covers_no_study_of_another_subject() -> None:
    for scope in (THEIRS, ids.series_scope(THEIRS, 1)):
        state = told(replace(GRANT, scope=scope)).state()
        assert views.visible_studies(state, CLINICIAN) == []


def test_a_grant_of_everything_names_no_study() -> None:
    grant = replace(GRANT, scope=ids.ALL_SCOPE, anchored_by=ids.FUTURE_TOO)
    state = told(grant).state()
    assert views.scope_of(state, grant) == (None, 0)
    assert [study.study_id for study in views.visible_studies(state, CLINICIAN)] == [STUDY]


@pytest.mark.parametrize(
    ("at", "word"), [(START + 99, "live"), (START + 3599, "live"), (START + 3600, "ended"), (START + 9999, "ended")]
)
def test_a_window_ends_a_grant(at: int, word: str) -> None:
    state = told(GRANT).state(at)
    (entry,) = state.grants_of_subject(SUBJECT)
    assert views.standing(state, entry) == word


def test_a_grant_that_begins_later_waits() -> None:
    grant = replace(GRANT, not_before=START + 1000)
    state = told(grant).state()
    (entry,) = state.grants_of_subject(SUBJECT)
    assert views.standing(state, entry) == "waiting"


@pytest.mark.parametrize("kind", ["one", "all"])
def test_a_revoked_grant_says_so_either_way(kind: str) -> None:
    ledger = told(GRANT)
    if kind == "one":
        ledger.add(GrantRevoked, grant_id=ids.grant_id(GRANT), subject=SUBJECT)
    else:
        ledger.add(EpochRaised, subject=SUBJECT, epoch=2)
    state = ledger.state()
    (entry,) = state.grants_of_subject(SUBJECT)
    row = views.grant_row(state, entry)
    assert row["state"] == "revoked"
    assert (row["study_id"], row["purposes"], row["actions"]) == (STUDY, ["TREAT"], ["VIEW", "RETAIN"])
