"""Administrative acts in the journal: what a member carries is noted before it is sent, here or by its own journey."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.core import ids
from fiducia.core.rules import Action, Basis, Purpose
from fiducia.errors import DeniedError, JournalError, SignatureError
from fiducia.journeys.members.acts_noted import BADGE_ISSUED, CARRIED, EMERGENCY, REVIEWED, STAFF_GRANT, NoteAct
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.records.ledger import Act, GrantAct, GrantBatchAct, PublishAct
from fiducia.records.typed import StaffAccess
from tests.support.consortium import Consortium
from tests.support.evm_plans import DOMAINS, MADE
from tests.support.signers import Signers

NOW = 1_800_000_000
ELSEWHERE = {"RecordAct", "RecordLateAct", "RevokeAct", "RevokeAllAct", "RestrictAct"}
"""Whose own journeys write them down."""


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def note(journal: MemoryJournal) -> NoteAct:
    return NoteAct(journal=journal, clock=MemoryClock(NOW))


def made(name: str) -> Act:
    return MADE[name](Signers(DOMAINS, NOW))


def published() -> PublishAct:
    return next(each for name in MADE if isinstance(each := made(name), PublishAct))


@pytest.mark.parametrize("name", MADE)
def test_every_act_is_noted_with_what_it_is_about(name: str, note: NoteAct, journal: MemoryJournal) -> None:
    act = made(name)
    note.on_chain(act)
    noted = list(journal.entries())
    if type(act).__name__ in ELSEWHERE or isinstance(act, GrantAct | GrantBatchAct):
        assert all(entry.kind in (EMERGENCY, STAFF_GRANT) for entry in noted)
        return
    assert noted
    for entry in noted:
        assert entry.kind in (CARRIED, REVIEWED)
        assert (entry.at, bool(entry.subject_id)) == (NOW, True)


def test_a_key_is_noted_by_its_hash(note: NoteAct, journal: MemoryJournal) -> None:
    act = published()
    note.on_chain(act)
    (entry,) = journal.entries()
    assert (entry.kind, entry.subject_id, entry.body) == (CARRIED, act.publish.key_hash, "publish_act")


@pytest.mark.parametrize(
    ("basis", "kinds"),
    [
        (Basis.CONSENT, []),
        (Basis.PAPER, [STAFF_GRANT]),
        (Basis.CARE, [STAFF_GRANT]),
        (Basis.LAW, [STAFF_GRANT]),
        (Basis.EMERGENCY, [EMERGENCY]),
    ],
)
def test_grants_that_no_patient_signed_are_noted(
    basis: Basis, kinds: list[str], note: NoteAct, journal: MemoryJournal
) -> None:
    given = next(each for name in MADE if isinstance(each := made(name), GrantAct))
    act = replace(given, grant=replace(given.grant, basis=int(basis)))
    note.on_chain(act)
    note.on_chain(GrantBatchAct((act,)))
    expected = [(kind, ids.grant_id(act.grant)) for kind in kinds] * 2
    assert [(entry.kind, entry.subject_id) for entry in journal.entries()] == expected


def test_what_is_no_act_on_the_ledger_is_noted_too_and_not_done_without(note: NoteAct, journal: MemoryJournal) -> None:
    note.run(BADGE_ISSUED, b"p" * 32, "1")
    (entry,) = journal.entries()
    assert (entry.kind, entry.subject_id, entry.body) == (BADGE_ISSUED, b"p" * 32, "1")
    journal.working = False
    with pytest.raises(JournalError):
        note.run(BADGE_ISSUED, b"p" * 32)
    with pytest.raises(JournalError):
        note.on_chain(published())


def test_a_refused_hand_over_is_in_the_journal_and_a_strangers_is_not() -> None:
    world = Consortium()
    world.add_series(1)
    world.run_register()
    study = world.mirror.catch_up().studies()[0].study_id
    given = world.run_grant(study)
    access = DrawUpRequest(mirror=world.mirror, clock=world.clock, entropy=world.entropy, domains=world.domains).run(
        study, 0, Purpose.TREAT, Action.VIEW, world.clinician
    )
    world.record_release.run(access)
    world.revoke.run(given.grant_id, world.patient)
    with pytest.raises(DeniedError):
        world.hand_over.run(access)
    denied = list(world.journal.entries("hand_over_denied"))
    assert [(entry.subject_id, entry.body) for entry in denied] == [(ids.request_id(access.request), "GRANT_REVOKED")]
    assert isinstance(access, StaffAccess)
    with pytest.raises((DeniedError, SignatureError)):
        world.hand_over.run(replace(access, signature=bytes(65)))
    assert list(world.journal.entries("hand_over_denied")) == denied
