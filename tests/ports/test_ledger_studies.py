"""`ports.Ledger`: a study's life after its anchor, on the ledger in memory and on a real chain."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fiducia.core import ids
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.records import events
from fiducia.records.ledger import Act, RecordAct, StudyStatus
from tests.ports.conftest import World
from tests.support import deeds
from tests.support.signers import A, Scene, key, prepare
from tests.support.staff import OFFICER_A, OFFICER_B, REGISTRAR_A, StaffMember, published_issuers
from tests.support.told import replayed, taken_once

CERTIFICATE = bytes([5]) * 32


@pytest.fixture
def scene(world: World) -> Scene:
    """Ready for releases, with badges of both hospitals."""
    made = prepare(world.ledger, world.c)
    for act in published_issuers(world.c, A):
        world.ledger.submit(act)
    return made


def denial(world: World, scene: Scene) -> str:
    """Return why a fresh request is refused; empty when it is not."""
    try:
        world.ledger.submit(RecordAct(scene.c.access(scene.study_id, scene.grant)))
    except DeniedError as error:
        return error.reason
    return ""


def test_a_revision_is_withdrawn_then_the_study(world: World, scene: Scene) -> None:
    c, access = world.c, scene.c.access(scene.study_id, scene.grant)
    world.ledger.submit(RecordAct(access))
    (event,) = taken_once(world, deeds.withdraw(c, scene.study_id, 1), events.StudyWithdrawn)
    assert isinstance(event, events.StudyWithdrawn)
    assert event.revision == 1
    assert denial(world, scene) == "REVISION_WITHDRAWN"
    assert world.ledger.facts(access).revision_withdrawn
    assert world.ledger.are_open([access.request])[1] == (False,)
    world.ledger.submit(c.revise(scene.study_id, 2))
    taken_once(world, deeds.withdraw(c, scene.study_id), events.StudyWithdrawn)
    assert world.ledger.facts(access).study_status is StudyStatus.WITHDRAWN
    with pytest.raises(InputError, match="withdrawn"):
        world.ledger.submit(c.revise(scene.study_id, 3))


def test_retention_only_ever_lasts_longer(world: World, scene: Scene) -> None:
    c = world.c
    (event,) = taken_once(world, deeds.retain(c, scene.study_id, 40_000), events.StudyRetained)
    assert isinstance(event, events.StudyRetained)
    assert event.retain_until_day == 40_000
    with pytest.raises(InputError, match="never ends earlier"):
        world.ledger.submit(deeds.retain(c, scene.study_id, 39_999))


def test_a_study_whose_retention_runs_is_erased_only_if_the_patient_asks(world: World, scene: Scene) -> None:
    c, access = world.c, scene.c.access(scene.study_id, scene.grant)
    erasure = deeds.erase(c, scene.study_id, CERTIFICATE)
    with pytest.raises(InputError, match="withdraw"):
        world.ledger.submit(erasure)
    world.ledger.submit(deeds.withdraw(c, scene.study_id))
    with pytest.raises(InputError, match="kept until"):
        world.ledger.submit(erasure)
    (asked,) = taken_once(world, deeds.request_erasure(c, scene.study_id), events.ErasureRequested)
    assert isinstance(asked, events.ErasureRequested)
    assert asked.by == ids.signer_hash(c.patient.address)
    (event,) = taken_once(world, erasure, events.StudyErased)
    assert isinstance(event, events.StudyErased)
    assert event.certificate == CERTIFICATE
    assert world.ledger.facts(access).study_status is StudyStatus.ERASED
    assert denial(world, scene) == "STUDY_ERASED"
    with pytest.raises(InputError):
        world.ledger.submit(deeds.erase(c, scene.study_id, bytes([6]) * 32))


def test_asking_for_erasure_withdraws_at_once(world: World, scene: Scene) -> None:
    taken_once(world, deeds.request_erasure(world.c, scene.study_id), events.ErasureRequested, events.StudyWithdrawn)
    assert denial(world, scene) == "STUDY_WITHDRAWN"


def test_a_hold_stands_against_erasure_until_two_institutions_lift_it(world: World, scene: Scene) -> None:
    c = world.c
    (held,) = taken_once(world, deeds.hold(c, scene.study_id), events.StudyHeld)
    assert isinstance(held, events.StudyHeld)
    assert (held.serial, held.by) == (0, OFFICER_A.person)
    world.ledger.submit(deeds.request_erasure(c, scene.study_id))
    erasure = deeds.erase(c, scene.study_id, CERTIFICATE)
    with pytest.raises(InputError, match="hold"):
        world.ledger.submit(erasure)
    (lifted,) = taken_once(world, deeds.lift_hold(c, scene.study_id), events.HoldLifted)
    assert isinstance(lifted, events.HoldLifted)
    assert (lifted.by, lifted.second) == (OFFICER_A.person, OFFICER_B.person)
    with pytest.raises(InputError, match="hold"):
        world.ledger.submit(deeds.hold(c, scene.study_id))
    world.ledger.submit(deeds.hold(c, scene.study_id, serial=1))
    world.ledger.submit(deeds.lift_hold(c, scene.study_id, serial=1))
    world.ledger.submit(erasure)
    study = replayed(world).study(scene.study_id)
    assert study is not None
    assert study.status is StudyStatus.ERASED


REFUSED: dict[str, tuple[Callable[[Scene], Act], type[Exception]]] = {
    "a hold by another hospital": (lambda s: deeds.hold(s.c, s.study_id, OFFICER_B), SignatureError),
    "a hold by no officer": (lambda s: deeds.hold(s.c, s.study_id, REGISTRAR_A), SignatureError),
    "a hold of another serial": (lambda s: deeds.hold(s.c, s.study_id, serial=1), InputError),
    "no hold to lift": (lambda s: deeds.lift_hold(s.c, s.study_id), InputError),
    "erasure asked by a registrar": (
        lambda s: deeds.request_erasure(s.c, s.study_id, s.c.registrar),
        SignatureError,
    ),
    "erasure asked by a stranger": (
        lambda s: deeds.request_erasure(s.c, s.study_id, key("somebody")),
        SignatureError,
    ),
    "no such revision": (lambda s: deeds.withdraw(s.c, s.study_id, 2), InputError),
    "no such study": (lambda s: deeds.withdraw(s.c, bytes(32)), InputError),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_asked_of_a_study_is_refused(world: World, scene: Scene, case: str) -> None:
    make, error = REFUSED[case]
    with pytest.raises(error) as caught:
        world.ledger.submit(make(scene))
    assert type(caught.value) is error


@pytest.mark.parametrize("by", [(OFFICER_A,), (OFFICER_B, OFFICER_A), (OFFICER_A, OFFICER_A)], ids=["1", "B A", "A A"])
def test_one_institution_does_not_lift_a_hold(world: World, scene: Scene, by: tuple[StaffMember, ...]) -> None:
    world.ledger.submit(deeds.hold(world.c, scene.study_id))
    with pytest.raises(InputError, match="two institutions"):
        world.ledger.submit(deeds.lift_hold(world.c, scene.study_id, *by))
