"""A study that several trustees open gets fresh keys, too: announced, collected, sealed anew, and dealt."""

from __future__ import annotations

import dataclasses

import pytest

from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core.formats.context import SeriesKeys
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.keys.custody import CustodyRule
from fiducia.core.keys.shares import SeriesShare
from fiducia.errors import DeniedError, DigestError, InputError, KeyMissingError, TrusteeError, VerificationError
from fiducia.journeys.custody.rekeying import Rekeyed
from fiducia.journeys.trustees.shares import share_of
from fiducia.records.statements import Destroy, SignedDestroy
from tests.journeys.test_crashes import crashed_everywhere
from tests.journeys.test_moving_custody import TWO_OF_THREE, documents, fetched, holds
from tests.journeys.test_rekeying import live, rekey
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, Consortium, contents
from tests.support.trustees import HOSPITAL_C, Trustees, dealt

EVERYBODY = (HOSPITAL_A, HOSPITAL_B, HOSPITAL_C)


def shares(world: Trustees, series: int, revision: int = 0) -> list[SeriesShare]:
    """Everybody's shares of a series, as a revision has it dealt."""
    manifest, custody = documents(world, revision)
    sealed_in = manifest.line(series).sealed_in
    vaults = [world.vault, world.others[HOSPITAL_B].vault, world.others[HOSPITAL_C].vault]
    return [share_of(vault, custody, index, series, sealed_in) for index, vault in enumerate(vaults, 1)]


def keys(world: Trustees, series: int) -> SeriesKeys:
    """What two trustees' shares open now."""
    _, custody = documents(world)
    return custody.combine(shares(world, series)[1:])


def opened(world: Trustees, series: int, with_keys: SeriesKeys) -> list[int]:
    """The numbers of a series' instances, read to their end from what the newest revision names."""
    manifest, _ = documents(world)
    line = manifest.line(series)
    opener = SeriesOpener(manifest.place(line), line, with_keys, world.store.read)
    for entry in opener.entries:
        for _ in opener.instance(entry.number):
            pass
    return [entry.number for entry in opener.entries]


def test_every_series_gets_fresh_keys_and_the_shares_of_the_old_ones_are_destroyed() -> None:
    world = dealt()
    first, old = documents(world)
    assert rekey(world) == Rekeyed(world.study_id, 3, (1, 2), (1, 2), EVERYBODY, ())
    last, new = documents(world)
    assert not {line.pack_cid for line in last.series} & {line.pack_cid for line in first.series}
    assert (new.rule, new.moves_to) == (TWO_OF_THREE, None)
    assert [holds(world, new, each) for each in EVERYBODY] == [True] * 3
    assert [holds(world, old, each) for each in EVERYBODY] == [False] * 3
    assert live(world) == [3]
    assert world.vault.names("destroy/") == ()
    for down in EVERYBODY[1:]:
        world.down(down)
        assert fetched(world) == contents(world.files), "the grant goes on, and two of three open it"
    world.down()
    assert world.run_register().studies[0].unchanged
    assert world.audit.run().findings == ()


def test_the_other_series_keeps_its_line_and_its_deal() -> None:
    world = dealt()
    first, old = documents(world)
    kept = shares(world, 1)
    assert rekey(world, 2).series == (2,)
    last, new = documents(world)
    assert last.line(1) == first.line(1)
    assert shares(world, 1) == kept
    assert new.share_id(1, 1, 1) == old.share_id(1, 1, 1)
    with pytest.raises(KeyMissingError):
        shares(world, 2, revision=1)
    assert fetched(world) == contents(world.files)
    again = rekey(world)
    assert (again.revision, again.series, live(world)) == (5, (1, 2), [5])
    assert fetched(world) == contents(world.files)


def test_who_kept_keys_under_a_grant_that_was_revoked_opens_nothing_new() -> None:
    world = dealt()
    fetched(world)
    kept, recorded = keys(world, 1), shares(world, 1)
    assert opened(world, 1, kept) == [1, 2]
    (grant,) = world.mirror.catch_up().grants()
    world.revoke.run(grant.grant_id, world.patient)
    rekey(world)
    with pytest.raises(VerificationError):
        opened(world, 1, kept)
    with pytest.raises(DeniedError):
        fetched(world)
    _, custody = documents(world)
    now = shares(world, 1)
    with pytest.raises(DigestError):
        custody.combine([dataclasses.replace(recorded[0], sealed_in=now[1].sealed_in), now[1]])
    with pytest.raises(KeyMissingError):
        custody.combine(now[:1])
    assert opened(world, 1, keys(world, 1)) == [1, 2]


