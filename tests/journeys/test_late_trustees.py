"""The chain stalls in an emergency, and it takes two of three trustees: the custodian's word, then each for itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.core import ids, wire
from fiducia.core.keys.custody import CustodyRule
from fiducia.core.replay import State
from fiducia.core.rules import REVIEW_WITHIN_S, Action, Basis, Purpose, mask
from fiducia.core.signatures import EoaKey
from fiducia.errors import (
    DeniedError,
    FiduciaError,
    InputError,
    JournalError,
    LedgerUnreachableError,
    ShareError,
    SignatureError,
    TrusteeError,
)
from fiducia.journeys.members.members import PublishKey, VoteOnMember
from fiducia.journeys.patients.notices import HANDED_OVER_LATE
from fiducia.journeys.reading.collecting import OpenedSeries
from fiducia.journeys.stalls.late_checks import NEAR_S
from fiducia.journeys.stalls.late_collecting import CollectInStall
from fiducia.journeys.stalls.late_records import SHARE_HANDED_OVER_LATE
from fiducia.journeys.trustees.blame import KeptBlames
from fiducia.records.images import HandOver
from fiducia.records.ledger import Head, KeyKind, RevokeAct
from fiducia.records.statements import EmergencyKeys, LateEmergency, SignedLate, StalledEmergency
from fiducia.records.typed import Approval, Late, Revoke, Suspend
from tests.journeys.test_late import emergency, stall, teams
from tests.support.brokers import MemberBroker
from tests.support.colleagues import open_emergency, team_of
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, Consortium, key
from tests.support.trustees import HOSPITAL_C, Answering, Down, Trustees, dealt


@pytest.fixture
def world() -> Trustees:
    return dealt()


@pytest.fixture
def asked(world: Trustees) -> StalledEmergency:
    """What a team signed; the chain stalls."""
    team = team_of(world)
    stall(world)
    return emergency(world, team)


def collect(world: Trustees) -> CollectInStall:
    return CollectInStall(
        broker_of=world.broker_of,
        mirror=world.mirror,
        store=world.store,
        clock=world.clock,
        domains=world.domains,
        blame=KeptBlames(world.gateway_vault).keep,
    )


def opened(world: Trustees, asked: StalledEmergency) -> list[int]:
    """How many instances of each series open."""
    return counted(collect(world).run(asked, world.gateway.seed))


def counted(series: tuple[OpenedSeries, ...]) -> list[int]:
    """Every byte of every instance is read and proved."""
    for each in series:
        for entry in each.opener.entries:
            assert sum(len(piece) for piece in each.opener.instance(entry.number)) == entry.original_bytes
    return [len(each.opener.entries) for each in series]


def kinds(broker: MemberBroker | Consortium) -> list[str]:
    return [entry.kind for entry in broker.journal.entries() if entry.kind.startswith("late_")]


def shown(world: Trustees, asked: StalledEmergency) -> LateEmergency:
    """The emergency with the custodian's word."""
    return LateEmergency(asked, world.broker.emergency(asked).late)


def word(world: Trustees, request_id: bytes, at: int, signer: Any = None) -> SignedLate:
    late = Late(request_id, at)
    return SignedLate(late, (signer or world.broker_sign).sign(world.domains.digest(late)))


class Fresh:
    """The view of a trustee whose chain gives blocks."""

    def __init__(self, world: Trustees) -> None:
        self._world = world

    def catch_up(self) -> State:
        state = self._world.mirror.state().copy()
        state.reach(Head(state.head.number + 1, bytes(31) + b"\1", self._world.clock.now()))
        return state

    def state(self) -> State:
        return self.catch_up()

    records = MemoryMirror.records


# -- two of three open


def test_two_of_three_open_a_study_while_the_chain_stalls(world: Trustees, asked: StalledEmergency) -> None:
    assert opened(world, asked) == [2, 1]
    request_id = ids.request_id(asked.access.request)
    assert kinds(world) == [HANDED_OVER_LATE]
    leaves = [entry for number in (2, 3) for entry in world.others[number].journal.entries(SHARE_HANDED_OVER_LATE)]
    assert leaves
    for leaf in leaves:
        assert leaf.subject_id == request_id
        kept = wire.decode(LateEmergency, leaf.body.encode())
        assert kept.emergency == asked
        assert kept.late.late == Late(request_id, world.clock.now())


@pytest.mark.parametrize("down", [HOSPITAL_B, HOSPITAL_C])
def test_one_trustee_down_is_done_without(world: Trustees, asked: StalledEmergency, down: int) -> None:
    world.down(down)
    assert opened(world, asked) == [2, 1]


