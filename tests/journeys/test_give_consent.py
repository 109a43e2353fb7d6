"""A patient signs what a FHIR Consent says, over in-memory ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.app.cli.consent import write_consent
from fiducia.core import fhir_consent, ids, rules
from fiducia.core.fhir_terms import MAY_BE_ABSENT, Consent
from fiducia.core.wording import describe, terms_digest
from fiducia.errors import InputError, LedgerError
from fiducia.journeys.grants.consent import GiveConsent
from fiducia.journeys.grants.grant import RELAY_WITHIN_S, GrantResult
from fiducia.records.ledger import Act, Receipt
from fiducia.records.typed import Grant
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, Consortium, contents

OPEN = frozenset(MAY_BE_ABSENT)


@pytest.fixture
def world() -> Consortium:
    return Consortium()


@pytest.fixture
def study_id(world: Consortium) -> bytes:
    world.add_series(2)
    world.add_series(1, series_number=2)
    (study,) = world.run_register().studies
    return study.study_id


def subject(world: Consortium) -> bytes:
    (entry,) = world.mirror.catch_up().subjects()
    return entry.subject


def journey(world: Consortium) -> GiveConsent:
    return GiveConsent(give=world.give, mirror=world.mirror, clock=world.clock, entropy=world.entropy)


def written(world: Consortium, study: bytes, changes: Mapping[str, Any] | None = None, **about: Any) -> Consent:
    """A Consent as a hospital's portal would prepare it: everything but what is drawn at signing."""
    now = world.clock.now()
    grant = Grant(
        basis=rules.Basis.CONSENT,
        subject=subject(world),
        scope=study,
        anchored_by=0,
        grantee=world.badge.badge.person,
        purposes=rules.mask(rules.Purpose.TREAT),
        actions=rules.mask(rules.Action.VIEW, rules.Action.RETAIN),
        not_before=now - 60,
        not_after=now + DAY_S,
        epoch=0,
        relay_by=0,
        terms=bytes(32),
        salt=bytes(32),
    )
    said: dict[str, Any] = {"study_id": study, "custodian": HOSPITAL_A, "absent": OPEN} | about
    return Consent(replace(grant, **(changes or {})), **said)


def give(world: Consortium, consent: Consent, shown: list[str] | None = None) -> GrantResult:
    """Carry the document as JSON, as a file would be, and have the patient sign it."""
    read = fhir_consent.decode(fhir_consent.encode(consent))
    show = (shown if shown is not None else []).append
    return journey(world).run(read, world.patient, subject=subject(world), show=show)


def test_what_a_document_leaves_open_is_drawn_and_the_study_opens(world: Consortium, study_id: bytes) -> None:
    shown: list[str] = []
    given = give(world, written(world, study_id), shown)
    assert given.grant.epoch == 1
    assert given.grant.relay_by == world.clock.now() + RELAY_WITHIN_S
    assert any(given.grant.salt)
    assert given.grant.terms == terms_digest(given.grant, shown[0])
    destination = MemoryDestination()
    world.run_fetch(study_id, destination)
    assert sorted(destination.visible.values()) == contents(world.files)
    assert world.audit.run().findings == ()


@pytest.mark.parametrize("series", [0, 2])
def test_a_given_grant_is_shown_as_the_consent_that_says_it(world: Consortium, study_id: bytes, series: int) -> None:
    grant = world.run_grant(study_id, series=series)
    state = world.mirror.catch_up()
    entry = state.grant(grant.grant_id)
    assert entry is not None
    read = fhir_consent.decode(write_consent(state, entry).encode())
    assert read == Consent(grant.grant, study_id, series, True, HOSPITAL_A, entry.given_at)
    world.revoke.run(grant.grant_id, world.patient)
    state = world.mirror.catch_up()
    entry = state.grant(grant.grant_id)
    assert entry is not None
    assert not fhir_consent.decode(write_consent(state, entry).encode()).active


