"""A key that signs for an institution is replaced; both are believed until the one of before is ended."""

from __future__ import annotations

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.app.key_slots import ProfileKeySlot
from fiducia.app.profiles import KeyName, Kind, Profiles, new_profile
from fiducia.core import ids
from fiducia.core.keys.kem import Kem
from fiducia.core.signatures import EoaKey
from fiducia.errors import InputError
from fiducia.journeys.members.members import PublishKey
from fiducia.journeys.members.rotating import RotatedKey, RotateKey
from fiducia.records.ledger import KeyKind
from tests.journeys.test_crashes import crashed_everywhere
from tests.support.consortium import HOSPITAL_B, Consortium

_NAME = "hospital-b"


def prepared() -> Consortium:
    """Hospital B's profile lies in a vault, with the issuer that the ledger knows."""
    world = Consortium()
    world.add_series(1)
    profile = new_profile(_NAME, Kind.INSTITUTION, world.entropy, member=_NAME, institution=HOSPITAL_B)
    Profiles(world.vault).save(profile.with_key(KeyName.ISSUER, (4).to_bytes(32, "big")))
    return world


def slot(world: Consortium) -> ProfileKeySlot:
    return ProfileKeySlot(Profiles(world.vault), _NAME, KeyName.ISSUER)


def rotation(world: Consortium) -> RotateKey:
    return RotateKey(
        publish=PublishKey(ledger=world.ledger, domains=world.domains),
        mirror=world.mirror,
        clock=world.clock,
        entropy=world.entropy,
        steps=world.steps,
        slot_of=lambda _: slot(world),
        broker_of=world.broker_of,
    )


def begin(world: Consortium) -> RotatedKey:
    return rotation(world).begin(KeyKind.ISSUER, HOSPITAL_B, world.governor_b)


def finish(world: Consortium) -> RotatedKey:
    return rotation(world).finish(KeyKind.ISSUER, HOSPITAL_B, world.governor_b)


def live(world: Consortium) -> set[bytes]:
    now = world.clock.now()
    keys = world.mirror.catch_up().keys(HOSPITAL_B, KeyKind.ISSUER)
    return {key.key_hash for key in keys if now < key.not_after}


def hash_of(secret: bytes | None) -> bytes:
    assert secret is not None
    return ids.key_hash(KeyKind.ISSUER, EoaKey(secret).address)


def test_both_are_believed_until_the_one_of_before_is_ended() -> None:
    world = prepared()
    old = hash_of(slot(world).present())
    (study,) = world.run_register().studies
    world.run_grant(study.study_id)
    done = begin(world)
    assert done.former == old != done.present
    assert live(world) == {old, done.present}
    world.run_fetch(study.study_id, MemoryDestination())  # under a badge of the issuer of before
    assert begin(world) == done, "begun already: it is not another one"
    ended = finish(world)
    assert ended == RotatedKey(KeyKind.ISSUER, done.present, None) == finish(world)
    assert live(world) == {done.present}
    assert hash_of(slot(world).present()) == done.present


def test_killed_at_any_step_the_same_half_completes_it() -> None:
    def check_begun(world: Consortium, point: str) -> None:
        assert hash_of(slot(world).present()) in live(world), point
        done = begin(world)
        assert live(world) == {done.present, done.former}, point
        finish(world)
        assert live(world) == {done.present}, point

    assert crashed_everywhere(prepared, begin, check_begun) == [
        "rotate-key.kept",
        "rotate-key.published",
        "rotate-key.switched",
    ]

    def begun() -> Consortium:
        world = prepared()
        begin(world)
        return world

    def check_finished(world: Consortium, point: str) -> None:
        assert live(world) == {finish(world).present}, point

    assert crashed_everywhere(begun, finish, check_finished) == ["rotate-key.ended", "rotate-key.forgotten"]


def test_what_is_not_begun_to_its_end_is_not_finished() -> None:
    world = prepared()
    slot(world).keep_next(world.entropy.token(32))
    before = live(world)
    with pytest.raises(InputError, match="without --finish"):
        finish(world)
    assert live(world) == before


def test_a_key_that_signs_is_of_no_kem() -> None:
    world = prepared()
    with pytest.raises(InputError, match="no KEM"):
        rotation(world).begin(KeyKind.ISSUER, HOSPITAL_B, world.governor_b, Kem.MLKEM1024_P384)
