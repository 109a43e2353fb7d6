"""`ports.Ledger`: one suite for the ledger in memory and the one on a real chain."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.core import ids, rules
from fiducia.core.policy import decide, verify_access
from fiducia.errors import (
    DeniedError,
    FiduciaError,
    InputError,
    LedgerStaleError,
    LedgerUnreachableError,
    SignatureError,
)
from fiducia.records import events
from fiducia.records.ledger import Act, AdmitAct, AnchorAct, GrantState, KeyKind, Receipt, RecordAct
from fiducia.records.typed import Access
from tests.ports.conftest import World
from tests.support.signers import A, B, Scene, Signers, key, prepare, study_of


@pytest.fixture
def scene(world: World) -> Scene:
    """Keys published, a patient enrolled, a study anchored, a grant given."""
    return prepare(world.ledger, world.c)


def kinds(receipt: Receipt) -> list[str]:
    """Return the names of a receipt's events."""
    return [type(event).__name__ for event in receipt.events]


def told_once(world: World, kind: type[events.LedgerEvent]) -> int:
    """Count the ledger's events of a kind."""
    found = world.ledger.events(world.first_block, world.ledger.head().number)
    return sum(isinstance(event, kind) for event in found)


# -- members


def test_a_majority_admits_an_institution(world: World) -> None:
    receipt = world.ledger.submit(world.c.admit("governor 3"))
    (event,) = receipt.events
    assert isinstance(event, events.MemberAdmitted)
    assert (event.institution, event.governor, event.region, event.exports) == (3, key("governor 3").address, 3, 8)
    assert event.block_number == receipt.head.number
    assert event.time_at == receipt.head.time_at


def test_the_same_admission_again_is_success(world: World) -> None:
    act = world.c.admit("governor 3")
    world.ledger.submit(act)
    world.ledger.submit(act)
    assert told_once(world, events.MemberAdmitted) == 3


