"""The STOW-RS door over in-memory parts: what it takes, how it answers, what it never lets through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from fiducia.app.intake import IntakeParts, stow
from fiducia.app.intake.stow import create_app
from fiducia.errors import VaultError
from fiducia.journeys.intake.closing import CloseStudies
from fiducia.journeys.intake.receive import ReceiveInstance
from fiducia.journeys.intake.spooled import RegisterSpooled, SpooledInstances
from fiducia.journeys.studies.commitment import TellStanding
from tests.support.consortium import HOSPITAL_A, Consortium

TOKEN = "11" * 32
HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": 'multipart/related; type="application/dicom"; boundary=b1',
}


@pytest.fixture
def world() -> Consortium:
    return Consortium()


def door_of(world: Consortium, quiet_s: int = 30) -> IntakeParts:
    instances = SpooledInstances(world.spool)
    register = RegisterSpooled(spool=world.spool, register=world.register_from(instances, instances).run)
    return IntakeParts(
        receive=ReceiveInstance(spool=world.spool, examiner=world.examiner, clock=world.clock, steps=world.steps),
        close=CloseStudies(spool=world.spool, register=register, clock=world.clock, quiet_s=quiet_s),
        tell=TellStanding(spool=world.spool, studies=world.studies),
        custodian=HOSPITAL_A,
        registrar=world.registrar,
        token=TOKEN,
        ready=lambda: None,
    )


@pytest.fixture
def client(world: Consortium) -> Iterator[TestClient]:
    with TestClient(create_app(door_of(world))) as client:
        yield client


def body(*instances: bytes, kind: bytes = b"application/dicom", end: bytes = b"--b1--\r\n") -> bytes:
    parts = (b"--b1\r\nContent-Type: " + kind + b"\r\n\r\n" + data + b"\r\n" for data in instances)
    return b"".join(parts) + end


def uids(answer: Any, tag: str) -> list[str]:
    return [item["00081155"]["Value"][0] for item in answer.json().get(tag, {}).get("Value", ())]


def test_what_was_answered_for_is_in_the_spool_as_it_came(world: Consortium, client: TestClient) -> None:
    files = list(world.add_series(3).values())
    answer = client.post("/studies", content=body(*files), headers=HEADERS)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom+json")
    kept = world.spool.all()
    assert [each.waiting for each in kept] == [True] * 3
    assert [world.spool.open(each.spool_id).read() for each in kept] == files
    assert uids(answer, "00081199") == [each.examined.info.sop_instance_uid for each in kept]
    assert "00081198" not in answer.json()
    assert answer.json()["00081190"] == {"vr": "UR"}  # nothing is known to retrieve it from
    assert all(item["00081190"] == {"vr": "UR"} for item in answer.json()["00081199"]["Value"])
    assert {each.door for each in kept} == {"stow"}


def test_a_gateway_that_is_named_is_where_it_can_be_retrieved(world: Consortium) -> None:
    base = "https://viewer.hospital.example/dicomweb"
    mine = list(world.add_series(2).values())
    (other,) = world.add_series(1, study="another").values()
    with TestClient(create_app(door_of(world), gateway=base)) as client:
        one = client.post("/studies", content=body(*mine), headers=HEADERS).json()
        several = client.post("/studies", content=body(*mine, other), headers=HEADERS).json()
    infos = [each.examined.info for each in world.spool.all()[:2]]
    study = f"{base}/studies/{infos[0].study_instance_uid}"
    assert one["00081190"] == {"vr": "UR", "Value": [study]}
    assert [item["00081190"]["Value"] for item in one["00081199"]["Value"]] == [
        [f"{study}/series/{info.series_instance_uid}/instances/{info.sop_instance_uid}"] for info in infos
    ]
    assert several["00081190"] == {"vr": "UR"}  # no one URL has several studies
    assert len({item["00081190"]["Value"][0] for item in several["00081199"]["Value"]}) == 3


def test_pieces_of_any_size_make_the_same_instances(world: Consortium, client: TestClient) -> None:
    files = list(world.add_series(2).values())
    whole = body(*files)
    for step in (1, 7, 4096):
        assert client.post("/studies", content=_by(step, whole), headers=HEADERS).status_code == 200
    found = [world.spool.open(each.spool_id).read() for each in world.spool.all()]
    assert found == files * 3


def test_some_are_taken_and_each_that_is_not_says_why(world: Consortium, client: TestClient) -> None:
    first, second, third = world.add_series(3).values()
    answer = client.post(
        "/studies", content=body(first, b"MZ" + second[2:], b"no DICOM at all", third), headers=HEADERS
    )
    assert answer.status_code == 202
    told = answer.json()
    assert len(uids(answer, "00081199")) == 2
    assert told["00081198"]["Value"][0]["00081197"]["Value"] == [0xC001]
    assert told["0008119A"]["Value"] == [{"00081197": {"vr": "US", "Value": [0xC000]}}]
    assert [each.waiting for each in world.spool.all()] == [True, False, True]


def test_none_is_taken(world: Consortium, client: TestClient) -> None:
    assert client.post("/studies", content=body(b"x", b""), headers=HEADERS).status_code == 409
    assert world.spool.all() == ()


def test_another_study_than_announced_is_not_taken(world: Consortium, client: TestClient) -> None:
    (data,) = world.add_series(1).values()
    assert client.post("/studies/1.2.3", content=body(data), headers=HEADERS).status_code == 409
    assert world.spool.all() == ()
    assert client.post("/studies", content=body(data), headers=HEADERS).status_code == 200
    study = world.spool.all()[0].examined.info.study_instance_uid
    assert client.post(f"/studies/{study}", content=body(data), headers=HEADERS).status_code == 200


@pytest.mark.parametrize("given", ["", "Bearer ", f"Bearer {TOKEN[:-1]}0", f"Basic {TOKEN}", TOKEN, "Bearer \xe9"])
def test_who_does_not_bear_the_token_is_not_heard(world: Consortium, client: TestClient, given: str) -> None:
    (data,) = world.add_series(1).values()
    headers = {name.encode(): value.encode("latin_1") for name, value in (HEADERS | {"Authorization": given}).items()}
    answer = client.post("/studies", content=body(data), headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert world.spool.all() == ()


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/dicom", 415),
        ('multipart/form-data; type="application/dicom"; boundary=b1', 415),
        ('multipart/related; type="application/dicom+json"; boundary=b1', 415),
        ("multipart/related; boundary=b1", 415),
        ("", 415),
        ('multipart/related; type="application/dicom"', 400),
        (f'multipart/related; type="application/dicom"; boundary={"b" * 129}', 400),
        ('multipart/related; type="application/dicom"; boundary=other', 400),
    ],
)
def test_another_media_type_is_refused(world: Consortium, client: TestClient, content_type: str, status: int) -> None:
    (data,) = world.add_series(1).values()
    answer = client.post("/studies", content=body(data), headers=HEADERS | {"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.spool.all() == ()


@pytest.mark.parametrize("kind", [b"application/dicom+json", b"image/jpeg"])
def test_a_part_that_is_no_instance_is_refused(world: Consortium, client: TestClient, kind: bytes) -> None:
    (data,) = world.add_series(1).values()
    assert client.post("/studies", content=body(data, kind=kind), headers=HEADERS).status_code == 415
    assert world.spool.all() == ()


def test_a_body_that_ends_early_keeps_what_was_whole(world: Consortium, client: TestClient) -> None:
    first, second = world.add_series(2).values()
    whole = body(first, second)
    for cut in (len(whole) - 200, len(body(first, end=b"")) + 20, len(whole) - 4):
        answer = client.post("/studies", content=whole[:cut], headers=HEADERS)
        assert answer.status_code == 400
    # The first of each, and the second of the last, whose boundary came.
    kept = [world.spool.open(each.spool_id).read() for each in world.spool.all()]
    assert set(kept) <= {first, second}
    assert kept.count(first) == 3
    assert client.post("/studies", content=b"--b1--\r\n", headers=HEADERS).status_code == 400


def test_what_is_too_much_is_refused(world: Consortium, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = world.add_series(2).values()
    monkeypatch.setattr(stow, "INSTANCES_MAX", 1)
    assert client.post("/studies", content=body(first, second), headers=HEADERS).status_code == 400
    monkeypatch.undo()
    world.spool.remove([each.spool_id for each in world.spool.all()])
    monkeypatch.setattr(stow, "INSTANCE_MAX_BYTES", len(first))
    endless = first + bytes(3 << 20)  # many more pieces than wait for being taken
    answer = client.post("/studies", content=_by(65536, body(endless, second)), headers=HEADERS)
    assert answer.status_code == 202
    assert answer.json()["0008119A"]["Value"][0]["00081197"]["Value"] == [0xA700]
    assert [world.spool.open(each.spool_id).read() for each in world.spool.all()] == [second]


def _by(step: int, whole: bytes) -> Iterator[bytes]:
    return (whole[at : at + step] for at in range(0, len(whole), step))


def test_a_spool_that_keeps_nothing_is_said_so(world: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(pieces: object) -> None:
        raise VaultError("the disk is full")

    monkeypatch.setattr(world.spool, "take", full)
    (data,) = world.add_series(1).values()

    def not_ready() -> None:
        raise VaultError("the disk is full")

    with TestClient(create_app(replace(door_of(world), ready=not_ready))) as client:
        assert client.post("/studies", content=body(data, data), headers=HEADERS).status_code >= 500
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200


def test_paths_and_methods_that_are_none(client: TestClient) -> None:
    assert client.get("/studies").status_code == 405
    assert client.post("/instances", headers=HEADERS).status_code == 404


# -- closing


def test_a_study_closes_when_it_is_quiet_and_what_comes_later_is_a_revision(world: Consortium) -> None:
    door = door_of(world)
    first, second, third = world.add_series(3).values()
    with TestClient(create_app(door)) as client:
        client.post("/studies", content=body(first, second), headers=HEADERS)
        assert door.close.run(custodian=HOSPITAL_A, registrar=world.registrar).studies == ()
        world.clock.advance(30)
        (study,) = door.close.run(custodian=HOSPITAL_A, registrar=world.registrar).studies
        assert (study.revision, study.instances) == (1, 2)
        assert world.spool.all() == ()
        client.post("/studies", content=body(third, first), headers=HEADERS)
        (waiting,) = door.close.waiting()
        assert (len(waiting.spool_ids), waiting.series, waiting.doors) == (2, 1, ("stow",))
        (again,) = door.close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True).studies
        assert (again.study_id, again.revision, again.instances) == (study.study_id, 2, 3)
    assert door.close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True).studies == ()


def test_an_unknown_patient_waits_and_is_not_tried_over_and_over(world: Consortium) -> None:
    door = door_of(world, quiet_s=0)
    (data,) = world.add_series(1).values()
    known, world.patients = world.patients, type(world.patients)()
    door = door_of(world, quiet_s=0)
    with TestClient(create_app(door)) as client:
        client.post("/studies", content=body(data), headers=HEADERS)
        done = door.close.run(custodian=HOSPITAL_A, registrar=world.registrar)
        assert (done.studies, len(done.problems)) == ((), 1)
        assert door.close.run(custodian=HOSPITAL_A, registrar=world.registrar).problems == ()
        assert len(door.close.waiting()) == 1
        client.post("/studies", content=body(data), headers=HEADERS)  # more of it comes
        assert len(door.close.run(custodian=HOSPITAL_A, registrar=world.registrar).problems) == 1
    world.patients = known
    assert door_of(world).close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True).studies