def test_two_down_are_named(world: Trustees, asked: StalledEmergency) -> None:
    world.down(HOSPITAL_B, HOSPITAL_C)
    with pytest.raises(TrusteeError, match=r"1 of the 2 trustees.*institution 2: .*institution 3: .*") as short:
        opened(world, asked)
    assert short.value.exit_code == 4
    world.down()
    assert opened(world, asked) == [2, 1]  # the same emergency, sent again


def test_without_the_custodian_nobody_is_asked(world: Trustees, asked: StalledEmergency) -> None:
    world.down(HOSPITAL_A)
    with pytest.raises(TrusteeError, match=r"institution 1: .*custodian answers first"):
        opened(world, asked)
    assert [kinds(broker) for broker in world.others.values()] == [[], []]


def test_a_trustee_that_sees_no_stall_refuses_and_the_other_suffices(world: Trustees, asked: StalledEmergency) -> None:
    world.others[HOSPITAL_B].mirror = Fresh(world)
    with pytest.raises(DeniedError) as refused:
        world.honest(HOSPITAL_B).emergency_share(shown(world, asked))
    assert refused.value.reason == "NOT_STALLED"
    assert opened(world, asked) == [2, 1]
    assert kinds(world.others[HOSPITAL_B]) == []
    world.others[HOSPITAL_C].mirror = Fresh(world)
    with pytest.raises(DeniedError):  # more than n - t refuse
        opened(world, asked)


def test_a_refusal_of_the_custodians_is_one(world: Trustees) -> None:
    team = team_of(world)
    with pytest.raises(DeniedError) as refused:
        opened(world, emergency(world, team))
    assert refused.value.reason == "NOT_STALLED"
    assert [kinds(broker) for broker in world.others.values()] == [[], []]


@pytest.mark.parametrize(("threshold", "count"), [(1, 1), (1, 3)])
def test_where_the_custodian_suffices_nobody_else_is_asked(threshold: int, count: int) -> None:
    world = dealt(threshold, count)
    team = team_of(world)
    stall(world)
    world.down(HOSPITAL_B, HOSPITAL_C)
    asked = emergency(world, team)
    assert opened(world, asked) == [2, 1]
    assert all(kinds(broker) == [] for broker in world.others.values())


def test_with_one_trustee_its_error_is_the_answer() -> None:
    world = dealt(1, 1)
    team = team_of(world)
    stall(world)
    world.down(HOSPITAL_A)
    with pytest.raises(LedgerUnreachableError):
        opened(world, emergency(world, team))


def test_a_custodian_that_is_no_trustee_gives_its_word_alone() -> None:
    world = dealt(2, 3)
    world.move_custody.run(world.study_id, CustodyRule(2, (HOSPITAL_B, HOSPITAL_C)), world.registrar)
    team = team_of(world)
    stall(world)
    study = world.mirror.state().studies()[0]
    asked = emergency(world, team)
    request = dataclasses.replace(asked.access.request, revision=study.revision)
    access = dataclasses.replace(
        asked.access, request=request, signature=team[0].signer.sign(world.domains.digest(request))
    )
    asked = dataclasses.replace(asked, access=access)
    assert world.broker.emergency(asked).hand_over is None
    assert opened(world, asked) == [2, 1]


# -- who is blamed


def test_a_wrong_share_is_blamed_and_the_study_opens(world: Trustees, asked: StalledEmergency) -> None:
    def another(shown: LateEmergency) -> HandOver:
        handed = world.honest(HOSPITAL_C).emergency_share(shown)
        return dataclasses.replace(handed, trustee=HOSPITAL_B)

    world.changed = {HOSPITAL_B: Answering(world.honest(HOSPITAL_B), emergency_share=another), HOSPITAL_C: Down()}
    with pytest.raises(TrusteeError, match="institution 2"):
        opened(world, asked)
    (blame,) = KeptBlames(world.gateway_vault).all()
    assert (blame.trustee, blame.signed) == (HOSPITAL_B, False)
    del world.changed[HOSPITAL_C]
    assert opened(world, asked) == [2, 1]


def test_a_custodian_that_gives_another_word_is_named(world: Trustees, asked: StalledEmergency) -> None:
    def forged(given: StalledEmergency) -> EmergencyKeys:
        keys = world.honest(HOSPITAL_A).emergency(given)
        return dataclasses.replace(keys, late=dataclasses.replace(keys.late, signature=world.issuer.sign(bytes(32))))

    world.changed = {HOSPITAL_A: Answering(world.honest(HOSPITAL_A), emergency=forged)}
    with pytest.raises(ShareError, match="institution 1"):
        opened(world, asked)
    assert [kinds(broker) for broker in world.others.values()] == [[], []]


# -- what a trustee refuses


