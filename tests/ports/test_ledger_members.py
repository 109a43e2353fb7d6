"""`ports.Ledger`: what the governors decide about a member, on the ledger in memory and on a real chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.records import events
from fiducia.records.ledger import Act, KeyKind, RecordAct
from tests.ports.conftest import World
from tests.support import deeds
from tests.support.signers import A, B, Scene, Signers, key, prepare
from tests.support.told import replayed, taken_once


@pytest.fixture
def scene(world: World) -> Scene:
    """Ready for releases."""
    return prepare(world.ledger, world.c)


def denial(world: World, scene: Scene) -> str:
    """Return why a fresh request is refused; empty when it is not."""
    try:
        world.ledger.submit(RecordAct(scene.c.access(scene.study_id, scene.grant)))
    except DeniedError as error:
        return error.reason
    return ""


def test_a_suspended_institution_is_given_nothing_until_it_is_reinstated(world: World, scene: Scene) -> None:
    c, access = world.c, scene.c.access(scene.study_id, scene.grant)
    world.ledger.submit(RecordAct(access))
    (event,) = taken_once(world, deeds.suspend(c, B, 1, round=1), events.MemberSuspended)
    assert isinstance(event, events.MemberSuspended)
    assert event.institution == B
    assert denial(world, scene) == "INSTITUTION_INACTIVE"
    assert world.ledger.are_open([access.request])[1] == (False,)
    taken_once(world, deeds.reinstate(c, B, 1, round=2), events.MemberReinstated)
    assert world.ledger.are_open([access.request])[1] == (True,)
    with pytest.raises(InputError, match="round"):
        world.ledger.submit(deeds.suspend(c, B, 1, round=1))


def test_a_replaced_governor_has_no_say(world: World) -> None:
    c = world.c
    act = deeds.replace_governor(c, B, "governor 2b", 1, round=1)
    (event,) = taken_once(world, act, events.GovernorReplaced)
    assert isinstance(event, events.GovernorReplaced)
    assert (event.institution, event.governor, event.round) == (B, key("governor 2b").address, 1)
    publication = c.publish(B, KeyKind.LOG, b"a log's key")
    with pytest.raises(SignatureError):
        world.ledger.submit(publication)
    signature = c.sign(key("governor 2b"), publication.publish)
    world.ledger.submit(replace(publication, signature=signature))


def test_exports_are_changed_by_vote_and_narrowed_at_once(world: World, scene: Scene) -> None:
    c = world.c
    (narrowed,) = taken_once(world, deeds.narrow_exports(c, A, 0b010, round=1), events.ExportsChanged)
    assert isinstance(narrowed, events.ExportsChanged)
    assert (narrowed.exports, narrowed.round) == (0b010, 0)
    assert denial(world, scene) == "REGION"
    (changed,) = taken_once(world, deeds.change_exports(c, A, 0b111, 1, 2, round=1), events.ExportsChanged)
    assert isinstance(changed, events.ExportsChanged)
    assert (changed.exports, changed.round) == (0b111, 1)
    assert denial(world, scene) == ""
    with pytest.raises(InputError):
        world.ledger.submit(deeds.narrow_exports(c, A, 0b010, round=1))
    member = replayed(world).member(A)
    assert member is not None
    assert member.exports == 0b111


REFUSED: dict[str, tuple[Callable[[Signers], Act], type[Exception]]] = {
    "its own vote": (lambda c: deeds.suspend(c, B, 1, 2, round=1), SignatureError),
    "no vote": (lambda c: deeds.suspend(c, B, round=1), InputError),
    "another round": (lambda c: deeds.suspend(c, B, 1, round=2), InputError),
    "active already": (lambda c: deeds.reinstate(c, B, 1, 2, round=1), InputError),
    "nobody": (lambda c: deeds.reinstate(c, 9, 1, 2, round=1), InputError),
    "a governor of another": (lambda c: deeds.replace_governor(c, B, "governor 1", 1, round=1), InputError),
    "no majority": (lambda c: deeds.change_exports(c, B, 1, 1, round=1), InputError),
    "wider": (lambda c: deeds.narrow_exports(c, B, 0b111, round=1), InputError),
    "a round ahead": (lambda c: deeds.narrow_exports(c, B, 0b010, round=2), InputError),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_decision_about_a_member_is_refused(world: World, case: str) -> None:
    make, error = REFUSED[case]
    with pytest.raises(error) as caught:
        world.ledger.submit(make(world.c))
    assert type(caught.value) is error
