"""Reports: the same every time, complete, and never edited unnoticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from fiducia.core import ids
from fiducia.core.formats.manifest import manifest_digest
from fiducia.core.keccak import keccak256
from fiducia.core.report import Report, report, to_json
from fiducia.core.report_text import read_claims, to_text, verify
from fiducia.errors import InputError, ProofError
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.typed import Review
from tests.support import whole
from tests.support import world as w
from tests.support.manifests import line, manifest, with_manifests

UNGRANTED: dict[str, Any] = {
    "request_id": keccak256(b"a forged request"),
    "study_id": w.STUDY,
    "revision": 1,
    "series": 0,
    "grant_id": ids.grant_id(w.default_grant()),
    "purpose": 0,
    "action": 1,
    "person": w.PERSON,
    "recipient": w.GATEWAY,
    "institution": 2,
    "badge_epoch": 1,
    "lapse_at": w.NOW + w.HOUR_S,
}


def _report(**options: Any) -> tuple[Report, list[LedgerEvent], w.World]:
    first = manifest(1, line(1), line(2))
    world, ledger = with_manifests(first)
    series = w.default_grant(scope=ids.series_scope(w.STUDY, 2), salt=bytes(32))
    world.give(series)
    world.give(w.default_grant())
    request = w.default_request(series, series=2)
    world.record(world.staff(request, series))
    world.record(world.own())
    world.revoke(series)
    ledger.forge(partial(events.ReleaseDenied, request_id=bytes(32), reason=22, study_id=w.STUDY, person=w.PERSON))
    history = w.events_of(ledger)
    fields: dict[str, Any] = {
        "block_number": history[-1].block_number,
        "manifests": {manifest_digest(first): first},
    } | options
    return report(world.domains, history, **fields), history, world


def test_a_report_says_who_could_see_what() -> None:
    made, history, _ = _report()
    (study,) = made.studies
    assert (study.study_id, study.subject, study.custodian, study.series) == (w.STUDY, w.SUBJECT, 1, (1, 2))
    assert [(grant.series, grant.revoked_at > 0) for grant in study.grants] == [(2, True), (0, False)]
    assert [(release.institution, release.series) for release in study.releases] == [(2, 2), (0, 0)]
    assert [denial.reason for denial in study.denials] == ["SCOPE"]
    assert (made.events, made.members, made.subjects, made.findings) == (len(history), 3, 1, ())


def test_reports_are_the_same_every_time() -> None:
    one, _, _ = _report()
    other, _, _ = _report()
    assert to_json(one) == to_json(other)
    assert to_text(one) == to_text(other)


def test_a_report_depends_on_its_block_only() -> None:
    made, history, world = _report(manifests=None)
    early = report(world.domains, history, block_number=made.block_number - 1)
    assert early != made
    again = report(world.domains, history[:-1], block_number=made.block_number - 1)
    assert to_json(again) == to_json(early)


def test_without_manifests_single_series_are_found_through_releases() -> None:
    made, _, _ = _report(manifests=None)
    assert [grant.series for grant in made.studies[0].grants] == [2, 0]
    assert made.studies[0].series == ()
    assert not made.manifests_checked


def test_a_report_of_one_study() -> None:
    made, _, _ = _report(study_id=w.STUDY)
    assert made.study_id == w.STUDY
    with pytest.raises(InputError, match="no such study"):
        _report(study_id=bytes(32))


@pytest.mark.parametrize("study_id", [None, w.STUDY])
def test_claims_are_read_from_both_forms(study_id: bytes | None) -> None:
    made, _, _ = _report(study_id=study_id)
    for data, is_text in ((to_json(made), False), (to_text(made).encode(), True)):
        claims = read_claims(data)
        assert claims.is_text is is_text
        assert (claims.block_number, claims.study_id) == (made.block_number, study_id)
        assert claims.manifests_checked
        verify(data, made)


MADE = _report()[0]


@given(st.booleans(), st.data())
def test_every_edited_byte_is_refused(text: bool, data: st.DataObject) -> None:
    written = bytearray(to_text(MADE).encode() if text else to_json(MADE))
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ProofError):
        verify(bytes(written), MADE)


@pytest.mark.parametrize("form", [lambda made: to_text(made).encode(), to_json], ids=["text", "json"])
def test_cut_or_longer_reports_are_refused(form: Callable[[Report], bytes]) -> None:
    written = form(MADE)
    for edited in (written[:-1], written + b"\n", written.replace(b"\n", b"\r\n")):
        with pytest.raises(ProofError):
            verify(edited, MADE)


def test_the_first_edited_line_is_named() -> None:
    edited = to_text(MADE).replace("RETAIN", "COMPUTE", 1)
    line = next(i for i, row in enumerate(to_text(MADE).split("\n"), 1) if "RETAIN" in row)
    with pytest.raises(ProofError, match=rf"line {line}$"):
        verify(edited.encode(), MADE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a report",
        b"{}",
        b"\xff",
        b"fiducia audit report\n",
        b"fiducia audit report\nformat fiducia/v1/audit-report\nblock many\nstudy all\nmanifests checked\n",
        b"fiducia audit report\nformat fiducia/v2/audit-report\nblock 1\nstudy all\nmanifests checked\n",
        b"fiducia audit report\nformat fiducia/v1/audit-report\nblock 1\nstudy 0x12\nmanifests checked\n",
        to_json(replace(MADE, format="fiducia/v2/audit-report")),
    ],
    ids=repr,
)
def test_what_is_no_report_is_said_so(data: bytes) -> None:
    with pytest.raises(InputError, match="audit report"):
        read_claims(data)


def test_findings_stand_in_the_report() -> None:
    world, ledger, _ = w.settled()
    ledger.forge(partial(events.ReleaseRecorded, **UNGRANTED))
    history = w.events_of(ledger)
    made = report(world.domains, history, block_number=history[-1].block_number)
    assert [finding.code for finding in made.findings] == ["RELEASE_GRANT_UNKNOWN"]
    assert "RELEASE_GRANT_UNKNOWN in block" in to_text(made)
    assert json.loads(to_json(made))["findings"][0]["code"] == "RELEASE_GRANT_UNKNOWN"


def test_the_text_holds_every_id_of_the_json() -> None:
    text = to_text(MADE)

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)
        elif isinstance(value, str) and value.startswith("0x") and set(value[2:]) != {"0"}:
            assert value in text

    walk(json.loads(to_json(MADE)))


def _emergencies() -> Report:
    """One emergency that was used and reviewed, one that was told of late and whose review is owed."""
    world, ledger, clock = whole.settled()
    grant = whole.emergency()
    world.do(world.grant_by(grant, whole.DOCTOR_2, whole.NURSE_2))
    world.record(world.by_session(whole.emergency_request(grant), grant, whole.DOCTOR_2))
    world.do(world.review(Review(ids.grant_id(grant), 1, keccak256(b"a report")), whole.OFFICER_2))
    world.do(world.review(Review(ids.grant_id(grant), 2, keccak256(b"another")), whole.OFFICER_3))
    late, (doctor, nurse) = whole.over(clock.now())
    world.do(world.grant_by(late, doctor, nurse))
    access = world.by_session(whole.emergency_request(late), late, doctor)
    world.do(world.late(access, clock.now() - 100, whole.TRUSTEE))
    history = w.events_of(ledger)
    return report(world.domains, history, block_number=history[-1].block_number)


def test_emergencies_are_reported_with_their_reviews_and_late_releases() -> None:
    made = _emergencies()
    (study,) = made.studies
    assert [grant.terms.basis for grant in study.grants] == [5, 5]
    reviews = [grant.review for grant in study.grants]
    assert [review is not None and review.filed is not None for review in reviews] == [True, False]
    assert [(release.basis, release.handed_over_at) for release in study.releases] == [(5, 0), (5, w.NOW - 100)]
    assert study.releases[1].lapse_at == study.releases[1].recorded_at
    assert [finding.code for finding in made.findings] == ["EMERGENCY_LATE"]
    text = to_text(made)
    for words in (
        "basis EMERGENCY",
        "justified, report 0x",
        "contested",
        "not filed",
        "never open",
        "opened by person",
    ):
        assert words in text
    claims = read_claims(to_json(made))
    assert claims.block_number == made.block_number
    verify(text.encode(), made)


def test_the_end_of_a_study_is_reported() -> None:
    world, ledger = whole.eventful()
    history = w.events_of(ledger)
    made = report(world.domains, history, block_number=history[-1].block_number)
    _, erased = made.studies
    assert (erased.certificate, erased.held) == (whole.CERTIFICATE, False)
    assert f"certificate of erasure 0x{whole.CERTIFICATE.hex()}" in to_text(made)
    earlier = next(event for event in history if isinstance(event, events.StudyHeld))
    during = report(world.domains, history, block_number=earlier.block_number)
    assert during.studies[1].held
    assert "a legal hold stands" in to_text(during)
