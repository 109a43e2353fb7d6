"""Keys move to other trustees, on the word of a revision in which no image changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core.formats.manifest import Manifest
from fiducia.core.keys.custody import Custody, CustodyRule, custody_digest
from fiducia.core.keys.sealing import key_hash
from fiducia.core.tlog.attestation import parse_attested, parse_destroyed
from fiducia.core.tlog.checkpoint import origin_of
from fiducia.core.tlog.note import Note
from fiducia.core.tlog.signing import LogKey, require_attested
from fiducia.core.typed_data import Contract
from fiducia.errors import (
    DeniedError,
    InputError,
    KeyMissingError,
    LedgerNotFinalError,
    ShareError,
    SignatureError,
    TrusteeError,
)
from fiducia.journeys.custody.moving_custody import MovedCustody
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.trustees.shares import share_of
from fiducia.records.images import HandOver
from fiducia.records.statements import Collect, Destroy, SignedCollect, SignedDestroy
from tests.journeys.test_crashes import crashed_everywhere
from tests.support.altered import altered
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, contents
from tests.support.trustees import HOSPITAL_C, Answering, Down, Trustees, dealt

TWO_OF_THREE = CustodyRule(2, (1, 2, 3))


def documents(world: Trustees, revision: int = 0) -> tuple[Manifest, Custody]:
    study = world.mirror.catch_up().study(world.study_id)
    assert study is not None
    found = study.at(revision or study.revision)
    assert found is not None
    manifest = read_manifest(world.store, found.manifest)
    return manifest, read_custody(world.store, manifest)


def holds(world: Trustees, custody: Custody, institution: int) -> bool:
    """Whether a trustee still has a share of a deal."""
    vault = world.vault if institution == HOSPITAL_A else world.others[institution].vault
    try:
        for series in custody.series:
            share_of(vault, custody, custody.share_index(institution), series.number, series.sealed_in)
    except KeyMissingError:
        return False
    return True


def fetched(world: Trustees) -> list[bytes]:
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination)
    return sorted(destination.visible.values())


def moved(world: Trustees, rule: CustodyRule) -> MovedCustody:
    return world.move_custody.run(world.study_id, rule, world.registrar)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CustodyRule(1, (1,)), TWO_OF_THREE),
        (TWO_OF_THREE, CustodyRule(1, (1,))),
        (TWO_OF_THREE, CustodyRule(2, (2, 3))),
        (TWO_OF_THREE, CustodyRule(3, (3, 2, 1))),
        (CustodyRule(1, (1, 2)), CustodyRule(1, (2, 3))),
        (CustodyRule(1, (1,)), CustodyRule(1, (2,))),
    ],
    ids=str,
)
def test_keys_move_and_no_image_does(before: CustodyRule, after: CustodyRule) -> None:
    world = dealt(before.threshold, len(before.trustees), members=3)
    first, old = documents(world)
    objects = set(world.store.objects)
    done = moved(world, after)
    assert (done.changed, done.revision, done.waiting) == (True, 3, ())
    last, new = documents(world)
    assert last.series == first.series
    assert new.rule == after
    assert new.moves_to is None
    assert len(set(world.store.objects) - objects) == 4, "two manifests and two custody documents, and nothing else"
    assert fetched(world) == contents(world.files)
    for institution in after.trustees:
        assert holds(world, new, institution)
    kept = {n for n in before.trustees if holds(world, old, n)}
    shared = {
        n
        for n in set(before.trustees) & set(after.trustees)
        if old.share_id(1, 1, old.share_index(n)) == new.share_id(1, 1, new.share_index(n))
    }
    assert kept == shared, "nobody keeps a share of before, but for one that is the same now"
    assert world.audit.run().findings == ()
    again = moved(world, after)
    assert (again.changed, again.revision) == (False, 3)


def test_an_order_that_another_process_of_the_hospital_carried_out_meanwhile_is_done() -> None:
    world = dealt()
    world.changed = {HOSPITAL_C: Down()}
    assert moved(world, CustodyRule(2, (1, 2))).waiting == (HOSPITAL_C,)
    world.changed = {}
    slow, names = world.tell_destroy, world.vault.names

    def carried_out_meanwhile(prefix: str) -> tuple[str, ...]:
        found = names(prefix)
        world.vault.names = names  # type: ignore[method-assign]
        assert world.tell_destroy.run() == 0
        return found

    world.vault.names = carried_out_meanwhile  # type: ignore[method-assign]
    assert slow.tell(world.study_id) == ((HOSPITAL_C,), ())


def test_everybody_sees_it_announced_before_anything_is_collected() -> None:
    world = dealt()
    world.steps = MemorySteps("custody.announced")
    with pytest.raises(Stopped):
        moved(world, CustodyRule(2, (1, 2)))
    _, custody = documents(world)
    assert custody.rule == TWO_OF_THREE
    assert custody.moves_to == CustodyRule(2, (1, 2))
    world.restart()
    assert fetched(world) == contents(world.files), "and the study opens as before meanwhile"


def test_old_shares_are_destroyed_with_attestation_or_told_again() -> None:
    world = dealt()
    _, old = documents(world)

    def away(_: SignedDestroy) -> Note:
        raise TrusteeError("away")

    world.changed = {HOSPITAL_C: Answering(world.honest(HOSPITAL_C), destroy=away)}
    done = moved(world, CustodyRule(2, (1, 2)))
    assert (done.destroyed, done.waiting) == ((1, 2), (3,))
    assert holds(world, old, HOSPITAL_C)
    world.restart()
    world.down()
    assert world.tell_destroy.run() == 0
    assert not holds(world, old, HOSPITAL_C)
    assert world.vault.names("destroy/") == ()
    notes = [parse_attested(entry.body.encode()) for entry in world.journal.entries("share_destroyed")]
    (note,) = (each for each in notes if parse_destroyed(each.text).trustee == HOSPITAL_C)
    said = parse_destroyed(note.text)
    _, announced = documents(world, 2)
    assert (said.study_id, said.custody) == (world.study_id, custody_digest(announced.to_bytes()))
    require_attested(note, origin_of(world.domains, HOSPITAL_C), world.others[HOSPITAL_C].log.public)


def test_an_attestation_that_another_key_signed_is_asked_for_again() -> None:
    """A trustee's broker whose LOG key is not the published one, or who attests for another ledger or document."""
    world = dealt()
    honest = world.honest(HOSPITAL_C)
    name = origin_of(world.domains, HOSPITAL_C)

    def changed(**changes: object) -> Callable[[SignedDestroy], Note]:
        def destroy(order: SignedDestroy) -> Note:
            said = dataclasses.replace(parse_destroyed(honest.destroy(order).text), **changes)  # type: ignore[arg-type]
            return world.others[HOSPITAL_C].log.attest(name, said)

        return destroy

    def strange(order: SignedDestroy) -> Note:
        return LogKey(b"x" * 32).attest(name, parse_destroyed(honest.destroy(order).text))

    def letter(order: SignedDestroy) -> Note:
        return Note("a letter\n", honest.destroy(order).signatures)

    studies = world.domains.of(Contract.STUDIES)
    for lie in (
        strange,
        letter,
        changed(custody=bytes(32)),
        changed(trustee=HOSPITAL_B),
        changed(domain=dataclasses.replace(studies, chain_id=studies.chain_id + 1)),
        changed(destroyed_at=world.clock.now() + 366 * DAY_S),  # when its key will have ended
    ):
        world.changed = {HOSPITAL_C: Answering(honest, destroy=lie)}
        if lie is strange:
            assert moved(world, CustodyRule(2, (1, 2))).waiting == (HOSPITAL_C,)
        world.clock.advance(60)
        assert world.tell_destroy.run() == 1
    world.down()
    world.clock.advance(60)
    assert world.tell_destroy.run() == 0