def test_every_kind_of_scope_can_be_given(world: Consortium, study_id: bytes) -> None:
    one = written(world, study_id, {"scope": ids.series_scope(study_id, 2)}, series=2)
    until = written(world, study_id, {"scope": ids.ALL_SCOPE, "anchored_by": world.clock.now()}, study_id=b"")
    future = written(world, study_id, {"scope": ids.ALL_SCOPE, "anchored_by": ids.FUTURE_TOO}, study_id=b"")
    for consent, words in ((one, "series 2 of the study"), (until, "registered until"), (future, "future ones too")):
        shown: list[str] = []
        given = give(world, consent, shown)
        assert words in shown[0]
        assert (given.grant.scope, given.grant.anchored_by) == (consent.grant.scope, consent.grant.anchored_by)


def test_a_time_beyond_every_calendar_has_words(world: Consortium, study_id: bytes) -> None:
    shown: list[str] = []
    changes = {"scope": ids.ALL_SCOPE, "anchored_by": ids.FUTURE_TOO - 1}
    give(world, written(world, study_id, changes, study_id=b""), shown)
    assert "registered until some time after the year 9999" in shown[0]


def test_what_a_document_says_of_now_is_kept(world: Consortium, study_id: bytes) -> None:
    drawn = {"epoch": 1, "relay_by": world.clock.now() + 30, "salt": b"s" * 32}
    consent = written(world, study_id, drawn, absent=frozenset())
    words = describe(consent.grant, study_id=study_id)
    grant = replace(consent.grant, terms=terms_digest(consent.grant, words))
    assert give(world, replace(consent, grant=grant)).grant == grant


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("Consent.status", {}, {"active": False}),
    ("Consent.patient", {"subject": b"\1" * 20}, {}),
    ("Consent.category", {"basis": rules.Basis.PAPER}, {}),
    ("Consent.organization", {}, {"custodian": HOSPITAL_B}),
    ("Consent.extension: epoch", {"epoch": 2}, {"absent": OPEN - {"epoch"}}),
    ("Consent.extension: relay-by", {"relay_by": 5}, {"absent": OPEN - {"relay_by"}}),
    ("Consent.extension: terms", {"terms": b"t" * 32}, {"absent": OPEN - {"terms"}}),
    ("Consent.extension: terms", {}, {"absent": OPEN - {"terms"}}),
    ("Consent.provision.period.end", {"not_before": 0, "not_after": 10}, {}),
    ("Consent.provision.data", {"scope": b"\7" * 32}, {"study_id": b"\7" * 32}),
    ("Consent.provision.data", {"scope": b"\7" * 32}, {"study_id": b""}),
    ("Consent.provision.extension: anchored-by", {"anchored_by": 5}, {}),
]


@pytest.mark.parametrize(("path", "changes", "about"), REFUSED, ids=[f"{n}-{row[0]}" for n, row in enumerate(REFUSED)])
def test_what_cannot_be_given_now_is_refused_by_its_path_and_nothing_is_shown(
    world: Consortium, study_id: bytes, path: str, changes: dict[str, Any], about: dict[str, Any]
) -> None:
    shown: list[str] = []
    with pytest.raises(InputError, match=f"^{path}"):
        give(world, written(world, study_id, changes, **about), shown)
    assert shown == []
    assert list(world.mirror.catch_up().grants_of_subject(subject(world))) == []


def test_the_same_document_after_a_broken_chain_sends_the_same_grant(
    world: Consortium, study_id: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    consent = written(world, study_id)
    sent: list[Act] = []

    def breaks(self: object, act: Act) -> Receipt:
        sent.append(act)
        raise LedgerError("not now")

    with monkeypatch.context() as patched:
        patched.setattr("tests.support.consortium.DirectBroker.relay", breaks)
        with pytest.raises(LedgerError):
            give(world, consent)
    given = give(world, consent)
    assert [act.grant for act in sent] == [given.grant]  # type: ignore[union-attr]
    assert world.patient_vault.names("kept/") == ()