def words(world: Trustees, asked: StalledEmergency) -> dict[str, SignedLate]:
    now, about = world.clock.now(), ids.request_id(asked.access.request)
    return {
        "nobody's": SignedLate(Late(about, now), b""),
        "forged": word(world, about, now, EoaKey(b"\7" * 32)),
        "another institution's": word(world, about, now, world.others[HOSPITAL_C].sign),
        "another request's": word(world, bytes(32), now),
        "changed": dataclasses.replace(word(world, about, now), late=Late(about, now - 1)),
        "old": word(world, about, now - NEAR_S - 1),
        "to come": word(world, about, now + NEAR_S + 1),
        "before the stall": word(world, about, world.mirror.state().head.time_at - 1),
    }


@pytest.mark.parametrize(
    ("which", "error"),
    [
        ("nobody's", SignatureError),
        ("forged", SignatureError),
        ("another institution's", SignatureError),
        ("another request's", InputError),
        ("changed", SignatureError),
        ("old", InputError),
        ("to come", InputError),
        ("before the stall", InputError),
    ],
)
def test_without_the_custodians_word_nothing_is_handed_over(
    world: Trustees, asked: StalledEmergency, which: str, error: type[FiduciaError]
) -> None:
    trustee = world.honest(HOSPITAL_B)
    with pytest.raises(error):
        trustee.emergency_share(LateEmergency(asked, words(world, asked)[which]))
    assert kinds(world.others[HOSPITAL_B]) == []
    assert world.others[HOSPITAL_B].late.waiting() == ()


def test_a_key_that_the_custodian_ended_gives_no_word(world: Trustees) -> None:
    team = team_of(world)
    publish = PublishKey(ledger=world.ledger, domains=world.domains)
    publish.run(HOSPITAL_A, KeyKind.BROKER_SIGN, world.broker_sign.address, "", world.clock.now(), world.governor_a)
    stall(world)
    with pytest.raises(SignatureError, match="not the word"):
        world.honest(HOSPITAL_B).emergency_share(stolen(world, emergency(world, team)))


def test_a_custodian_that_is_suspended_gives_no_word(world: Trustees) -> None:
    team = team_of(world)
    suspend = Suspend(HOSPITAL_A, world.mirror.catch_up().round)
    governors = {HOSPITAL_B: world.governor_b, HOSPITAL_C: key(40 + HOSPITAL_C)}
    VoteOnMember(ledger=world.ledger, domains=world.domains).run(suspend, governors)
    stall(world)
    with pytest.raises(SignatureError, match="not the word"):
        world.honest(HOSPITAL_B).emergency_share(stolen(world, emergency(world, team)))


def test_the_custodian_does_not_answer_at_the_trustees_door(world: Trustees, asked: StalledEmergency) -> None:
    """Its own share leaves by the door that owes the patient's notice."""
    with pytest.raises(DeniedError) as refused:
        world.broker.emergency_share(shown(world, asked))
    assert refused.value.reason == "NOT_OWN_SUBJECT"
    assert kinds(world) == [HANDED_OVER_LATE]


def test_a_trustee_does_not_answer_as_the_custodian(world: Trustees, asked: StalledEmergency) -> None:
    with pytest.raises(DeniedError) as refused:
        world.honest(HOSPITAL_B).emergency(asked)
    assert refused.value.reason == "NOT_OWN_SUBJECT"


def stolen(world: Trustees, asked: StalledEmergency) -> LateEmergency:
    """What a thief of the custodian's broker's key shows."""
    return LateEmergency(asked, word(world, ids.request_id(asked.access.request), world.clock.now()))


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": Basis.CONSENT},
        {"purposes": mask(Purpose.TREAT)},
        {"actions": 0},
        {"epoch": 2},
        {"not_after": 2**39},
        {"relay_by": 0},
        {"grantee": ids.institution_grantee(HOSPITAL_A)},
    ],
)
def test_a_stolen_custodians_key_opens_nothing_with_terms_that_no_ledger_takes(
    world: Trustees, changes: dict[str, Any]
) -> None:
    team = team_of(world)
    stall(world)
    asked = emergency(world, team, **changes)
    for number in (HOSPITAL_B, HOSPITAL_C):
        with pytest.raises(InputError):
            world.honest(number).emergency_share(stolen(world, asked))


def test_a_stolen_custodians_key_opens_nothing_without_two_badges(world: Trustees) -> None:
    made = list(teams(world))
    stall(world)
    for team in made:
        for number in (HOSPITAL_B, HOSPITAL_C):
            with pytest.raises(SignatureError):
                world.honest(number).emergency_share(stolen(world, emergency(world, team)))
    assert [kinds(broker) for broker in world.others.values()] == [[], []]