def altered_vote(c: Signers) -> AdmitAct:
    """An admission whose second vote is the first one's."""
    act = c.admit("governor 3")
    (one, signature), (two, _) = act.approvals
    return replace(act, approvals=((one, signature), (two, signature)))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda c: c.admit("governor 3", voters=(1,)), InputError),
        (lambda c: c.admit("governor 3", voters=(2, 1)), InputError),
        (lambda c: c.admit("governor 3", round=2), InputError),
        (lambda c: c.admit("governor 2"), InputError),
        (altered_vote, SignatureError),
    ],
    ids=["no majority", "unsorted", "another round", "governs already", "a foreign vote"],
)
def test_an_admission_is_refused(world: World, make: Callable[[Signers], AdmitAct], error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        world.ledger.submit(make(world.c))
    assert type(caught.value) is error
    assert told_once(world, events.MemberAdmitted) == 2


def test_a_key_is_published_and_ended_sooner_but_never_later(world: World) -> None:
    c = world.c
    later, sooner = c.now + 300, c.now + 200
    (event,) = world.ledger.submit(c.publish(A, KeyKind.LOG, b"a log's key", until=later, endpoint="https://é")).events
    assert isinstance(event, events.KeyPublished)
    assert (event.key, event.endpoint, event.not_after) == (b"a log's key", "https://é", later)
    world.ledger.submit(c.publish(A, KeyKind.LOG, b"a log's key", until=sooner))
    world.ledger.submit(c.publish(A, KeyKind.LOG, b"a log's key", until=sooner))
    with pytest.raises(InputError, match="never moves later"):
        world.ledger.submit(c.publish(A, KeyKind.LOG, b"a log's key", until=later))
    assert told_once(world, events.KeyPublished) == 2


def test_only_the_governor_publishes(world: World) -> None:
    act = world.c.publish(A, KeyKind.LOG, b"a log's key")
    with pytest.raises(SignatureError):
        world.ledger.submit(replace(act, signature=world.c.sign(key("governor 2"), act.publish)))


def test_badges_end_one_by_one_or_all_at_once(world: World, scene: Scene) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    world.ledger.submit(RecordAct(access))
    for act in (scene.c.withdraw_person(scene.c.person), scene.c.raise_badge_epoch(B)):
        world.ledger.submit(act)
        world.ledger.submit(act)
    assert told_once(world, events.PersonWithdrawn) == 1
    assert told_once(world, events.BadgeEpochRaised) == 1
    facts = world.ledger.facts(access)
    assert (facts.person_withdrawn, facts.badge_epoch) == (True, 2)
    assert world.ledger.are_open([access.request])[1] == (False,)


# -- subjects and studies


def test_an_enrolment_needs_both_signatures(world: World) -> None:
    c = world.c
    for publication in c.published():
        world.ledger.submit(publication)
    act = c.enrol()
    for bad in (
        replace(act, registrar_signature=c.sign(key("somebody"), act.enrol)),
        replace(act, signature=c.sign(key("somebody"), act.enrol)),
        replace(act, signer=key("somebody").address),
    ):
        with pytest.raises(InputError):
            world.ledger.submit(bad)
    (event,) = world.ledger.submit(act).events
    assert isinstance(event, events.SubjectEnrolled)
    assert (event.subject, event.custodian) == (c.subject, A)
    world.ledger.submit(act)
    assert told_once(world, events.SubjectEnrolled) == 1


def test_a_signer_serves_one_subject(world: World, scene: Scene) -> None:
    twin = Signers(world.domains, world.now, seed="twin")
    twin.patient = scene.c.patient
    with pytest.raises(InputError, match="serves another"):
        world.ledger.submit(twin.enrol())


@pytest.mark.parametrize("count", [1, 2, 7])
def test_studies_are_anchored_under_one_signature(world: World, scene: Scene, count: int) -> None:
    act = scene.c.anchor(count)
    receipt = world.ledger.submit(act)
    found = [event for event in receipt.events if isinstance(event, events.StudyAnchored)]
    assert [event.study_id for event in found] == [study_of(act, place) for place in range(count)]
    assert [event.manifest for event in found] == [anchor.manifest for anchor in act.anchors]
    world.ledger.submit(act)
    assert told_once(world, events.StudyAnchored) == count + 1


def test_an_anchor_with_other_content_is_refused(world: World, scene: Scene) -> None:
    act = scene.c.anchor()
    world.ledger.submit(act)
    other = replace(act.anchors[0], manifest=bytes([1]) * 32)
    with pytest.raises(InputError, match="other content"):
        world.ledger.submit(AnchorAct((other,), scene.c.sign(scene.c.registrar, other)))


def test_an_anchor_by_a_stranger_is_refused(world: World, scene: Scene) -> None:
    act = scene.c.anchor()
    with pytest.raises(SignatureError):
        world.ledger.submit(replace(act, signature=scene.c.sign(key("somebody"), act.anchors[0])))
    with pytest.raises(SignatureError):
        world.ledger.submit(replace(act, signature=b""))


def test_an_anchor_for_an_unknown_subject_is_refused(world: World, scene: Scene) -> None:
    stranger = Signers(world.domains, world.now, seed="never enrolled")
    with pytest.raises(InputError, match="not enrolled"):
        world.ledger.submit(stranger.anchor())


def test_revisions_rise_by_one(world: World, scene: Scene) -> None:
    act = scene.c.revise(scene.study_id, 2)
    (event,) = world.ledger.submit(act).events
    assert isinstance(event, events.StudyRevised)
    assert (event.revision, event.manifest) == (2, act.revise.manifest)
    world.ledger.submit(act)
    with pytest.raises(InputError, match="not the next one"):
        world.ledger.submit(scene.c.revise(scene.study_id, 4))
    assert told_once(world, events.StudyRevised) == 1


# -- grants


def test_a_grant_is_given_once(world: World, scene: Scene) -> None:
    act = scene.c.grant(scene.study_id)
    (event,) = world.ledger.submit(act).events
    assert isinstance(event, events.GrantGiven)
    assert (event.grant_id, event.grant, event.expiry_at) == (ids.grant_id(act.grant), act.grant, act.grant.not_after)
    world.ledger.submit(act)
    assert told_once(world, events.GrantGiven) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": rules.Basis.CARE},
        {"purposes": 0},
        {"purposes": rules.mask(rules.Purpose.PUBHLTH)},
        {"actions": 0},
        {"actions": 1 << 5},
        {"not_after": 1},
        {"relay_by": 1},
        {"epoch": 2},
        {"grantee": bytes(32)},
        {"subject": bytes(20)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_grant_is_refused_for_what_it_says(world: World, scene: Scene, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        world.ledger.submit(scene.c.grant(scene.study_id, **changes))
    assert told_once(world, events.GrantGiven) == 1


def test_only_the_patient_gives(world: World, scene: Scene) -> None:
    act = scene.c.grant(scene.study_id)
    (approval,) = act.approvals
    stranger = key("somebody")
    forged = replace(approval, signature=scene.c.sign(stranger, act.grant))
    for bad in (forged, replace(forged, signer=stranger.address), replace(approval, signer=b"\1" * 32)):
        with pytest.raises(SignatureError):
            world.ledger.submit(replace(act, approvals=(bad,)))
    with pytest.raises(InputError):
        world.ledger.submit(replace(act, approvals=()))


REVOKERS: dict[str, Callable[[Scene], Act]] = {
    "the patient": lambda scene: scene.c.revoke(scene.grant),
    "a registrar": lambda scene: scene.c.revoke(scene.grant, by=scene.c.registrar),
    "the grantee": lambda scene: scene.c.revoke_as_grantee(scene.grant),
}


@pytest.mark.parametrize("who", REVOKERS)
def test_whoever_has_standing_revokes(world: World, scene: Scene, who: str) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    world.ledger.submit(RecordAct(access))
    assert world.ledger.are_open([access.request])[1] == (True,)
    act = REVOKERS[who](scene)
    (event,) = world.ledger.submit(act).events
    assert isinstance(event, events.GrantRevoked)
    assert event.grant_id == ids.grant_id(scene.grant)
    assert world.ledger.are_open([access.request])[1] == (False,)
    assert world.ledger.facts(access).grant_state is GrantState.REVOKED
    world.ledger.submit(act)
    assert told_once(world, events.GrantRevoked) == 1


def test_a_stranger_does_not_revoke(world: World, scene: Scene) -> None:
    with pytest.raises(SignatureError, match="no standing"):
        world.ledger.submit(scene.c.revoke(scene.grant, by=key("somebody")))


def test_a_grant_revoked_before_it_was_carried_never_lives(world: World, scene: Scene) -> None:
    act = scene.c.grant(scene.study_id)
    world.ledger.submit(scene.c.revoke(act.grant))
    with pytest.raises(InputError, match="never lives again"):
        world.ledger.submit(act)
    world.ledger.submit(scene.c.revoke(act.grant))
    assert told_once(world, events.GrantRevoked) == 1
    facts = world.ledger.facts(scene.c.access(scene.study_id, act.grant))
    assert (facts.grant_state, facts.grant_expiry_at) == (GrantState.REVOKED, 0)


def test_revoking_all_ends_the_epoch(world: World, scene: Scene) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    world.ledger.submit(RecordAct(access))
    act = scene.c.revoke_all()
    (event,) = world.ledger.submit(act).events
    assert isinstance(event, events.EpochRaised)
    assert (event.subject, event.epoch) == (scene.c.subject, 2)
    world.ledger.submit(act)
    assert told_once(world, events.EpochRaised) == 1
    assert world.ledger.are_open([access.request])[1] == (False,)
    with pytest.raises(DeniedError) as caught:
        world.ledger.submit(RecordAct(scene.c.access(scene.study_id, scene.grant)))
    assert caught.value.reason == "GRANT_EPOCH"


# -- releases


def test_a_release_is_recorded_once(world: World, scene: Scene) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    assert world.ledger.are_open([access.request])[1] == (False,)
    receipt = world.ledger.submit(RecordAct(access))
    (event,) = receipt.events
    assert isinstance(event, events.ReleaseRecorded)
    assert event.request_id == ids.request_id(access.request)
    assert (event.institution, event.badge_epoch) == (B, 1)
    assert event.lapse_at == access.request.not_after
    facts = world.ledger.facts(access)
    assert (facts.request_recorded_at, facts.request_lapse_at) == (receipt.head.time_at, event.lapse_at)
    world.ledger.submit(RecordAct(access))
    assert told_once(world, events.ReleaseRecorded) == 1
    head, opened = world.ledger.are_open([access.request, scene.c.request(scene.study_id, scene.grant)])
    assert opened == (True, False)
    assert head.number >= receipt.head.number


def test_a_recorded_release_is_success_again_after_the_grant_ended(world: World, scene: Scene) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    world.ledger.submit(RecordAct(access))
    world.ledger.submit(scene.c.revoke(scene.grant))
    world.ledger.submit(RecordAct(access))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"study_id": bytes(32)}, "STUDY_UNKNOWN"),
        ({"revision": 2}, "REVISION_UNKNOWN"),
        ({"grant_id": bytes([1]) * 32}, "GRANT_MISMATCH"),
        ({"purpose": rules.Purpose.HRESCH}, "PURPOSE_NOT_GRANTED"),
        ({"action": rules.Action.DERIVE}, "ACTION_NOT_GRANTED"),
        ({"recipient": bytes([1]) * 32}, "RECIPIENT_UNPUBLISHED"),
        ({"not_after": 1}, "REQUEST_WINDOW"),
        ({"person": bytes([0, 0, 0, 2]) + bytes(28)}, "PERSON_MISMATCH"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_request_is_refused_with_the_contracts_first_reason(
    world: World, scene: Scene, changes: dict[str, Any], reason: str
) -> None:
    access = scene.c.access(scene.study_id, scene.grant, **changes)
    with pytest.raises(DeniedError) as caught:
        world.ledger.submit(RecordAct(access))
    assert caught.value.reason == reason
    verified = verify_access(world.domains, access)
    assert decide(access, world.ledger.facts(access), verified).denial == reason
    assert told_once(world, events.ReleaseRecorded) == 0


def test_many_at_once_each_get_their_own_answer(world: World, scene: Scene) -> None:
    good = [scene.c.access(scene.study_id, scene.grant) for _ in range(12)]
    bad = [scene.c.access(scene.study_id, scene.grant, revision=9) for _ in range(2)]
    forged = [replace(scene.c.access(scene.study_id, scene.grant), signature=bytes(65))]
    twice = [good[0]]
    answers = at_once(world, [*good, *bad, *forged, *twice])
    for access, answer in zip([*good, *twice], [*answers[:12], answers[-1]], strict=True):
        assert isinstance(answer, Receipt)
        assert [event.request_id for event in answer.events if isinstance(event, events.ReleaseRecorded)] in (
            [ids.request_id(access.request)],
            [],
        )
    reasons = [answer.reason for answer in answers if isinstance(answer, DeniedError)]
    assert reasons == ["REVISION_UNKNOWN", "REVISION_UNKNOWN", "REQUEST_SIGNATURE"]
    assert told_once(world, events.ReleaseRecorded) == 12
    assert all(world.ledger.are_open([access.request for access in good])[1])


def at_once(world: World, accesses: list[Any]) -> list[Receipt | FiduciaError]:
    """Record from as many threads as there are accesses."""
    answers: list[Receipt | FiduciaError | None] = [None] * len(accesses)

    def record(place: int) -> None:
        try:
            answers[place] = world.ledger.submit(RecordAct(accesses[place]))
        except FiduciaError as error:
            answers[place] = error

    threads = [threading.Thread(target=record, args=(place,)) for place in range(len(accesses))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return [answer for answer in answers if answer is not None]


def test_the_patients_own_access(world: World, scene: Scene) -> None:
    access = scene.c.own_access(scene.study_id)
    (event,) = world.ledger.submit(RecordAct(access)).events
    assert isinstance(event, events.ReleaseRecorded)
    assert (event.institution, event.grant_id, event.person) == (0, bytes(32), bytes(32))
    world.ledger.submit(RecordAct(access))
    assert told_once(world, events.ReleaseRecorded) == 1
    assert world.ledger.are_open([access.request])[1] == (True,)
    world.ledger.submit(scene.c.revoke_all())
    assert world.ledger.are_open([access.request])[1] == (False,)


@pytest.mark.parametrize(
    ("by", "changes", "reason"),
    [
        ("somebody", {}, "OWN_SIGNER"),
        ("", {"purpose": rules.Purpose.TREAT}, "OWN_PURPOSE"),
        ("", {"study_id": bytes(32)}, "STUDY_UNKNOWN"),
    ],
)
def test_own_access_is_refused(world: World, scene: Scene, by: str, changes: dict[str, Any], reason: str) -> None:
    access = scene.c.own_access(scene.study_id, by=key(by) if by else None, **changes)
    with pytest.raises(DeniedError) as caught:
        world.ledger.submit(RecordAct(access))
    assert caught.value.reason == reason
    assert decide(access, world.ledger.facts(access), verify_access(world.domains, access)).denial == reason


# -- reading


def accesses_of(scene: Scene) -> list[Access]:
    """Return requests of every kind: good, for nothing, by nobody, own."""
    return [
        scene.c.access(scene.study_id, scene.grant),
        scene.c.access(bytes(32), scene.grant, grant_id=bytes([7]) * 32, recipient=bytes(32)),
        replace(scene.c.access(scene.study_id, scene.grant), badge=scene.c.badge(institution=9)),
        scene.c.own_access(scene.study_id),
        scene.c.own_access(scene.study_id, by=key("somebody")),
    ]


def test_facts_are_those_that_the_events_tell(world: World, scene: Scene) -> None:
    world.ledger.submit(scene.c.revise(scene.study_id, 2))
    accesses = accesses_of(scene)
    for act in (RecordAct(accesses[0]), RecordAct(accesses[3]), scene.c.revoke(scene.grant), scene.c.revoke_all()):
        world.ledger.submit(act)
        for access in accesses:
            facts = world.ledger.facts(access)
            told = MemoryMirror(world.ledger, world.first_block).catch_up()
            replayed = told.facts(access, verify_access(world.domains, access))
            # A block may have come between the two; it holds no event.
            assert replace(facts, head=replayed.head) == replayed


def test_events_come_in_order_with_their_blocks_times(world: World, scene: Scene) -> None:
    last = world.ledger.submit(RecordAct(scene.c.access(scene.study_id, scene.grant))).head
    found = list(world.ledger.events(world.first_block, last.number))
    places = [(event.block_number, event.log_index) for event in found]
    assert places == sorted(set(places))
    assert found[-1].time_at == last.time_at
    half = found[len(found) // 2].block_number
    split = [*world.ledger.events(world.first_block, half), *world.ledger.events(half + 1, last.number)]
    assert split == found
    assert list(world.ledger.events(last.number + 1, last.number)) == []


def test_blocks_are_told_by_number(world: World, scene: Scene) -> None:
    head = world.ledger.head()
    assert world.ledger.block(head.number) == head


@pytest.mark.parametrize("shift_s", [3600, -3600])
def test_a_head_too_far_from_our_clock_is_refused(world: World, scene: Scene, shift_s: int) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    world.set_clock_wrong(shift_s)
    for call in (
        world.ledger.head,
        lambda: world.ledger.facts(access),
        lambda: world.ledger.are_open([access.request]),
        lambda: world.ledger.submit(RecordAct(access)),
        lambda: world.ledger.submit(scene.c.revoke(scene.grant)),
    ):
        with pytest.raises(LedgerStaleError):
            call()


def test_a_chain_that_does_not_answer_is_named(world: World, scene: Scene) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    ledger = world.cut()
    for call in (
        ledger.head,
        lambda: ledger.facts(access),
        lambda: ledger.are_open([access.request]),
        lambda: ledger.submit(RecordAct(access)),
        lambda: list(ledger.events(0, 1)),
        lambda: ledger.block(1),
    ):
        with pytest.raises(LedgerUnreachableError):
            call()