def test_too_few_that_answer_are_waited_for_and_nothing_is_sealed_before() -> None:
    world = dealt()
    world.down(HOSPITAL_B, HOSPITAL_C)
    with pytest.raises(TrusteeError, match="1 of the 3 trustees"):
        rekey(world)
    objects = set(world.store.objects)
    world.down(HOSPITAL_C)
    with pytest.raises(TrusteeError, match="2 of the 3 trustees"):
        rekey(world)
    assert set(world.store.objects) == objects, "what is announced is announced once, and no pack is sealed in vain"
    assert live(world) == [1, 2]
    assert fetched(world) == contents(world.files), "the study opens as before meanwhile"
    world.down()
    assert rekey(world).revision == 3
    assert fetched(world) == contents(world.files)


def test_one_that_is_down_is_done_without_where_enough_others_hold_the_new_keys() -> None:
    world = dealt(2, 4)
    _, old = documents(world)
    world.down(HOSPITAL_B, HOSPITAL_C)
    with pytest.raises(TrusteeError, match="2 of the 3 trustees"):
        rekey(world)
    world.down(HOSPITAL_C)
    done = rekey(world)
    assert (done.revision, done.destroyed, done.waiting) == (3, (1, 2, 4), (HOSPITAL_C,))
    assert fetched(world) == contents(world.files)
    world.down()
    world.clock.advance(60)
    assert (world.deliver_rest.run(), world.tell_destroy.run()) == (0, 0)
    _, new = documents(world)
    assert (holds(world, old, HOSPITAL_C), holds(world, new, HOSPITAL_C)) == (False, True)


def test_shares_of_old_keys_are_not_destroyed_while_a_revision_that_they_open_is_not_withdrawn() -> None:
    world = dealt()
    world.steps = MemorySteps("rekey.anchored")
    with pytest.raises(Stopped):
        rekey(world)
    world.restart()
    announced, old = documents(world, 2)
    destroy = Destroy(world.study_id, HOSPITAL_A, HOSPITAL_C, announced.custody)
    signed = SignedDestroy(destroy, world.broker_sign.sign(world.domains.digest(destroy)))
    with pytest.raises(DeniedError) as refused:
        world.others[HOSPITAL_C].destroy(signed)
    assert refused.value.reason == "CUSTODY_NOT_MOVED"
    assert world.tell_destroy.run() == 3, "nor does the custodian's broker have it done"
    assert holds(world, old, HOSPITAL_C)
    rekey(world)
    assert not holds(world, old, HOSPITAL_C)


def test_a_study_whose_keys_are_moved_to_others_is_re_keyed_once_they_are() -> None:
    world = dealt()
    two = CustodyRule(2, (1, 2))
    world.steps = MemorySteps("custody.announced")
    with pytest.raises(Stopped):
        world.move_custody.run(world.study_id, two, world.registrar)
    world.restart()
    with pytest.raises(InputError, match="move-custody"):
        rekey(world)
    with pytest.raises(InputError, match="no such series"):
        rekey(world, 7)
    world.move_custody.run(world.study_id, two, world.registrar)
    assert rekey(world).revision == 5
    assert documents(world)[1].rule == two
    assert fetched(world) == contents(world.files)


def test_what_another_institution_alone_opens_is_re_keyed_with_its_share() -> None:
    world = dealt(1, 1, members=3)
    world.move_custody.run(world.study_id, CustodyRule(1, (HOSPITAL_B,)), world.registrar)
    assert rekey(world).destroyed == (HOSPITAL_B,)
    assert fetched(world) == contents(world.files)


def test_killed_at_any_step_the_same_call_finishes_it() -> None:
    def check(world: Consortium, point: str) -> None:
        assert isinstance(world, Trustees)
        assert fetched(world) == contents(world.files), point
        done = rekey(world, 1)
        assert done.revision == (5 if point == "rekey.confirmed" else 3), point
        assert live(world) == [done.revision], point
        world.clock.advance(60)
        assert (world.deliver_rest.run(), world.tell_destroy.run()) == (0, 0), point
        for each in (1, 2):
            with pytest.raises(KeyMissingError):
                shares(world, 1, revision=each)
        assert len(shares(world, 2, revision=1)) == len(EVERYBODY), point
        assert fetched(world) == contents(world.files), point
        assert world.audit.run().findings == (), point

    hit = crashed_everywhere(dealt, lambda world: rekey(world, 1), check)
    announced = {"custody.announced", "custody.collected", "custody.attested"}
    assert announced | {"rekey.proposed", "rekey.anchored", "rekey.withdrawn", "rekey.confirmed"} <= set(hit)
