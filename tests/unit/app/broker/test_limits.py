"""What a broker takes a minute from one person, one institution and one custodian; revokes are never limited."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from fiducia.app.broker import BrokerParts, create_app
from fiducia.app.broker.limits import Limits
from fiducia.core import wire
from fiducia.core.rules import Action, Purpose
from fiducia.errors import SignatureError
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.records.images import HandOver
from fiducia.records.ledger import RevokeAct
from fiducia.records.statements import (
    Collect,
    Deposit,
    EmergencyKeys,
    Keeping,
    LateEmergency,
    SignedCollect,
    SignedDeposit,
    SignedKeeping,
    SignedLate,
)
from fiducia.records.typed import Approval, Late, Revoke, StaffAccess
from tests.journeys.test_late import emergency, resume, stall
from tests.support.colleagues import staffed, team_of
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, Consortium, key
from tests.support.trustees import HOSPITAL_C, Trustees, dealt, request_id
from tests.unit.app.broker.test_broker import parts_of, study_of


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.run_register()
    return world


@contextmanager
def door(world: Consortium, **limits: int) -> Iterator[TestClient]:
    with TestClient(create_app(parts_of(world), limits=Limits(**limits)), raise_server_exceptions=False) as client:
        yield client


def access_of(world: Consortium) -> StaffAccess:
    draw_up = DrawUpRequest(mirror=world.mirror, clock=world.clock, entropy=world.entropy, domains=world.domains)
    access = draw_up.run(study_of(world), 0, Purpose.TREAT, Action.RETAIN, world.clinician)
    assert isinstance(access, StaffAccess)
    return access


def post(client: TestClient, path: str, *accesses: StaffAccess) -> list[int]:
    return [client.post(path, content=wire.encode(each)).status_code for each in accesses]


@pytest.mark.parametrize("who", ["person", "institution"])
def test_releases_are_limited_and_say_when_to_come_again(world: Consortium, who: str) -> None:
    world.run_grant(study_of(world))
    accesses = [access_of(world) for _ in range(3)]
    with door(world, **{f"releases_per_{who}": 2}) as client:
        assert post(client, "/v1/releases", *accesses[:2]) == [200, 200]
        over = client.post("/v1/releases", content=wire.encode(accesses[2]))
        assert (over.status_code, over.json()["type"]) == (429, "urn:fiducia:problem:limit")
        assert 1 <= int(over.headers["retry-after"]) <= 60
        assert post(client, "/v1/hand-overs", *accesses[:2]) == [200, 200]  # counted by themselves


@pytest.mark.parametrize("who", ["person", "institution"])
def test_hand_overs_are_limited(world: Consortium, who: str) -> None:
    world.run_grant(study_of(world))
    access = access_of(world)
    with door(world, **{f"hand_overs_per_{who}": 2}) as client:
        assert post(client, "/v1/hand-overs", access) == [503]  # not recorded yet: asked again, it is not counted
        assert post(client, "/v1/releases", access) == [200]
        assert post(client, "/v1/hand-overs", access, access, access) == [200, 200, 429]


def test_what_a_verified_person_is_refused_counts(world: Consortium) -> None:
    access = access_of(world)  # without a grant
    with door(world, releases_per_person=2) as client:
        assert post(client, "/v1/releases", access, access, access) == [403, 403, 429]


def test_a_stranger_uses_up_nobodys_releases(world: Consortium) -> None:
    world.run_grant(study_of(world))
    access = access_of(world)
    badge = access.badge
    forged = replace(access, badge=replace(badge, signature=key(99).sign(world.domains.digest(badge.badge))))
    with door(world, releases_per_person=1, releases_per_institution=1) as client:
        assert post(client, "/v1/releases", forged, forged, access) == [403, 403, 200]


def test_no_limit_keeps_anybody_from_a_revoke(world: Consortium) -> None:
    given = world.run_grant(study_of(world))
    signature = world.patient.sign(world.domains.digest(Revoke(given.grant_id)))
    revoke = wire.encode(RevokeAct(given.grant, Approval(world.patient.address, signature)))
    with door(world, requests_per_minute=1, grants_per_minute=1, acts_per_minute=1) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/healthz").status_code == 429
        assert [client.post("/v1/revocations", content=revoke).status_code for _ in range(3)] == [200] * 3


def test_an_emergency_is_handed_over_at_the_door_while_the_chain_stalls_and_no_badge_limit_keeps_it(
    world: Consortium,
) -> None:
    team = team_of(staffed(world))
    stall(world)
    asked = emergency(world, team)
    with door(world, hand_overs_per_person=1, hand_overs_per_institution=1) as client:
        body = wire.encode(asked)
        answers = [client.post("/v1/emergencies", content=body) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        handed = wire.decode(EmergencyKeys, answers[0].content).hand_over
        assert handed is not None
        assert handed.trustee == HOSPITAL_A
        assert "fiducia_late" in client.get("/metrics").text
    assert [entry.kind for entry in world.journal.entries() if entry.kind.startswith("late_")] == [
        "late_handed_over"
    ] * 3
    resume(world)
    assert world.asking.record_late.run() == 0
    assert len(world.mirror.catch_up().late_releases()) == 1


def trustee_parts(world: Trustees, institution: int) -> BrokerParts:
    """A trustee's broker, as far as emergencies go; what else it answers with is hospital A's."""
    broker, parts = world.others[institution], parts_of(world)
    asking = replace(parts.asking, late=broker.late, hand_over=broker.emergencies, record_late=broker.record_late)
    return replace(parts, institution=institution, journal=broker.journal, taken=broker.taken, asking=asking)


@pytest.mark.parametrize("who", ["person", "institution"])
def test_a_trustee_hands_over_at_its_door_so_often_to_the_same_team(who: str) -> None:
    world = dealt()
    team = team_of(world)
    stall(world)
    asked = emergency(world, team)
    alone = replace(asked.grant, approvals=asked.grant.approvals[:1])
    unproved = replace(asked, grant=alone)
    with door(world) as custodian:
        answers = [custodian.post("/v1/emergencies", content=wire.encode(each)) for each in (asked, unproved)]
    assert [answer.status_code for answer in answers] == [200, 403]
    said = wire.decode(EmergencyKeys, answers[0].content).late
    bodies = [wire.encode(LateEmergency(each, said)) for each in (unproved, asked, asked, asked)]
    limits = Limits(**{f"emergencies_per_{who}": 2})
    with TestClient(create_app(trustee_parts(world, HOSPITAL_C), limits=limits)) as client:
        answers = [client.post("/v1/emergencies/shares", content=body) for body in bodies]
        assert [answer.status_code for answer in answers] == [403, 200, 200, 429]
        assert wire.decode(HandOver, answers[1].content).trustee == HOSPITAL_C
        assert answers[0].headers["content-type"] == answers[3].headers["content-type"] == "application/problem+json"
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        assert "fiducia_late_waiting 1.0" in client.get("/metrics").text
        too_long = client.post("/v1/emergencies/shares", content=b" " * (limits.body_bytes + 1))
        assert (too_long.status_code, client.post("/v1/emergencies/shares", content=b"{}").status_code) == (413, 400)
    assert [entry.kind for entry in world.others[HOSPITAL_C].journal.entries()][-2:] == ["late_share_handed_over"] * 2


def test_a_trustees_door_gives_its_reason_as_the_custodians_does() -> None:
    world = dealt()
    team = team_of(world)
    asked = emergency(world, team)
    late = Late(request_id(asked.access), world.clock.now())
    shown = LateEmergency(asked, SignedLate(late, world.broker_sign.sign(world.domains.digest(late))))
    with TestClient(create_app(trustee_parts(world, HOSPITAL_B))) as client:
        refused = client.post("/v1/emergencies/shares", content=wire.encode(shown))
    assert (refused.status_code, refused.json()["reason"]) == (403, "NOT_STALLED")


class Kept:
    """A trustee that keeps and gives what any but custodian 9 sends."""

    def run(self, signed: SignedDeposit) -> SignedKeeping:
        self.require(signed.signature)
        return SignedKeeping(Keeping(bytes(32), 1, bytes(32), bytes(32)), b"")

    def collect(self, signed: SignedCollect) -> SignedKeeping:
        self.require(signed.signature)
        return SignedKeeping(Keeping(bytes(32), 1, bytes(32), bytes(32)), b"")

    def require(self, signature: bytes) -> None:
        if signature == b"forged":
            raise SignatureError("not signed by the custodian's broker")


def test_deposits_and_collections_are_limited_per_custodian(world: Consortium) -> None:
    def deposit(custodian: int, signature: bytes = b"good") -> bytes:
        struct = Deposit(bytes(32), bytes(20), custodian, 1, bytes(32), bytes(32))
        return wire.encode(SignedDeposit(struct, b"", signature))

    def collect(custodian: int, signature: bytes = b"good") -> bytes:
        return wire.encode(SignedCollect(Collect(bytes(32), 1, custodian, 1, bytes(32)), signature))

    parts = parts_of(world)
    kept = Kept()
    parts = replace(parts, trustee=replace(parts.trustee, keep=kept, give_up=kept))  # type: ignore[arg-type]
    limits = Limits(deposits_per_custodian=1, collections_per_custodian=1)
    with TestClient(create_app(parts, limits=limits)) as client:
        for path, make in (("/v1/deposits", deposit), ("/v1/collections", collect)):
            bodies = [make(2, b"forged"), make(2), make(2), make(3)]
            statuses = [client.post(path, content=body).status_code for body in bodies]
            assert statuses == [403, 200, 429, 200]