def test_a_move_goes_on_with_one_trustee_down_and_not_with_two() -> None:
    world = dealt()
    world.down(HOSPITAL_B, HOSPITAL_C)
    with pytest.raises(TrusteeError, match="1 of the 2"):
        moved(world, CustodyRule(1, (1,)))
    world.down(HOSPITAL_C)
    done = moved(world, CustodyRule(1, (1,)))
    assert done.waiting == (3,)
    assert fetched(world) == contents(world.files)


def test_a_trustee_that_does_not_see_what_was_announced_yet_is_asked_again() -> None:
    world = dealt()
    behind = [LedgerNotFinalError("not yet"), LedgerNotFinalError("not yet")]

    def collect(signed: SignedCollect) -> HandOver:
        if behind:
            raise behind.pop()
        return world.honest(HOSPITAL_C).collect(signed)

    with pytest.raises(LedgerNotFinalError):
        world.others[HOSPITAL_C].collect(collect_of(world, 2))
    world.changed = {HOSPITAL_B: Down(), HOSPITAL_C: Answering(world.honest(HOSPITAL_C), collect=collect)}
    assert moved(world, CustodyRule(1, (1,))).waiting == (HOSPITAL_B,)
    assert behind == []


def test_trustees_that_lie_to_the_custodian_are_named() -> None:
    world = dealt()

    def lie(signed: SignedCollect) -> HandOver:
        handed = world.honest(signed.collect.trustee).collect(signed)
        return dataclasses.replace(handed, sealed=altered(handed.sealed))

    world.changed = {
        HOSPITAL_B: Answering(world.honest(HOSPITAL_B), collect=lie),
        HOSPITAL_C: Answering(world.honest(HOSPITAL_C), collect=lie),
    }
    with pytest.raises(ShareError, match="institution"):
        moved(world, CustodyRule(1, (1,)))


