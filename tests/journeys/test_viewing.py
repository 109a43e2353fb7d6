"""Viewing at a gateway: what is listed, what is opened, and how it ends."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from fiducia.core import wire
from fiducia.core.rules import Action, Purpose, mask
from fiducia.errors import DeniedError, EncodingError, JournalError, LedgerStaleError, StoreMissingError
from fiducia.journeys.reading.opening import Held
from fiducia.journeys.reading.viewing import READ, REFUSED_S, SAME_BLOCK_S, UNCHECKED_MAX_S, ReadNote, Viewing
from fiducia.ports import Piece
from fiducia.records.ledger import LiftAct, RestrictAct
from fiducia.records.typed import Approval, Lift, Restrict
from tests.support.consortium import DAY_S, Consortium

SEE = mask(Action.METADATA, Action.VIEW)


@pytest.fixture
def world() -> Consortium:
    return Consortium()


def register(world: Consortium, *studies: str, series: int = 1) -> list[bytes]:
    """Register one study each; return their ids in that order."""
    made = []
    for study in studies:
        for number in range(1, series + 1):
            world.add_series(2, study=study, series_number=number)
        made.append(world.run_register().studies[-1].study_id)
        world.files.clear()
    return made


def refreshed(world: Consortium, viewing: Viewing | None = None) -> Viewing:
    world.mirror.catch_up()
    viewing = viewing or world.viewing()
    assert viewing.refresh() == ()
    return viewing


def check(world: Consortium, viewing: Viewing) -> None:
    viewing.check(world.mirror.catch_up())


def first_bytes(held: Held) -> bytes:
    return held.series[0].opener.read_instance(1, 128, 4)


def kinds(world: Consortium) -> Counter[int]:
    """How many releases the ledger recorded, by action."""
    return Counter(release.action for release in world.mirror.catch_up().releases())


def test_what_is_granted_is_listed_from_its_index_alone(world: Consortium) -> None:
    one, two, _ = register(world, "one", "two", "three")
    for study_id in (one, two):
        world.run_grant(study_id, actions=SEE)
    viewing = refreshed(world)
    assert [held.offer.study_id for held in viewing.listed()] == sorted([one, two])
    for held in viewing.listed():
        assert b"00100020" in held.series[0].opener.dicom_json(1)
        with pytest.raises(EncodingError, match="only the metadata"):
            first_bytes(held)
    assert kinds(world) == {Action.METADATA: 2}


def test_pixels_are_requested_when_a_study_is_opened_and_once(world: Consortium) -> None:
    one, two = register(world, "one", "two")
    for study_id in (one, two):
        world.run_grant(study_id, actions=SEE)
    viewing = refreshed(world)
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: viewing.opened(one), range(8)))
    assert {first_bytes(held) for each in opened for held in each} == {b"DICM"}
    assert kinds(world) == {Action.METADATA: 2, Action.VIEW: 1}


def test_a_second_look_asks_for_nothing_and_a_new_grant_is_found(world: Consortium) -> None:
    one, two = register(world, "one", "two")
    world.run_grant(one, actions=SEE)
    viewing = refreshed(world)
    refreshed(world, viewing)
    assert kinds(world) == {Action.METADATA: 1}
    world.run_grant(two, actions=SEE)
    refreshed(world, viewing)
    assert [held.offer.study_id for held in viewing.listed()] == sorted([one, two])


def test_an_action_that_was_not_granted_is_not_asked_for(world: Consortium) -> None:
    listed, viewed = register(world, "listed", "viewed")
    world.run_grant(listed, actions=mask(Action.METADATA))
    world.run_grant(viewed, actions=mask(Action.VIEW))
    viewing = refreshed(world)
    assert [held.offer.study_id for held in viewing.listed()] == [listed]
    with pytest.raises(DeniedError, match="ACTION"):
        viewing.opened(listed)
    assert first_bytes(viewing.opened(viewed)[0]) == b"DICM"


def test_the_purpose_of_the_sign_in_counts(world: Consortium) -> None:
    (one,) = register(world, "one")
    world.run_grant(one, actions=SEE, purposes=mask(Purpose.TREAT))
    assert refreshed(world, world.viewing(Purpose.ETREAT)).listed() == ()


def test_single_series_are_listed_and_opened_alone(world: Consortium) -> None:
    (one,) = register(world, "one", series=3)
    for series in (1, 3):
        world.run_grant(one, actions=SEE, series=series)
    viewing = refreshed(world)
    assert [series.number for held in viewing.listed() for series in held.series] == [1, 3]
    assert [series.number for held in viewing.opened(one) for series in held.series] == [1, 3]


def test_a_revoke_ends_it_at_the_next_look_at_the_ledger(world: Consortium) -> None:
    (one,) = register(world, "one")
    grant = world.run_grant(one, actions=SEE)
    viewing = refreshed(world)
    (held,) = viewing.opened(one)
    viewing.require(held)
    world.revoke.run(grant.grant_id, world.patient)
    check(world, viewing)
    assert held.gone.is_set()
    assert viewing.listed() == ()
    with pytest.raises(DeniedError, match="NOT_OPEN"):
        viewing.require(held)
    with pytest.raises(DeniedError):
        viewing.opened(one)


def test_a_release_lapses_by_this_machines_clock_too(world: Consortium) -> None:
    (one,) = register(world, "one")
    world.run_grant(one, actions=SEE, not_after=world.clock.now() + 3600)
    viewing = refreshed(world)
    (held,) = viewing.listed()
    state = world.mirror.catch_up()
    world.clock.advance(3601)
    viewing.check(state)
    assert held.gone.is_set()


def test_a_ledger_that_is_silent_for_long_opens_nothing(world: Consortium) -> None:
    (one,) = register(world, "one")
    world.run_grant(one, actions=SEE)
    viewing = refreshed(world)
    (held,) = viewing.listed()
    check(world, viewing)
    world.clock.advance(int(UNCHECKED_MAX_S) + 1)
    with pytest.raises(LedgerStaleError):
        viewing.require(held)
    check(world, viewing)
    viewing.require(held)


def test_a_new_revision_takes_the_place_of_the_one_before_which_goes_on_for_who_reads_it(world: Consortium) -> None:
    world.add_series(2, study="one")
    (study,) = world.run_register().studies
    world.run_grant(study.study_id, actions=SEE)
    viewing = refreshed(world)
    (before,) = viewing.listed()
    world.add_series(1, study="one", series_number=2)
    world.run_register()
    refreshed(world, viewing)
    (after,) = viewing.listed()
    assert [held.offer.revision for held in (before, after)] == [1, 2]
    viewing.require(before)
    world.revoke_all.run(study.subject, world.patient)
    check(world, viewing)
    assert before.gone.is_set()
    assert after.gone.is_set()


def test_one_study_that_cannot_be_read_hides_no_other(world: Consortium) -> None:
    one, two = register(world, "one", "two")
    for study_id in (one, two):
        world.run_grant(study_id, actions=SEE)
    study = world.mirror.catch_up().study(one)
    assert study is not None
    bad = study.manifest
    read = world.store.read

    def fail(cid: str, offset: int, length: int) -> Piece:
        data = read(cid, offset, length)
        if bad.hex() in data.hex() or data.find(one.hex().encode()) >= 0:
            raise StoreMissingError("gone")
        return data

    world.store.read = fail  # type: ignore[method-assign, assignment]
    viewing = world.viewing()
    assert [type(error) for error in viewing.refresh()] == [StoreMissingError]
    assert [held.offer.study_id for held in viewing.listed()] == [two]


def test_every_read_is_in_the_journal_before_it_happens_and_none_without(world: Consortium) -> None:
    (one,) = register(world, "one")
    world.run_grant(one, actions=SEE)
    viewing = refreshed(world)
    (held,) = viewing.listed()
    viewing.note([(held, ReadNote("metadata", 1, count=2))])()
    (entry,) = world.gateway_journal.entries(READ)
    assert entry.subject_id == held.request_id
    assert wire.decode(ReadNote, entry.body.encode()) == ReadNote("metadata", 1, 0, 2)
    world.gateway_journal.working = False
    with pytest.raises(JournalError):
        viewing.note([(held, ReadNote("metadata", 1))])()


def test_signing_out_lets_go_of_everything_for_good(world: Consortium) -> None:
    (one,) = register(world, "one")
    world.run_grant(one, actions=SEE)
    viewing = refreshed(world)
    (held,) = viewing.opened(one)
    viewing.close()
    assert held.gone.is_set()
    assert viewing.listed() == ()
    with pytest.raises(DeniedError):
        viewing.refresh()


def test_nothing_is_listed_for_an_ended_badge(world: Consortium) -> None:
    (one,) = register(world, "one")
    world.run_grant(one, actions=SEE)
    world.clock.advance(2 * DAY_S)
    world.mirror.catch_up()
    viewing = world.viewing()
    viewing.refresh()
    assert viewing.listed() == ()


def test_what_was_refused_is_not_asked_for_at_every_look(world: Consortium) -> None:
    (one,) = register(world, "one")
    world.run_grant(one, actions=SEE)
    study = world.mirror.catch_up().study(one)
    assert study is not None
    restrict = Restrict(study.subject, 1)
    approval = Approval(world.patient.address, world.patient.sign(world.domains.digest(restrict)))
    world.ledger.submit(RestrictAct(restrict, approval))
    viewing = world.viewing()
    for _ in range(3):
        refreshed(world, viewing)
    assert [entry.body for entry in world.journal.entries("denied")] == ["RESTRICTED"]
    world.clock.advance(int(REFUSED_S) + 1)
    refreshed(world, viewing)
    assert len(list(world.journal.entries("denied"))) == 2


def test_a_view_that_was_refused_is_asked_for_again_once_a_block_came_or_a_moment_passed(world: Consortium) -> None:
    (one,) = register(world, "one")
    world.run_grant(one, actions=SEE)
    viewing = refreshed(world)
    study = world.mirror.catch_up().study(one)
    assert study is not None

    restrict, lift = Restrict(study.subject, 1), Lift(study.subject, 1)

    def approval(signed: Restrict | Lift) -> Approval:
        return Approval(world.patient.address, world.patient.sign(world.domains.digest(signed)))

    def refused() -> int:
        for _ in range(3):
            with pytest.raises(DeniedError, match="RESTRICTED"):
                viewing.opened(one)
        return len(list(world.journal.entries("denied")))

    world.ledger.submit(RestrictAct(restrict, approval(restrict)))
    world.mirror.catch_up()
    assert refused() == 1
    world.clock.advance(int(SAME_BLOCK_S) + 1)
    assert refused() == 2
    world.ledger.submit(LiftAct(lift, (approval(lift),)))
    world.mirror.catch_up()
    assert [held.offer.study_id for held in viewing.opened(one)] == [one]


def test_a_look_at_the_ledger_from_before_ends_nothing_that_was_opened_since(world: Consortium) -> None:
    (one,) = register(world, "one")
    grant = world.run_grant(one, actions=SEE)
    before = world.mirror.catch_up()
    viewing = refreshed(world)
    (held,) = viewing.opened(one)
    viewing.check(before)
    assert not held.gone.is_set()
    check(world, viewing)
    assert not held.gone.is_set()
    world.revoke.run(grant.grant_id, world.patient)
    check(world, viewing)
    assert held.gone.is_set()
