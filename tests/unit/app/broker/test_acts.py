"""The broker's door for what is decided about its patients, and for restrictions, over in-memory ports."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from starlette.testclient import TestClient

from fiducia.app.broker import create_app
from fiducia.app.broker.limits import Limits
from fiducia.core import ids, wire
from fiducia.core.problems import from_problem
from fiducia.core.typed_data import hash_struct
from fiducia.core.wire_types import tag_of
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.journeys.members.carry import CARRIED
from fiducia.journeys.patients.approving import Approver
from fiducia.records.ledger import (
    CompleteRecoveryAct,
    LiftAct,
    Receipt,
    RequestErasureAct,
    RestrictAct,
    RotateAct,
    VetoRecoveryAct,
)
from fiducia.records.typed import Lift, Recover, RequestErasure, Restrict, Rotate, Veto
from tests.support.consortium import key
from tests.support.household import Household, settled
from tests.unit.app.broker.test_broker import parts_of


@pytest.fixture
def world() -> Household:
    return settled()


@pytest.fixture
def client(world: Household) -> Iterator[TestClient]:
    with TestClient(create_app(parts_of(world)), raise_server_exceptions=False) as client:
        yield client


def rotation(world: Household, subject: bytes | None = None) -> RotateAct:
    struct = Rotate(subject or world.subject, ids.signer_hash(world.new_key.address), 1)
    signature = world.new_key.sign(world.domains.digest(struct))
    approval = Approver(world.patient).approve(world.domains, struct)
    return RotateAct(struct, world.new_key.address, signature, approval)


def test_an_act_of_ones_own_patient_is_carried(world: Household, client: TestClient) -> None:
    answer = client.post("/v1/acts", content=wire.encode(rotation(world)))
    assert answer.status_code == 200
    assert wire.decode(Receipt, answer.content).events
    assert world.entry.signer_hash == ids.signer_hash(world.new_key.address)


def test_an_act_about_an_unknown_patient_or_study_is_not(world: Household, client: TestClient) -> None:
    erasure = RequestErasure(b"\x01" * 32)
    act = RequestErasureAct(erasure, Approver(world.patient).approve(world.domains, erasure))
    for body in (rotation(world, b"\x02" * 20), act, CompleteRecoveryAct(b"\x02" * 20)):
        answer = client.post("/v1/acts", content=wire.encode(body))
        error = from_problem(answer.content, answer.status_code)
        assert isinstance(error, DeniedError)
        assert error.reason == "NOT_OWN_SUBJECT"


def test_what_the_ledger_refuses_comes_back_as_that(world: Household, client: TestClient) -> None:
    answer = client.post("/v1/acts", content=wire.encode(CompleteRecoveryAct(world.subject)))
    assert isinstance(from_problem(answer.content, answer.status_code), InputError)
    struct = Rotate(world.subject, ids.signer_hash(world.new_key.address), 1)
    forged = Approver(key(99)).approve(world.domains, struct)
    act = RotateAct(struct, world.new_key.address, world.new_key.sign(world.domains.digest(struct)), forged)
    answer = client.post("/v1/acts", content=wire.encode(act))
    assert isinstance(from_problem(answer.content, answer.status_code), SignatureError)


def test_the_doors_do_not_take_each_others_acts(world: Household, client: TestClient) -> None:
    restrict = Restrict(world.subject, 1)
    restriction = RestrictAct(restrict, Approver(world.patient).approve(world.domains, restrict))
    for path, act in (
        ("/v1/acts", restriction),
        ("/v1/grants", restriction),
        ("/v1/revocations", rotation(world)),
    ):
        answer = client.post(path, content=wire.encode(act))
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:fiducia:problem:encoding")
        assert "takes" in answer.json()["detail"]


def test_a_restriction_is_taken_also_while_the_chain_is_down(world: Household, client: TestClient) -> None:
    world.mirror.catch_up()
    world.ledger.faults.unreachable = True
    restrict = Restrict(world.subject, 1)
    body = wire.encode(RestrictAct(restrict, Approver(world.patient).approve(world.domains, restrict)))
    taken = client.post("/v1/revocations", content=body)
    assert (taken.status_code, taken.json()) == (202, {"on_chain": False})
    assert "fiducia_revokes_waiting 1.0" in client.get("/metrics").text
    world.ledger.faults.unreachable = False
    taken = client.post("/v1/revocations", content=body)
    assert (taken.status_code, taken.json()) == (200, {"on_chain": True})
    assert world.entry.restricted


def test_carried_acts_are_limited_per_patient_but_neither_by_strangers_nor_what_takes_away(world: Household) -> None:
    begun = world.recover.run(world.subject, world.new_key, [world.officer_a, world.officer_b]).recovery
    recover = Recover(world.subject, begun.signer_hash, begun.attempt, begun.serial)
    veto = Veto(world.subject, hash_struct(recover))
    stop = VetoRecoveryAct(recover, Approver(world.patient).approve(world.domains, veto))

    def lifting(serial: int, by: int | None = None) -> bytes:
        struct = Lift(world.subject, serial)
        return wire.encode(
            LiftAct(struct, (Approver(key(by) if by else world.patient).approve(world.domains, struct),))
        )

    with TestClient(create_app(parts_of(world), limits=Limits(acts_per_minute=2))) as client:
        assert {client.post("/v1/acts", content=lifting(1, by=99)).status_code for _ in range(4)} == {403}
        statuses = [client.post("/v1/acts", content=lifting(serial)).status_code for serial in (1, 2, 3)]
        assert statuses == [200, 200, 429]
        assert client.post("/v1/acts", content=wire.encode(stop)).status_code == 200
    assert world.entry.recovery is None


def test_the_document_names_every_kind(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    body = schema["paths"]["/v1/acts"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    tags = [one["properties"]["type"]["const"] for one in body["oneOf"]]
    assert tags == [tag_of(kind) for kind in CARRIED]
    assert b"restrict_act" in orjson.dumps(schema["paths"]["/v1/revocations"])