def test_a_stolen_custodians_key_opens_nothing_without_a_stall_at_the_others(world: Trustees) -> None:
    team = team_of(world)
    asked = emergency(world, team)
    for number in (HOSPITAL_B, HOSPITAL_C):
        with pytest.raises(DeniedError) as refused:
            world.honest(number).emergency_share(stolen(world, asked))
        assert refused.value.reason == "NOT_STALLED"


def test_terms_hold_when_the_custodian_says_it_handed_over_too(world: Trustees) -> None:
    """The ledger judges by that time: what did not hold then is not recorded afterwards."""
    team = team_of(world)
    stall(world)
    asked = emergency(world, team)
    about = ids.request_id(asked.access.request)
    with pytest.raises(InputError, match="window"):
        world.honest(HOSPITAL_B).emergency_share(LateEmergency(asked, word(world, about, world.clock.now() - 1)))


def test_an_overdue_review_is_refused_at_every_trustee(world: Trustees) -> None:
    team = team_of(world, lasts_s=6 * 86_400)
    subject = world.mirror.catch_up().studies()[0].subject
    open_emergency(world).run(team, subject=subject, hours=1)
    world.clock.advance(REVIEW_WITHIN_S + 1)
    stall(world)
    asked = emergency(world, team)
    for number in (HOSPITAL_B, HOSPITAL_C):
        with pytest.raises(DeniedError) as refused:
            world.honest(number).emergency_share(stolen(world, asked))
        assert refused.value.reason == "REVIEW_OVERDUE"
        assert kinds(world.others[number]) == ["late_denied"]


def test_a_revoke_that_a_trustee_took_holds_there(world: Trustees, asked: StalledEmergency) -> None:
    revoke = Revoke(ids.grant_id(asked.grant.grant))
    approval = Approval(world.patient.address, world.patient.sign(world.domains.digest(revoke)))
    trustee = world.others[HOSPITAL_B]
    trustee.take_revoke.take(RevokeAct(asked.grant.grant, approval))
    with pytest.raises(DeniedError) as refused:
        trustee.emergency_share(stolen(world, asked))
    assert refused.value.reason == "GRANT_REVOKED"


def test_a_request_is_judged_like_any_other(world: Trustees) -> None:
    team = team_of(world)
    stall(world)
    asked = emergency(world, team)
    for changed, reason in (
        ({"purpose": Purpose.TREAT}, "PURPOSE_NOT_GRANTED"),
        ({"recipient": bytes(32)}, "RECIPIENT_UNPUBLISHED"),
        ({"action": Action.DERIVE}, "ACTION_NOT_GRANTED"),
    ):
        request = dataclasses.replace(asked.access.request, **changed)
        signature = team[0].signer.sign(world.domains.digest(request))
        access = dataclasses.replace(asked.access, request=request, signature=signature)
        with pytest.raises(DeniedError) as refused:
            world.honest(HOSPITAL_B).emergency_share(stolen(world, dataclasses.replace(asked, access=access)))
        assert refused.value.reason == reason


def test_without_a_journal_no_share_leaves(world: Trustees, asked: StalledEmergency) -> None:
    trustee = world.others[HOSPITAL_B]
    trustee.journal.working = False
    with pytest.raises(JournalError):
        trustee.emergency_share(stolen(world, asked))
    trustee.journal.working = True
    assert trustee.late.waiting() == ()


def test_clocks_may_be_a_little_apart(world: Trustees, asked: StalledEmergency) -> None:
    ahead = MemoryClock(world.clock.now() + NEAR_S)
    world.others[HOSPITAL_B].clock = ahead
    given = shown(world, asked)
    assert world.honest(HOSPITAL_B).emergency_share(given).trustee == HOSPITAL_B
    ahead.advance(1)
    with pytest.raises(InputError, match="custodian's word"):
        world.honest(HOSPITAL_B).emergency_share(given)


def test_only_a_proved_team_is_counted(world: Trustees, asked: StalledEmergency) -> None:
    """Nobody uses up what is another's."""
    counted: list[set[bytes]] = []
    emergencies = world.others[HOSPITAL_B].emergencies
    alone = dataclasses.replace(asked, grant=dataclasses.replace(asked.grant, approvals=asked.grant.approvals[:1]))
    unsaid = LateEmergency(asked, word(world, bytes(32), world.clock.now()))
    for given, error in ((stolen(world, alone), SignatureError), (unsaid, InputError)):
        with pytest.raises(error):
            emergencies.share(given, lambda team: counted.append({team.first, team.second}))
    assert counted == []
    emergencies.share(stolen(world, asked), lambda team: counted.append({team.first, team.second}))
    assert counted == [{each.credential.badge.person for each in asked.grant.approvals if each.credential}]