def collect_of(world: Trustees, revision: int, custodian: int = HOSPITAL_A) -> SignedCollect:
    sign = world.broker_sign if custodian == HOSPITAL_A else world.others[custodian].sign
    recipient = world.broker_kem if custodian == HOSPITAL_A else world.others[custodian].kem
    collect = Collect(world.study_id, revision, custodian, HOSPITAL_C, key_hash(recipient.public))
    return SignedCollect(collect, sign.sign(world.domains.digest(collect)))


def test_the_custodians_broker_alone_collects_nothing() -> None:
    """A stolen broker of the custodian asks in vain: it takes the registrar's word on the ledger."""
    world = dealt()
    trustee = world.others[HOSPITAL_C]
    with pytest.raises(DeniedError) as refused:
        trustee.collect(collect_of(world, 1))
    assert refused.value.reason == "CUSTODY_NOT_MOVED"
    world.steps = MemorySteps("custody.announced")
    with pytest.raises(Stopped):
        moved(world, CustodyRule(2, (1, 2)))
    with pytest.raises(DeniedError):
        trustee.collect(collect_of(world, 1))
    with pytest.raises(DeniedError) as refused:
        trustee.collect(collect_of(world, 2, HOSPITAL_B))
    assert refused.value.reason == "NOT_OWN_STUDY"
    signed = collect_of(world, 2)
    with pytest.raises(SignatureError):
        trustee.collect(dataclasses.replace(signed, signature=world.issuer.sign(bytes(32))))
    with pytest.raises(InputError):
        world.others[HOSPITAL_B].collect(signed)
    other = dataclasses.replace(signed.collect, recipient=key_hash(world.gateway.public))
    with pytest.raises(DeniedError) as refused:
        trustee.collect(SignedCollect(other, world.broker_sign.sign(world.domains.digest(other))))
    assert refused.value.reason == "RECIPIENT_UNPUBLISHED"
    assert trustee.collect(signed).trustee == HOSPITAL_C


def test_shares_that_open_the_study_are_not_destroyed() -> None:
    world = dealt()
    manifest, custody = documents(world)
    destroy = Destroy(world.study_id, HOSPITAL_A, HOSPITAL_C, manifest.custody)
    signed = SignedDestroy(destroy, world.broker_sign.sign(world.domains.digest(destroy)))
    with pytest.raises(DeniedError) as refused:
        world.others[HOSPITAL_C].destroy(signed)
    assert refused.value.reason == "CUSTODY_NOT_MOVED"
    assert holds(world, custody, HOSPITAL_C)


def test_only_its_own_hospital_moves_a_study() -> None:
    world = dealt()
    with pytest.raises(InputError, match="no such study"):
        world.move_custody.run(bytes(32), TWO_OF_THREE, world.registrar)
    move = world.move_custody
    move._custodian = HOSPITAL_B
    with pytest.raises(InputError, match="own hospital"):
        move.run(world.study_id, CustodyRule(1, (1,)), world.registrar)


def test_a_move_that_crashes_is_finished_by_the_same_call() -> None:
    rule = CustodyRule(2, (1, 2))

    def check(world: Trustees, point: str) -> None:
        assert fetched(world) == contents(world.files), point
        moved(world, rule)
        world.clock.advance(60)
        assert world.tell_destroy.run() == 0, point
        last, custody = documents(world)
        first, old = documents(world, 1)
        assert (custody.rule, custody.moves_to, last.series) == (rule, None, first.series), point
        assert [holds(world, old, n) for n in (1, 2, 3)] == [False] * 3, point
        assert fetched(world) == contents(world.files), point
        world.add_series(1, series_number=3)
        (study,) = world.run_register().studies
        assert (study.series, study.revision) == (3, last.revision + 1), point
        assert world.audit.run().findings == (), point

    points = crashed_everywhere(
        lambda: dealt(),
        lambda world: moved(world, rule),  # type: ignore[arg-type]
        check,  # type: ignore[arg-type]
    )
    assert {"custody.announced", "custody.collected", "custody.dealt", "custody.moved", "custody.attested"} <= set(
        points
    )


@pytest.mark.parametrize("point", ["destroy.forgotten", "destroy.journalled", "collect.journalled"])
def test_a_trustee_that_crashes_is_asked_again(point: str) -> None:
    world = dealt()
    _, old = documents(world)
    world.others[HOSPITAL_C]._steps = MemorySteps(point)
    with pytest.raises(Stopped):
        moved(world, CustodyRule(1, (1,)))
        raise Stopped(point)  # the two others were quicker than the one that crashed
    world.others[HOSPITAL_C]._steps = MemorySteps()
    world.restart()
    moved(world, CustodyRule(1, (1,)))
    assert not holds(world, old, HOSPITAL_C)
    assert fetched(world) == contents(world.files)


def test_a_fetch_that_was_interrupted_before_the_move_asks_anew() -> None:
    world = dealt()
    world.steps = MemorySteps("fetch.asked")
    with pytest.raises(Stopped):
        world.run_fetch(world.study_id, MemoryDestination())
    world.restart()
    moved(world, CustodyRule(2, (2, 3)))
    assert fetched(world) == contents(world.files)
